import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { run } from './run.ts'

t.test('a token is made, opens what its role says, and nothing once it is revoked', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { process: node, dataDir, url } = hospitals[0]!
  await node.start()
  t.teardown(() => node.kill())
  const flags = ['--data-dir', dataDir] as const
  const made = await run('token', 'create', 'ward dashboard', '--role', 'monitor', ...flags)
  t.equal(made.exit, 0)
  const [token = ''] = made.out
  const status = async (path: string): Promise<number> => {
    const { status } = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}` }
    })
    return status
  }
  t.equal(await status('/v1/members'), 200)
  t.equal(await status('/v1/devices'), 403)

  const file = await readFile(join(dataDir, 'tokens.json'), 'utf8')
  t.notMatch(file, token, 'the file holds no token')
  const listed = await run('token', 'list', ...flags, '--json')
  const [{ id, ...rest }] = JSON.parse(listed.out[0]!) as [{ id: string }]
  t.match(rest, { name: 'ward dashboard', role: 'monitor', expires: null })
  t.match((await run('token', 'create', 'ward dashboard', '--role', 'reader', ...flags)).err, [
    /\(ERR_NAME_TAKEN\)/
  ])

  await node.kill()
  await node.start()
  t.equal(await status('/v1/members'), 200, 'it outlives the process')
  t.equal((await run('token', 'revoke', id, ...flags)).exit, 0)
  t.equal(await status('/v1/members'), 401)
  t.match((await run('token', 'revoke', id, ...flags)).err, [/\(ERR_NOT_FOUND\)/])
  t.same((await run('token', 'list', ...flags)).out, [])
})

t.test('a role that there is not is refused', async t => {
  const { exit, err } = await run(
    'token',
    'create',
    'x',
    '--role',
    'king',
    '--data-dir',
    t.testdir()
  )
  t.equal(exit, 2)
  t.match(err.join('\n'), /operator, reader, monitor/)
})
