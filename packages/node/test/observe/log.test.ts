import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { levelOf, LOG_EVENTS } from '../../src/observe/log-events.ts'
import { createNodeLog, type NodeLog } from '../../src/observe/node-log.ts'

function collect(level: Parameters<typeof createNodeLog>[0]): {
  nodeLog: NodeLog
  lines: Record<string, unknown>[]
} {
  const lines: Record<string, unknown>[] = []
  const nodeLog = createNodeLog(level, line => {
    lines.push(JSON.parse(line) as Record<string, unknown>)
  })
  return { nodeLog, lines }
}

t.test('a line is JSON with its level, time and event', async t => {
  const { nodeLog, lines } = collect('info')
  nodeLog.log('view change', { height: 4, cause: 'timeout' })
  t.match(lines, [{ level: 'info', event: 'view change', height: 4, cause: 'timeout' }])
  t.match(lines[0]?.['time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.same(Object.keys(lines[0] ?? {}), ['level', 'time', 'event', 'height', 'cause'])
})

t.test('the level is changed while it runs', async t => {
  const { nodeLog, lines } = collect('info')
  nodeLog.log('message rejected', { reason: 'x' })
  t.equal(lines.length, 0)
  nodeLog.setLevel('debug')
  t.equal(nodeLog.level, 'debug')
  nodeLog.log('message rejected', { reason: 'x' })
  t.equal(lines.length, 1)
  nodeLog.setLevel('error')
  nodeLog.log('view change', {})
  nodeLog.log('node stops', { code: 'ERR_STORE' })
  t.match(lines.slice(1), [{ level: 'error', event: 'node stops' }])
})

t.test('a secret that gets into the log by mistake is not written', async t => {
  const { nodeLog, lines } = collect('trace')
  nodeLog.log('a mistake', {
    token: 'abc123',
    passphrase: 'correct horse',
    authorization: 'Bearer abc123',
    message: 'GET / failed with Authorization: bearer abc123=='
  })
  t.notMatch(JSON.stringify(lines), /abc123|horse/)
  t.match(lines[0], { level: 'info', message: /^GET \/ failed with/ })
})

t.test('the table of events has those that the source logs, and no other', async t => {
  const root = fileURLToPath(new URL('../../src', import.meta.url))
  const text = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('log-events.ts'))
    .map(file => readFileSync(join(root, file), 'utf8'))
    .join('\n')
  const logged = new Set([...text.matchAll(/\blog\??\.?\(\s*'([^']+)'/g)].map(([, event]) => event))
  t.ok(logged.size > 50, `${logged.size} events are logged`)
  t.same(
    [...logged].filter(event => !LOG_EVENTS.includes(event!)),
    [],
    'events without a level'
  )
  const unused = LOG_EVENTS.filter(event => !text.includes(`'${event}'`))
  t.same(unused, [], 'events that nothing logs')
  t.equal(levelOf('an event to come'), 'info')
  t.equal(levelOf('finding', { severity: 'critical' }), 'error')
  t.equal(levelOf('finding', { severity: 'note' }), 'info')
  t.equal(levelOf('constructor'), 'info')
})
