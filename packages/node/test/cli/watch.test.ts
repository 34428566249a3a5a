import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { networkId, toHex } from '@vitalchain/core'
import t from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { startPlainProcesses } from '../plain-processes.ts'
import { run, runWith } from './run.ts'

startPlainProcesses()

t.test('status, events and join speak to a node that runs', async t => {
  const dir = t.testdir({})
  const { founded, hospitals } = await foundHospitals(join(dir, 'network'), 1, () => undefined)
  const { dataDir, process: node, address, url } = hospitals[0]!
  t.teardown(() => node.kill())
  t.match(await run('status', '--data-dir', dataDir), { exit: 1, err: [/ERR_UNREACHABLE/] })
  t.match(await run('events', '--data-dir', dataDir), { exit: 1, err: [/ERR_UNREACHABLE/] })
  for (const wrong of [
    ['--from', 'zz'],
    ['--device', '5ef40f12bce7'],
    ['--member', 'Hospital 1']
  ])
    t.match(await run('events', '--data-dir', dataDir, ...wrong), {
      exit: 2,
      err: [new RegExp(`${wrong[0]} .*Expected`)]
    })
  await node.start()
  const id = toHex(networkId(founded.document))

  await t.test('status shows where it stands', async t => {
    const { exit, out } = await run('status', '--data-dir', dataDir)
    t.equal(exit, 0)
    t.match(out.join('\n'), /node +Hospital 1 \(member, votes\)\n +network +[0-9a-f]{64}/)
    const json = await run('status', '--data-dir', dataDir, '--json')
    t.match(JSON.parse(json.out[0] ?? ''), { network: id, height: 0, votes: true })
  })

  await t.test('events goes on behind the last one when the node comes back', async t => {
    const stop = new AbortController()
    const lines: string[] = []
    const notes: string[] = []
    const told = Promise.withResolvers<undefined>()
    const follow = runWith(
      {
        stop: stop.signal,
        out: line => lines.push(line),
        err: line => {
          notes.push(line)
          told.resolve(undefined)
        }
      },
      'events',
      `--data-dir=${dataDir}`,
      '--from=0.0',
      '--count=2',
      '--json'
    )
    const register = (key: string): ReturnType<typeof run> =>
      run('device', 'register', key, '--model', 'monitor', '--data-dir', dataDir)
    t.equal(
      (await register('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')).exit,
      0
    )
    await node.kill()
    await told.promise
    await node.start()
    t.equal(
      (await register('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')).exit,
      0
    )
    t.equal(await follow, 0)
    t.match(
      lines.map(line => JSON.parse(line) as unknown),
      [
        { cursor: '1.0', type: 'call', method: 'devices.register' },
        { cursor: '2.0', type: 'call', method: 'devices.register' }
      ],
      'each once'
    )
    t.match(
      notes,
      [/^the node went away/, /^the node is back$/],
      'two lines, however long it takes'
    )
    t.equal(notes.length, 2)
    const again = await run('events', '--data-dir', dataDir, '--from', '1.0', '--count', '1')
    t.match(again.out, [/^2\.0 .*call devices\.register by [0-9a-f]{12}$/])
    t.match(await run('events', '--data-dir', dataDir, '--from', '7.0'), {
      exit: 1,
      err: [/ERR_CURSOR/]
    })
  })

  await t.test('join fetches the genesis, and takes none but that of the network id', async t => {
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-passphrase'] as const
    const fingerprint = id.slice(0, 40).replaceAll(/.{4}(?=.)/g, '$& ')
    for (const [name, ...from] of [
      ['libp2p', '--from', address, '--network', fingerprint],
      ['http', '--from', url, '--bootstrap', address, '--network', id],
      ['second', '--from', 'http://127.0.0.1:1', address, '--network', id]
    ] as const) {
      const newcomer = join(dir, name)
      const { exit, err } = await run(
        'join',
        '--data-dir',
        newcomer,
        '--name',
        name,
        ...listen,
        ...from
      )
      t.equal(exit, 0, err.join())
      t.same(await readFile(join(newcomer, 'genesis.cbor')), Buffer.from(founded.document))
      t.match(JSON.parse(await readFile(join(newcomer, 'node.json'), 'utf8')), {
        bootstrap: [address]
      })
    }
    const wrong = ['join', '--data-dir', join(dir, 'wrong'), '--name', 'X', ...listen] as const
    const other = '00'.repeat(32)
    t.match(await run(...wrong, '--from', url, '--bootstrap', address, '--network', other), {
      exit: 2,
      err: [/ERR_OTHER_NETWORK/]
    })
    t.match(await run(...wrong, '--from', address, '--network', other), {
      exit: 1,
      err: [/node of another network \(ERR_UNREACHABLE\)/]
    })
    t.match(await run(...wrong, '--from', address, '--network', id.slice(0, 12)), { exit: 2 })
    t.match(await run(...wrong, '--from', url, '--network', id), {
      exit: 2,
      err: [/say --bootstrap/]
    })
    await t.rejects(
      readFile(join(dir, 'wrong', 'keys.json')),
      { code: 'ENOENT' },
      'nothing is left'
    )
    const follower = join(dir, 'follower')
    const follow = await run(
      'join',
      `--data-dir=${follower}`,
      '--follow',
      ...listen,
      `--from=${address}`,
      `--network=${id}`
    )
    t.equal(follow.exit, 0, follow.err.join())
    const keys: unknown = JSON.parse(await readFile(join(follower, 'keys.json'), 'utf8'))
    t.same(Object.keys(keys as object), ['transport'])
    t.match(await readFile(join(follower, 'peer-id'), 'utf8'), /^12D3KooW/)
  })
})

t.test('an address that answers without end, or with something else, is given up', async t => {
  const dir = t.testdir({})
  const server = createServer((_request, response) => {
    // More than a genesis document has, and it does not end.
    response.write(Buffer.alloc(65_537))
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { exit, err } = await run(
    'join',
    `--data-dir=${join(dir, 'h')}`,
    '--name=X',
    '--no-passphrase',
    `--from=http://127.0.0.1:${port}`,
    '--bootstrap=/ip4/127.0.0.1/tcp/1/p2p/12D3KooWJKNv1x7gvPQ4HVUQuHt9zYBbokKDjiML5mTfECN6j1kC',
    `--network=${'ab'.repeat(32)}`
  )
  t.equal(exit, 1)
  t.match(err, [/gives no genesis document \(ERR_UNREACHABLE\)/])
})
