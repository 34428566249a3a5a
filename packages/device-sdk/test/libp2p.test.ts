import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { concatBytes, createSigner, u32be } from '@vitalchain/core'
import { createLibp2p } from 'libp2p'
import t, { type Test } from 'tap'
import { createDevice, type Device, type DeviceTransport } from '../src/index.ts'
import { createDeviceHost, deviceProtocol, libp2pTransport } from '../src/libp2p.ts'
import { FakeLedger, seed } from './fake-ledger.ts'
import { FakeNode } from './fake-node.ts'
import { heartRates, STREAM } from './fixture.ts'

/** A node that speaks the device protocol over libp2p on the loopback; with `key`, it claims to be another. */
async function listen(
  t: Test,
  ledger: FakeLedger,
  name: string,
  { key, garbage }: { readonly key?: Uint8Array; readonly garbage?: Uint8Array } = {}
): Promise<{ readonly host: Libp2p; readonly address: string; readonly node: FakeNode }> {
  const host = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })
  t.teardown(() => host.stop())
  const node = new FakeNode(ledger, {}, name, key ?? host.peerId.publicKey!.raw)
  await host.handle(deviceProtocol(ledger.network), stream => {
    const served = node.serve(
      frame => {
        // In two pieces, so that the other side has to put them together.
        const framed = concatBytes([u32be(frame.length), frame])
        stream.send(framed.subarray(0, 3))
        stream.send(framed.subarray(3))
        if (garbage !== undefined) stream.send(garbage)
      },
      () => stream.abort(new Error('hung up'))
    )
    let bytes: Uint8Array = new Uint8Array(0)
    stream.addEventListener('message', ({ data }) => {
      bytes = concatBytes([bytes, data.subarray()])
      while (bytes.length >= 4) {
        const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
        if (bytes.length < 4 + length) return
        const frame = bytes.subarray(4, 4 + length)
        bytes = bytes.subarray(4 + length)
        served.take(frame)
      }
    })
    stream.addEventListener('remoteCloseWrite', () => void stream.close())
    stream.addEventListener('close', () => served.end())
  })
  return { host, address: host.getMultiaddrs()[0]!.toString(), node }
}

async function startDevice(
  t: Test,
  ledger: FakeLedger,
  transport: DeviceTransport,
  name: string = 'device'
): Promise<Device> {
  const signer = createSigner('ed25519', seed(name))
  const device = createDevice({
    signer,
    genesis: ledger.genesis,
    stream: STREAM,
    transport,
    boot: 1,
    // So that large payloads stay large.
    compress: false,
    batch: { readings: 10 }
  })
  ledger.register(device.id, signer.publicKey)
  t.teardown(() => device.stop())
  await device.start()
  return device
}

t.test('a device reaches a node over libp2p and gets its proofs', async t => {
  const ledger = new FakeLedger()
  const { address, node } = await listen(t, ledger, 'a')
  const transport = libp2pTransport({ network: ledger.network, addresses: [address] })
  const device = await startDevice(t, ledger, transport)
  const submissions = await device.record(heartRates(100))
  await Promise.all(submissions.map(({ proved }) => proved))
  t.equal(ledger.committed.length, 10)
  await device.stop()
  t.equal(node.submissions, 10)
  t.equal(node.open, 0)
})

t.test('a large payload passes the stream', async t => {
  const ledger = new FakeLedger()
  const { address } = await listen(t, ledger, 'a')
  const transport = libp2pTransport({ network: ledger.network, addresses: [address] })
  const device = await startDevice(t, ledger, transport)
  await device.record(
    Array.from({ length: 100 }, (_, k) => ({ name: 'note', time: k, value: 'x'.repeat(4_000) }))
  )
  await device.drained()
  t.ok(ledger.committed.every(({ payload }) => payload.length > 32_000))
})

t.test('when a node goes away the next address serves', async t => {
  const ledger = new FakeLedger()
  const [a, b] = [await listen(t, ledger, 'a'), await listen(t, ledger, 'b')]
  const transport = libp2pTransport({
    network: ledger.network,
    addresses: [a.address, b.address]
  })
  const device = await startDevice(t, ledger, transport)
  await device.record(heartRates(10))
  await device.drained()
  await a.host.stop()
  await device.record(heartRates(10))
  await device.drained()
  t.equal(ledger.committed.length, 2)
  t.equal(b.node.submissions, 1)
})

t.test('a node that passes on the hello of another gets no session', async t => {
  const ledger = new FakeLedger()
  const honest = await listen(t, ledger, 'honest')
  const liar = await listen(t, ledger, 'liar', { key: honest.host.peerId.publicKey!.raw })
  const transport = libp2pTransport({ network: ledger.network, addresses: [liar.address] })
  const device = await startDevice(t, ledger, transport)
  for await (const event of device.events()) {
    if (event.type !== 'disconnected') continue
    t.equal(event.error.code, 'ERR_NODE_KEY')
    break
  }
})

t.test('a frame that is too long, or cut off, ends the connection', async t => {
  const ledger = new FakeLedger()
  for (const [garbage, code] of [
    [u32be(0xffff_ffff), 'ERR_FRAME_TOO_LARGE'],
    [concatBytes([u32be(1), Uint8Array.of(0xff)]), 'ERR_ENCODING']
  ] as const) {
    const { address } = await listen(t, ledger, 'a', { garbage })
    const transport = libp2pTransport({ network: ledger.network, addresses: [address] })
    const connection = await transport.connect({ signal: AbortSignal.timeout(5_000) })
    const answers = connection.answers[Symbol.asyncIterator]()
    t.match(await answers.next(), { value: { type: 'hello' } })
    await t.rejects(answers.next(), { code })
    await connection.close()
    await connection.close()
    await transport.close?.()
  }
})

t.test('several devices share one host and one connection', async t => {
  const ledger = new FakeLedger()
  const { address, host: node } = await listen(t, ledger, 'a')
  const host = await createDeviceHost()
  await host.start()
  t.teardown(() => host.stop())
  const devices = await Promise.all(
    ['x', 'y', 'z'].map(name => {
      const transport = libp2pTransport({ network: ledger.network, addresses: [address], host })
      return startDevice(t, ledger, transport, name)
    })
  )
  await Promise.all(devices.map(device => device.record(heartRates(10))))
  await Promise.all(devices.map(device => device.drained()))
  t.equal(ledger.committed.length, 3)
  t.equal(node.getConnections().length, 1)
  await devices[0]?.stop()
  await devices[1]?.record(heartRates(10))
  await devices[1]?.drained()
  t.equal(host.status, 'started')
})

t.test('addresses must be addresses and say who answers', async t => {
  const network = seed('network')
  for (const address of ['localhost:4000', '/ip4/127.0.0.1/tcp/4000'])
    t.throws(() => libp2pTransport({ network, addresses: [address] }), { code: 'ERR_ADDRESS' })
  const nowhere = libp2pTransport({ network, addresses: [] })
  await t.rejects(nowhere.connect({ signal: new AbortController().signal }), {
    code: 'ERR_ADDRESS'
  })
  await nowhere.close?.()
})
