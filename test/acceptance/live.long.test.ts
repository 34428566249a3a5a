import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { vitalchain } from './command.ts'
import { vitalsCsv } from './vitals.ts'

const windows = process.platform === 'win32'

t.test(
  'simulated patients are committed as they are measured, and Ctrl-C leaves nothing',
  { skip: windows },
  async t => {
    const ran = vitalchain('dev', '--validators', '4', '--devices', '2')
    t.teardown(() => ran.child.kill('SIGKILL'))
    const directory = /files are in (.*)$/.exec(await ran.line(/files are in/))?.[1] ?? ''
    t.ok(existsSync(directory))
    const url = /open (http:\S+)\/v1\/status$/.exec(
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

t.test(
  'a hospital that is killed by hand comes back, and an interrupted replay is no success',
  { skip: process.platform === 'linux' ? false : 'finds the processes in /proc' },
  async t => {
    const readings = join(t.testdir({ 'ward.csv': vitalsCsv(200, 3) }), 'ward.csv')
    const ran = vitalchain(
      'dev',
      '--readings',
      readings,
      '--speed',
      '60',
      '--exit-when-done',
      '--json'
    )
    t.teardown(() => ran.child.kill('SIGKILL'))
    await ran.line(/ [1-9]\d* committed of/)
    const { pid = 0 } = ran.child
    const [victim] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    process.kill(Number(victim), 'SIGKILL')
    await ran.line(/^the node of Hospital \d ended with SIGKILL; it is started again in 2 s$/)
    await ran.line(/^H1 .*\bdown\b/)
    await ran.line(/^Hospital \d runs again: process \d+$/)
    ran.child.kill('SIGTERM')
    const { code, out, err } = await ran.finished()
    t.equal(code, 1, err)
    const summary = JSON.parse(out) as { committed: number }
    t.match(summary, { ok: false, interrupted: true, readings: Number, proved: Number })
    t.ok(summary.committed > 0)
  }
)

t.test('the nodes end when the command is killed', { skip: windows }, async t => {
  const data = join(t.testdir(), 'data')
  const ran = vitalchain('dev', '--validators', '1', '--devices', '1', '--data-dir', data)
  t.teardown(() => ran.child.kill('SIGKILL'))
  const url = /open (http:\S+)\/v1\/status$/.exec(await ran.line(/^Hospital 1:/))?.[1]
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
