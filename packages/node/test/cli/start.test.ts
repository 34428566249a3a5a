import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { toHex } from '@vitalchain/core'
import t from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import type { MemberSecrets } from '../../src/testing/found-network.ts'
import { run } from './run.ts'

t.test('a node runs from its directory alone, once, and comes back after a kill', async t => {
  const ended: unknown[] = []
  const { hospitals } = await foundHospitals(t.testdir(), 1, error => ended.push(error))
  const [hospital] = hospitals
  if (hospital === undefined) throw new Error('no hospital')
  const { process: node, dataDir, api } = hospital
  t.teardown(() => node.kill())

  await node.start()
  const first = node.pid
  t.match(await api.status(), { height: 0, leader: 'Hospital 1' })

  const second = await run('start', '--data-dir', dataDir)
  t.equal(second.exit, 1)
  t.match(second.err.at(-1), /another process uses .* \(ERR_DATA_DIR_IN_USE\)/)
  t.equal((await api.status()).height, 0, 'the first goes on')

  await node.kill()
  t.equal(node.pid, undefined)
  await t.rejects(api.status(), { code: 'ERR_UNREACHABLE', retryable: true })
  await node.start()
  t.not(node.pid, first)
  t.equal((await api.status()).height, 0)
  t.equal(await node.stop(), true, 'SIGTERM ends it with 0')
  t.same(ended, [], 'what was asked for is not reported')
})

t.test('a node that cannot start says why, and one that ends by itself is reported', async t => {
  const end = Promise.withResolvers<{ message: string; code: string }>()
  const { hospitals } = await foundHospitals(t.testdir(), 1, end.resolve)
  const [hospital] = hospitals
  if (hospital === undefined) throw new Error('no hospital')
  const { process: node, dataDir } = hospital
  const file = join(dataDir, 'node.json')
  const config = await readFile(file, 'utf8')
  await writeFile(file, '{"http": 7}')
  await t.rejects(node.start(), { code: 'ERR_NODE_ENDED', message: /http/ })
  await writeFile(file, config)
  await node.start()
  t.teardown(() => node.kill())
  process.kill(node.pid ?? 0, 'SIGKILL')
  t.match(await end.promise, { code: 'ERR_NODE_ENDED', message: /SIGKILL/ })
  t.equal(node.pid, undefined)
})

t.test('an origin that is none is refused before anything is opened', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir = '' } = hospitals[0] ?? {}
  const file = join(dataDir, 'node.json')
  const config = JSON.parse(await readFile(file, 'utf8')) as { readonly http: object }
  const http = { ...config.http, allowOrigins: ['*'] }
  await writeFile(file, JSON.stringify({ ...config, http }))
  const { exit, err } = await run('start', '--data-dir', dataDir)
  t.equal(exit, 1)
  t.match(err.at(-1), /\(ERR_ORIGIN\)/)
})

t.test('keys that others may read are refused', { skip: process.platform === 'win32' }, async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir = '' } = hospitals[0] ?? {}
  const keys = join(dataDir, 'keys.json')
  t.equal((await stat(keys)).mode & 0o777, 0o600)
  t.equal((await stat(join(dataDir, 'api-token'))).mode & 0o777, 0o600)
  await chmod(keys, 0o644)
  const { exit, err } = await run('start', '--data-dir', dataDir)
  t.equal(exit, 1)
  t.match(err[0], 'ERR_KEYS_READABLE')
})

t.test('keys of another network, or of two members, are refused and named', async t => {
  const dir = t.testdir()
  const [one, other] = await Promise.all(
    ['one', 'other'].map(name => foundHospitals(join(dir, name), 2, () => undefined))
  )
  const { dataDir, secrets } = one!.hospitals[0]!
  const second = one!.hospitals[1]!.secrets
  const stranger = other!.hospitals[0]!.secrets
  for (const [name, wrong] of [
    ['transport', stranger],
    ['consensus', stranger],
    ['consensus', second],
    ['checkpoint', second],
    ['operator', second]
  ] as const) {
    const mixed: MemberSecrets = { ...secrets, [name]: wrong[name] }
    const { transport, consensus, checkpoint, operator } = mixed
    const keys = {
      transport: toHex(transport),
      consensus: toHex(consensus),
      checkpoint: toHex(checkpoint)
    }
    await writeFile(
      join(dataDir, 'keys.json'),
      JSON.stringify({ ...keys, operator: toHex(operator) })
    )
    const { exit, err } = await run('start', '--data-dir', dataDir)
    t.equal(exit, 2)
    t.match(err, [new RegExp(`the ${name} key .*\\(ERR_KEYS_NOT_OF_MEMBER\\)$`)])
  }
})

t.test('a port that is taken is named in one line', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir, url, address } = hospitals[0]!
  const config = JSON.parse(await readFile(join(dataDir, 'node.json'), 'utf8')) as {
    readonly admin: { readonly port: number }
  }
  for (const port of [new URL(url).port, `${config.admin.port}`, address.split('/')[4]]) {
    const server = createServer().listen(Number(port), '127.0.0.1')
    await once(server, 'listening')
    const { exit, err } = await run('start', '--data-dir', dataDir)
    server.close()
    t.equal(exit, 1)
    t.equal(err.at(-1), `error: another process listens on 127.0.0.1:${port} (ERR_ADDRESS_IN_USE)`)
    t.notMatch(err, [/^ +at /])
    // A node that ran for a moment would have made its ledger.
    if (port !== address.split('/')[4])
      await t.rejects(stat(join(dataDir, 'ledger')), { code: 'ENOENT' })
  }
})

t.test('a network is not founded over another', async t => {
  const dir = t.testdir({ file: '' })
  await t.rejects(
    foundHospitals(dir, 4, () => undefined),
    { code: 'ERR_DATA_DIR_NOT_EMPTY' }
  )
})
