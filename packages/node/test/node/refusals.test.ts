import { sha256, statementTransaction, type Signer } from '@vitalchain/core'
import { deviceId, signCose, statementFormat } from '@vitalchain/core'
import { getLane } from '@vitalchain/contracts'
import t from 'tap'
import { createTestNetwork, type TestNetwork } from '../../src/index.ts'
import { TestDevice, testSigner } from '../ledger/fixture.ts'
import { connectRaw } from './raw-device.ts'
import { until } from './wait.ts'

interface Ward {
  readonly network: TestNetwork
  readonly device: TestDevice
  readonly signer: Signer
}

async function ward(name: string): Promise<Ward> {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const device = new TestDevice({ id: network.nodes[0]!.network }, name)
  const signer = testSigner(name)
  await network.nodes[0]!.registerDevice({
    publicKey: device.publicKey,
    model: 'monitor',
    firmware: undefined
  })
  await until('all nodes know the device', () =>
    network.nodes.every(node => node.status().height === 1)
  )
  return { network, device, signer }
}

t.test(
  'every node refuses what is wrong over libp2p with its code, and keeps and relays nothing of it',
  async t => {
    const { network, device } = await ward('refused device')
    const first = await device.read()
    await network.nodes[0]!.submit({ transaction: first.candidate.bytes, payload: first.payload })
    await until('the first statement is committed', () =>
      network.nodes.every(node => node.status().transactions === 2)
    )
    const stranger = await new TestDevice({ id: network.nodes[0]!.network }, 'nobody').read()
    const revokedDevice = new TestDevice({ id: network.nodes[0]!.network }, 'revoked device')
    await network.nodes[1]!.registerDevice({
      publicKey: revokedDevice.publicKey,
      model: 'm',
      firmware: undefined
    })
    await network.nodes[1]!.revokeDevice(revokedDevice.id)
    const revoked = await revokedDevice.read()
    const otherNetwork = await device.sign({ network: new Uint8Array(32).fill(1) })
    const next = await device.read()
    const forged = statementTransaction(
      await signCose(testSigner('thief'), statementFormat.encode(next.statement))
    )
    const damaged = Uint8Array.from(next.candidate.bytes)
    damaged[damaged.length - 1]! ^= 1
    const notCanonical = Uint8Array.from([0x98, 0x03, ...next.candidate.bytes.subarray(1)])
    const { height } = network.nodes[1]!.status()
    await until('all nodes stand at its height', () =>
      network.nodes.every(node => node.status().height === height)
    )
    const cases: [string, Uint8Array, Uint8Array | undefined, string][] = [
      ['an unknown device', stranger.candidate.bytes, stranger.payload, 'ERR_DEVICE_UNKNOWN'],
      ['a revoked device', revoked.candidate.bytes, revoked.payload, 'ERR_DEVICE_REVOKED'],
      ['another key than the device has', forged, next.payload, 'ERR_DEVICE_KEY'],
      ['a damaged signature', damaged, next.payload, 'ERR_SIGNATURE'],
      ['a replay', first.candidate.bytes, first.payload, 'ERR_ALREADY_COMMITTED'],
      ['another network', otherNetwork.candidate.bytes, otherNetwork.payload, 'ERR_OTHER_NETWORK'],
      ['another payload', next.candidate.bytes, new Uint8Array(32), 'ERR_PAYLOAD_DIGEST'],
      ['no payload', next.candidate.bytes, undefined, 'ERR_PAYLOAD_MISSING'],
      ['a form that is not canonical', notCanonical, next.payload, 'ERR_NOT_CANONICAL'],
      ['no transaction at all', Uint8Array.of(0xff, 0x00), undefined, 'ERR_ENCODING'],
      ['another document', Uint8Array.of(0x80), undefined, 'ERR_SCHEMA']
    ]
    for (const [index, node] of network.nodes.entries()) {
      const raw = await connectRaw(t, node)
      for (const [name, transaction, payload, code] of cases) {
        const answer = await raw.ask({ type: 'submit', transaction, payload })
        t.match(answer, { type: 'refused', code }, `node ${index}: ${name}`)
      }
      await raw.close()
    }
    for (const node of network.nodes) {
      t.equal(node.status().waiting, 0, 'nothing waits')
      t.equal(node.status().height, height, 'nothing was committed')
      t.notOk(node.ledger.hasPayload(stranger.digest) && !node.ledger.hasPayload(first.digest))
      t.notOk(node.ledger.hasPayload(sha256(new Uint8Array(32))), 'no payload was stored')
    }
  }
)

