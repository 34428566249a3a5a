import t, { type Test } from 'tap'
import { createAdminApi, type HttpApi } from '../../src/http/index.ts'
import { createRoleTokens, type RoleTokens } from '../../src/http/role-tokens.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createNodeLog, type NodeLog } from '../../src/observe/node-log.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { bearer, TOKEN } from '../http/service.ts'

async function administration(t: Test): Promise<{
  api: HttpApi
  nodeLog: NodeLog
  tokens: RoleTokens
  lines: readonly Record<string, unknown>[]
}> {
  const network = await createTestNetwork({ validators: 1 })
  const node = network.nodes[0]!
  const lines: Record<string, unknown>[] = []
  const nodeLog = createNodeLog('info', line =>
    lines.push(JSON.parse(line) as Record<string, unknown>)
  )
  const tokens = createRoleTokens(Date.now)
  const metrics = createMetrics({
    version: '0.1.0',
    dataDir: undefined,
    status: () => node.status(),
    members: () => node.members()
  })
  const api = createAdminApi({ node, token: TOKEN, tokens, metrics, nodeLog })
  t.teardown(async () => {
    await api.close()
    await network.stop()
  })
  return { api, nodeLog, tokens, lines }
}

t.test('the operator changes how much is logged while the node runs', async t => {
  const { api, nodeLog, lines } = await administration(t)
  const put = async (
    payload: string,
    headers: object = bearer()
  ): Promise<{ readonly statusCode: number; json(): unknown }> =>
    api.app.inject({
      method: 'PUT',
      url: '/admin/log-level',
      headers: { ...headers, 'content-type': 'application/json' },
      payload
    })
  t.equal((await put('{"level":"debug"}', {})).statusCode, 401)
  t.equal(nodeLog.level, 'info')
  const changed = await put('{"level":"debug"}')
  t.equal(changed.statusCode, 200)
  t.same(changed.json(), { level: 'debug' })
  nodeLog.log('link-failed', {})
  t.match(lines, [{ event: 'log level', before: 'info', after: 'debug' }, { event: 'link-failed' }])
  for (const body of ['{"level":"loud"}', '{"level":1}', '[]', '{}'])
    t.match((await put(body)).json(), { status: 400, code: 'ERR_SCHEMA' }, body)
  t.match((await put('{"level"')).json(), { status: 400 })
  t.equal(nodeLog.level, 'debug')
  const asked = await api.app.inject({ url: '/admin/log-level', headers: bearer() })
  t.same(asked.json(), { level: 'debug' })
})

t.test('figures at the administration need a token, of any role', async t => {
  const { api, tokens } = await administration(t)
  t.equal((await api.app.inject({ url: '/metrics' })).statusCode, 401)
  const { token } = await tokens.create({ name: 'prometheus', role: 'monitor' })
  const shown = await api.app.inject({ url: '/metrics', headers: bearer(token) })
  t.equal(shown.statusCode, 200)
  t.match(shown.body, 'vitalchain_running 1')
  t.match(shown.body, 'vitalchain_is_member 1')
  const level = await api.app.inject({ url: '/admin/log-level', headers: bearer(token) })
  t.equal(level.statusCode, 403, 'a monitor changes and learns nothing else')
  t.equal((await api.app.inject({ url: '/livez' })).statusCode, 200, 'supervisors need none')
})
