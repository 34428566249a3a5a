import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { vitalchain } from './command.ts'

const windows = process.platform === 'win32'

t.test(
  'simulated patients are committed as they are measured, and Ctrl-C leaves nothing',
  { skip: windows },
  async t => {
    const ran = vitalchain('dev', '--validators', '4', '--devices', '2')
    t.teardown(() => ran.child.kill('SIGKILL'))
    const directory = /files are in (.*)$/.exec(await ran.line(/files are in/))?.[1] ?? ''
    t.ok(existsSync(directory))
    const url = /open (http:\S+)/.exec(
      await ran.line(/^Hospital 1: submit to \/ip4\/.*\/p2p\/\S+ , open/)
    )?.[1]
    await ran.line(/ [1-9]\d* committed \|/)
    t.match(await (await fetch(`${url}/v1/status`)).json(), { name: 'Hospital 1', votes: true })
    ran.child.kill('SIGINT')
    const { code, err } = await ran.finished()
    t.equal(code, 0, err)
    t.notOk(existsSync(directory), 'the temporary directory is removed')
    await t.rejects(fetch(`${url}/v1/status`), 'no node is left')
  }
)

t.test('the nodes end when the command is killed', { skip: windows }, async t => {
  const data = join(t.testdir(), 'data')
  const ran = vitalchain('dev', '--validators', '1', '--devices', '1', '--data-dir', data)
  t.teardown(() => ran.child.kill('SIGKILL'))
  const url = /open (http:\S+)/.exec(await ran.line(/^Hospital 1:/))?.[1]
  await ran.line(/devices registered/)
  ran.child.kill('SIGKILL')
  await ran.finished()
  const until = Date.now() + 15_000
  while (Date.now() < until) {
    const alive = await fetch(`${url}/livez`).then(
      () => true,
      () => false
    )
    if (!alive) break
  }
  await t.rejects(fetch(`${url}/livez`))
  t.ok(readdirSync(data).includes('hospital-1'), 'a directory that was asked for is kept')
})