t.test('an altered replay is refused and closes the lane on every node', async t => {
  const { network, device } = await ward('contradicting device')
  const first = await device.read()
  const [, second] = network.nodes
  await second!.submit({ transaction: first.candidate.bytes, payload: first.payload })
  await until('it is committed', () =>
    network.nodes.every(node => node.status().transactions === 2)
  )
  const altered = await device.sign({ count: 5 })
  const raw = await connectRaw(t, network.nodes[2]!)
  t.match(
    await raw.ask({
      type: 'submit',
      transaction: altered.candidate.bytes,
      payload: altered.payload
    }),
    {
      type: 'refused',
      code: 'ERR_STATEMENT_CONFLICT'
    }
  )
  await until('every node closed the lane', () =>
    network.nodes.every(node => getLane(node.state, device.id, 0)?.quarantinedHeight !== undefined)
  )
  const next = await device.read()
  t.match(
    await raw.ask({ type: 'submit', transaction: next.candidate.bytes, payload: next.payload }),
    {
      type: 'refused',
      code: 'ERR_CHAIN_QUARANTINED'
    }
  )
  t.ok(
    network.nodes[0]!.ledger.findTransaction(first.candidate.transaction.id) !== undefined,
    'nothing committed is removed'
  )
})

t.test('a frame larger than any transaction ends the connection and nothing else', async t => {
  const { network } = await ward('oversized device')
  const raw = await connectRaw(t, network.nodes[0]!)
  const oversized = new Uint8Array(300_000)
  await t.rejects(raw.ask({ type: 'submit', transaction: oversized, payload: undefined }))
  const again = await connectRaw(t, network.nodes[0]!)
  const answer = await again
    .ask({ type: 'submit', transaction: new Uint8Array(65_536), payload: undefined })
    .catch((error: Error) => error)
  t.ok(answer instanceof Error || answer.type === 'refused')
  t.equal(network.nodes[0]!.status().height, 1)
})

t.test('only a device reads, and only its own chain', async t => {
  const { network, device, signer } = await ward('reading device')
  const [node] = network.nodes
  const other = testSigner('other device')
  await node!.registerDevice({ publicKey: other.publicKey, model: 'm', firmware: undefined })
  const reading = await device.read()
  const id = reading.candidate.transaction.id

  const stranger = await connectRaw(t, node!)
  t.match(await stranger.ask({ type: 'receipt', id }), { type: 'refused', code: 'ERR_SESSION' })
  t.match(await stranger.ask({ type: 'head', lane: 0 }), { type: 'refused', code: 'ERR_SESSION' })
  t.match(
    await stranger.login(
      testSigner('unregistered'),
      deviceId(testSigner('unregistered').publicKey)
    ),
    {
      type: 'refused',
      code: 'ERR_DEVICE_UNKNOWN'
    }
  )
  t.match(await stranger.login(other, device.id), { type: 'refused', code: 'ERR_SIGNATURE' })

  const own = await connectRaw(t, node!)
  t.match(await own.login(signer, device.id), { type: 'done' })
  t.match(
    await own.login(signer, device.id),
    { type: 'refused', code: 'ERR_SESSION' },
    'once in a connection'
  )
  t.match(await own.ask({ type: 'head', lane: 0 }), { type: 'head', lane: undefined })
  t.match(await own.ask({ type: 'receipt', id }), { type: 'refused', code: 'ERR_NOT_COMMITTED' })
  t.match(
    await own.ask({
      type: 'submit',
      transaction: reading.candidate.bytes,
      payload: reading.payload
    }),
    {
      type: 'done'
    }
  )
  await until('it is committed', () => node!.ledger.findTransaction(id) !== undefined)
  t.match(await own.ask({ type: 'receipt', id }), { type: 'receipt' })
  t.match(await own.ask({ type: 'head', lane: 0 }), {
    type: 'head',
    lane: { boot: 0, seq: 0, head: id }
  })

  const neighbour = await connectRaw(t, node!)
  t.match(await neighbour.login(other, deviceId(other.publicKey)), { type: 'done' })
  t.match(await neighbour.ask({ type: 'receipt', id }), {
    type: 'refused',
    code: 'ERR_NOT_COMMITTED'
  })
})
