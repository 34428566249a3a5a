import { createSigner, sha256, toHex, utf8, type Reading } from '@vitalchain/core'
import { getLane } from '@vitalchain/contracts'
import { createDevice, type Device, type DeviceTransport } from '@vitalchain/device-sdk'
import type { Test } from 'tap'
import { createTestNetwork, type LedgerNode, type TestNetwork } from '../../src/index.ts'
import { until } from '../node/wait.ts'

/** Some nodes that a transport leads to. */
export interface Reached {
  /** The addresses of the nodes, those of the network in their order; with `key`, as if the node had that one. */
  address(node: number, key?: Uint8Array): string
  transport(addresses: readonly string[], device: Uint8Array): DeviceTransport
  /** Cuts every connection of devices to a node, without a word; the node goes on. */
  cut(node: number): Promise<void>
}

/** A device on a network, to be started. */
export interface Ward {
  readonly network: TestNetwork
  readonly reached: Reached
  /** A registered device that uses these nodes, started. */
  device(t: Test, name: string, addresses: readonly string[]): Promise<Device>
}

/** Readings of a second each. */
export function readings(count: number, first: number = 0): readonly Reading[] {
  return Array.from({ length: count }, (_, k) => ({
    name: '8867-4',
    unit: '/min',
    time: 1_700_000_000_000 + (first + k) * 1_000,
    value: 60 + ((first + k) % 40)
  }))
}

/** Founds a network and opens the way to it. */
export async function openWard(
  t: Test,
  reach: (t: Test, network: TestNetwork) => Promise<Reached>,
  listen: readonly string[] = ['/ip4/127.0.0.1/tcp/0']
): Promise<Ward> {
  const network = await createTestNetwork({ listen })
  t.teardown(() => network.stop())
  const reached = await reach(t, network)
  return {
    network,
    reached,
    async device(t, name, addresses) {
      const signer = createSigner('ed25519', sha256(utf8(name)))
      const device = makeDevice(network, signer, id => reached.transport(addresses, id))
      await network.nodes[0]!.registerDevice({
        publicKey: signer.publicKey,
        model: 'Monitor',
        firmware: undefined
      })
      t.teardown(() => device.stop())
      await device.start()
      return device
    }
  }
}

function makeDevice(
  network: TestNetwork,
  signer: ReturnType<typeof createSigner>,
  transport: (device: Uint8Array) => DeviceTransport
): Device {
  const { id } = createDevice({
    signer,
    genesis: network.genesis,
    stream: { id: new Uint8Array(16), generation: 0, secret: new Uint8Array(32) },
    transport: transport(new Uint8Array(32)),
    boot: 1
  })
  return createDevice({
    signer,
    genesis: network.genesis,
    stream: { id: new Uint8Array(16).fill(7), generation: 1, secret: sha256(utf8('stream')) },
    transport: transport(id),
    boot: 1,
    // So that large statements stay large.
    compress: false,
    batch: { readings: 10 }
  })
}

/** Numbers of a device's statements on the ledger of a node, in the order in which they stand there. */
export async function committed(
  node: LedgerNode,
  device: Uint8Array,
  lane: 0 | 1 = 0
): Promise<readonly number[]> {
  const seqs: number[] = []
  const end = new AbortController()
  const { transactions } = node.status()
  if (transactions === 0) return seqs
  for await (const { leaf, transaction } of node.events({ signal: end.signal })) {
    if (
      transaction.type === 'statement' &&
      transaction.statement.lane === lane &&
      toHex(transaction.statement.device) === toHex(device)
    )
      seqs.push(transaction.statement.seq)
    if (leaf === transactions - 1) end.abort()
  }
  return seqs
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, k) => k)

/** What every transport does. The SDK above it is the same, so this is about what the transport adds or could spoil. */
export function transportContract(
  t: Test,
  reach: (t: Test, network: TestNetwork) => Promise<Reached>,
  listen?: readonly string[]
): void {
  let ward: Ward
  t.before(async () => {
    ward = await openWard(t, reach, listen)
  })

  t.test('the members tell a device the time', async t => {
    const device = await ward.device(t, 'clock', [ward.reached.address(0)])
    const events = device.events()
    if (device.clock() === undefined)
      for await (const { type } of events) if (type === 'clock') break
    const { offset, uncertainty } = device.clock()!
    t.ok(Math.abs(offset) <= uncertainty && uncertainty < 2_000, `${offset}, ${uncertainty}`)
  })

  t.test('a device gets the proofs of both lanes', async t => {
    const device = await ward.device(t, 'both lanes', [ward.reached.address(0)])
    const submissions = await device.record(readings(50))
    const urgent = await device.record(readings(1), { urgent: true })
    const proofs = await Promise.all([...submissions, ...urgent].map(({ proved }) => proved))
    t.equal(proofs.length, 6)
    t.same(await committed(ward.network.nodes[0]!, device.id), upTo(5))
    t.same(await committed(ward.network.nodes[0]!, device.id, 1), [0])
  })

  t.test('many large statements pass, in order and once', async t => {
    const device = await ward.device(t, 'large', [ward.reached.address(0)])
    const notes = Array.from({ length: 300 }, (_, k) => ({
      name: 'note',
      time: k,
      value: 'x'.repeat(4_000)
    }))
    await device.record(notes)
    await device.drained()
    const { length } = await committed(ward.network.nodes[0]!, device.id)
    t.ok(length >= 20)
    t.equal(getLane(ward.network.nodes[0]!.state, device.id, 0)?.seq, length - 1)
  })

  t.test('a node that is not the one in the address gets no session', async t => {
    const other = sha256(utf8('no node has this key'))
    const address = ward.reached.address(0, other)
    const device = await ward.device(t, 'stranger', [address])
    for await (const event of device.events()) {
      if (event.type !== 'disconnected') continue
      t.match(event.error.code, /^ERR_(NODE_KEY|UNREACHABLE)$/)
      break
    }
    t.equal((await committed(ward.network.nodes[0]!, device.id)).length, 0)
  })

  t.test('a connection that breaks in the middle loses nothing and doubles nothing', async t => {
    const device = await ward.device(t, 'cut', [ward.reached.address(0), ward.reached.address(1)])
    for (let round = 0; round < 3; round++) {
      const submissions = await device.record(readings(60, round * 60))
      await submissions[1]!.accepted
      await ward.reached.cut(round % 2)
    }
    await device.drained()
    const [one, other, third] = ward.network.nodes.map(node => () => node.status().transactions)
    await until('a third node has what they have', () => third!() >= Math.max(one!(), other!()))
    t.same(await committed(ward.network.nodes[2]!, device.id), upTo(18))
  })

  t.test('several devices at once, and those that stop leave nothing open', async t => {
    const node = ward.network.nodes[0]!
    const { deviceSessions } = node.status()
    const devices: Device[] = []
    for (const name of ['a', 'b', 'c', 'd'])
      devices.push(await ward.device(t, name, [ward.reached.address(0)]))
    await Promise.all(devices.map(device => device.record(readings(20))))
    await Promise.all(devices.map(device => device.drained()))
    await Promise.all(devices.map(device => device.stop()))
    for (const device of devices) t.same(await committed(node, device.id), upTo(2))
    await until(
      'no session of theirs is open',
      () => node.status().deviceSessions <= deviceSessions
    )
  })
}
