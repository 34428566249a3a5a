import t from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { run } from './run.ts'

t.test('the address of the dashboard signs in once, with the role that was asked for', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { process: node, dataDir, url } = hospitals[0]!
  await node.start()
  t.teardown(() => node.kill())

  const made = await run('dashboard', '--data-dir', dataDir, '--role', 'monitor')
  t.equal(made.exit, 0)
  t.match(made.err, [/once, as monitor, within 2 minutes/])
  const [, origin, code] = /^(.*)\/dashboard\/#code=([0-9a-f]{64})$/.exec(made.out[0]!) ?? []
  t.equal(origin, url)
  const open = (): Promise<Response> =>
    fetch(`${url}/v1/dashboard/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code })
    })
  const { token } = (await (await open()).json()) as { token: string }
  const status = async (path: string): Promise<number> => {
    const { status } = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}` }
    })
    return status
  }
  t.equal(await status('/v1/members'), 200)
  t.equal(await status('/v1/devices'), 403)
  t.equal((await open()).status, 401, 'not twice')
  const more = await fetch(`${url}/v1/dashboard/codes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"role":"operator"}'
  })
  t.equal(more.status, 403, 'a session makes no code for more than it has')

  const json = await run('dashboard', '--data-dir', dataDir, '--json')
  t.match(JSON.parse(json.out[0]!), { url: /#code=/, role: 'reader', expiresInMs: 120_000 })
})

t.test('a node that does not run is told', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { exit, err } = await run('dashboard', '--data-dir', hospitals[0]!.dataDir)
  t.equal(exit, 1)
  t.match(err, [/\(ERR_UNREACHABLE\)/])
})
