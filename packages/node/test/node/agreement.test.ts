import { ed25519PublicKey, verifyReceipt } from '@vitalchain/core'
import { members, devices, type Contract } from '@vitalchain/contracts'
import t, { type Test } from 'tap'
import {
  createLedgerNode,
  createVoteState,
  createTestNetwork,
  type LedgerNode,
  type LedgerNodeOptions
} from '../../src/index.ts'
import {
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from './wait.ts'

/** Nodes of a founded network with directories of their own, so that they can be stopped and started again. */
async function hospitals(
  t: Test,
  founded: FoundedNetwork
): Promise<{
  nodes: LedgerNode[]
  make: (k: number) => LedgerNode
  restart: (k: number) => Promise<LedgerNode>
}> {
  const dir = t.testdir({})
  const nodes: LedgerNode[] = []
  const make = (k: number): LedgerNode => {
    const secret = founded.members[k]!
    const options: LedgerNodeOptions = {
      genesis: founded.document,
      keys: {
        transport: secret.transport,
        consensus: secret.consensus,
        operator: operatorSigner(secret)
      },
      dataDir: `${dir}/hospital-${k}`,
      bootstrap: nodes.flatMap(each => each.addresses())
    }
    return createLedgerNode(options)
  }
  t.teardown(() => Promise.all(nodes.map(node => node.stop())))
  for (const [k, { consensus }] of founded.members.entries()) {
    await createVoteState(`${dir}/hospital-${k}`, ed25519PublicKey(consensus))
    const node = make(k)
    nodes.push(node)
    await node.start()
  }
  return {
    nodes,
    make,
    async restart(k) {
      const node = make(k)
      nodes[k] = node
      await node.start()
      return node
    }
  }
}

function found(): FoundedNetwork {
  return foundNetwork({ names: ['A', 'B', 'C', 'D'], created: Date.now() })
}

async function register(node: LedgerNode, device: TestDevice): Promise<void> {
  await node.registerDevice({ publicKey: device.publicKey, model: 'monitor', firmware: undefined })
}

async function send(node: LedgerNode, device: TestDevice, count: number): Promise<Uint8Array[]> {
  const ids: Uint8Array[] = []
  for (let k = 0; k < count; k++) {
    const { candidate, payload } = await device.read()
    ids.push(await node.submit({ transaction: candidate.bytes, payload }))
  }
  return ids
}

function agree(nodes: readonly LedgerNode[], transactions: number): boolean {
  const all = nodes.map(node => node.status())
  return all.every(
    each =>
      each.transactions === transactions &&
      each.head === all[0]?.head &&
      each.stateRoot === all[0].stateRoot
  )
}

t.test(
  'what is handed to any hospital is on the ledger of all, once and in one order, with a receipt',
  async t => {
    const network = await createTestNetwork()
    t.teardown(() => network.stop())
    const wards = network.nodes.map((node, k) => ({
      node,
      device: new TestDevice({ id: node.network }, `device ${k}`)
    }))
    for (const { node, device } of wards) await register(node, device)
    const ids = (await Promise.all(wards.map(({ node, device }) => send(node, device, 20)))).flat()
    await until('all hospitals agree', () => agree(network.nodes, 84))
    for (const node of network.nodes) {
      for (const id of ids) {
        const proven = verifyReceipt(node.receipt(id), { genesis: node.network })
        t.equal(proven.transaction.type, 'statement')
      }
    }
    t.same(
      network.nodes.map(node => node.ledger.wantedPayloads(1)),
      [[], [], [], []],
      'every hospital holds every payload'
    )
  }
)

t.test('a statement is taken before the one it follows, and committed behind it', async t => {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const [node] = network.nodes
  const device = new TestDevice({ id: node!.network }, 'hasty device')
  await register(node!, device)
  const [one, two, three] = [await device.read(), await device.read(), await device.read()]
  for (const { candidate, payload } of [three, two])
    await node!.submit({ transaction: candidate.bytes, payload })
  t.equal(node!.status().height, 1, 'nothing can be committed yet')
  await network.nodes[3]!.submit({ transaction: one.candidate.bytes, payload: one.payload })
  await until('all three are committed', () => agree(network.nodes, 4))
})

t.test(
  'three of four hospitals go on without the leader, and it catches up with every payload',
  async t => {
    const founded = found()
    const { nodes, restart } = await hospitals(t, founded)
    const device = new TestDevice({ id: nodes[0]!.network }, 'device')
    await register(nodes[0]!, device)
    const leader = nodes.findIndex(node => node.status().name === nodes[0]!.status().leader)
    await nodes[leader]!.stop()
    const others = nodes.filter((_, k) => k !== leader)
    const ids = await send(others[0]!, device, 10)
    await until('the others agree', () => agree(others, 11))
    const back = await restart(leader)
    await until(
      'it caught up',
      () => agree(nodes, 11) && back.ledger.wantedPayloads(1).length === 0
    )
    for (const id of ids) verifyReceipt(back.receipt(id), { genesis: founded.document })
    await send(back, device, 1)
    await until('it takes part again', () => agree(nodes, 12))
  }
)

t.test('all hospitals stop at once and go on where they were', async t => {
  const founded = found()
  const { nodes, restart } = await hospitals(t, founded)
  const device = new TestDevice({ id: nodes[0]!.network }, 'device')
  await register(nodes[1]!, device)
  await send(nodes[1]!, device, 3)
  await until('all agree', () => agree(nodes, 4))
  await Promise.all(nodes.map(node => node.stop()))
  for (const k of founded.members.keys()) await restart(k)
  t.ok(agree(nodes, 4), 'nothing is lost')
  await send(nodes[2]!, device, 3)
  await until('all agree again', () => agree(nodes, 7))
})

t.test(
  'a node started twice on one directory is refused, and the first one is not disturbed',
  async t => {
    const founded = found()
    const { nodes, make } = await hospitals(t, founded)
    await t.rejects(make(0).start(), { code: 'ERR_STORE_LOCKED' })
    const device = new TestDevice({ id: nodes[0]!.network }, 'device')
    await register(nodes[0]!, device)
  }
)

t.test(
  'a node that is not running says so, and one without an operator key makes no calls',
  async t => {
    const network = await createTestNetwork()
    t.teardown(() => network.stop())
    const [secret] = network.founded.members
    const idle = createLedgerNode({
      genesis: network.genesis,
      keys: { transport: secret!.transport }
    })
    t.throws(() => idle.status(), { code: 'ERR_NOT_STARTED' })
    await t.rejects(idle.submit({ transaction: Uint8Array.of(1), payload: undefined }), {
      code: 'ERR_NOT_STARTED'
    })
    await network.nodes[0]!.stop()
    await idle.start()
    t.teardown(() => idle.stop())
    t.equal(idle.status().votes, false)
    await t.rejects(idle.call('devices.revoke', new Uint8Array(1)), { code: 'ERR_NO_OPERATOR' })
  }
)

t.test('a contract of an embedding developer runs on all nodes', async t => {
  const counter: Contract = {
    name: 'counter',
    version: 1,
    methods: {
      add: {
        apply(state, call) {
          const key = new TextEncoder().encode('counter/total/')
          const total = (state.get(key)?.[0] ?? 0) + (call.args[0] ?? 0)
          state.put(key, Uint8Array.of(total))
        }
      }
    }
  }
  const network = await createTestNetwork({ contracts: [members, devices, counter] })
  t.teardown(() => network.stop())
  await network.nodes[0]!.call('counter.add', Uint8Array.of(2))
  await network.nodes[1]!.call('counter.add', Uint8Array.of(3))
  await until('all agree', () => agree(network.nodes, 2))
  for (const node of network.nodes) {
    t.same(node.state.get(new TextEncoder().encode('counter/total/')), Uint8Array.of(5))
  }
})
