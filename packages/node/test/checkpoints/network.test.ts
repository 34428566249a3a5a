import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createSigner,
  ed25519PublicKey,
  equalBytes,
  memberId,
  networkId,
  sha256,
  signCheckpoint,
  verifyCheckpointNote,
  type CheckpointShare
} from '@vitalchain/core'
import t, { type Test } from 'tap'
import { checkpointRecordOf, openCheckpointSigner } from '../../src/checkpoints/signer.ts'
import { sharesFormat } from '../../src/checkpoints/shares.ts'
import { createLedgerNode, createVoteState, type LedgerNode } from '../../src/index.ts'
import { createNetwork } from '../../src/network/index.ts'
import { TABLES } from '../../src/store/tables.ts'
import {
  describeMember,
  foundNetwork,
  operatorSigner,
  type FoundedNetwork
} from '../../src/testing/found-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'
import { flipRecords } from '../store/raw.ts'

/** Hospitals with directories of their own, and a device that is registered. */
class Hospitals {
  readonly founded: FoundedNetwork
  readonly nodes: LedgerNode[] = []
  readonly logged: string[][]
  readonly #dir: string
  readonly #device: TestDevice

  constructor(t: Test, count: number) {
    this.founded = foundNetwork({
      names: Array.from({ length: count }, (_, k) => `Hospital ${k}`),
      created: Date.now()
    })
    this.logged = this.founded.members.map(() => [])
    this.#dir = t.testdir({})
    this.#device = new TestDevice({ id: networkId(this.founded.document) }, 'monitor')
    t.teardown(() => Promise.all(this.nodes.map(node => node.stop())))
  }

  dataDir(k: number): string {
    return join(this.#dir, String(k))
  }

  async start(k: number, { follows = false } = {}): Promise<LedgerNode> {
    const secrets = this.founded.members[k]!
    await createVoteState(this.dataDir(k), ed25519PublicKey(secrets.consensus))
    const node = createLedgerNode({
      genesis: this.founded.document,
      keys: {
        transport: secrets.transport,
        operator: operatorSigner(secrets),
        ...(follows ? {} : { consensus: secrets.consensus, checkpoint: secrets.checkpoint })
      },
      dataDir: this.dataDir(k),
      bootstrap: this.nodes.flatMap(each => each.addresses()),
      log: (event, values) => this.logged[k]!.push(`${event} ${JSON.stringify(values)}`)
    })
    this.nodes[k] = node
    await node.start()
    return node
  }

  async startAll(): Promise<void> {
    for (const k of this.founded.members.keys()) await this.start(k)
  }

  async register(): Promise<void> {
    const { publicKey } = this.#device
    await this.nodes[0]!.registerDevice({ publicKey, model: 'monitor', firmware: undefined })
  }

  async write(k = 0): Promise<void> {
    const { candidate, payload } = await this.#device.read()
    const node = this.nodes[k]!
    await node.committed(await node.submit({ transaction: candidate.bytes, payload }))
  }

  member(k: number): Uint8Array {
    return memberId(operatorSigner(this.founded.members[k]!).publicKey)
  }

  /** What a hospital's checkpoint key says of any root. */
  lie(k: number, size: number): Promise<CheckpointShare> {
    return signCheckpoint(
      { network: networkId(this.founded.document), size, root: sha256(new Uint8Array(1)) },
      {
        member: this.member(k),
        time: 1,
        signer: createSigner('ed25519', this.founded.members[k]!.checkpoint)
      }
    )
  }
}

function cosigned(node: LedgerNode, size: number, shares: number): boolean {
  const latest = node.checkpoints.latest()
  return latest?.size === size && latest.shares.length === shares
}

t.test('a quiet head is cosigned by all, and every node has the same note', async t => {
  const hospitals = new Hospitals(t, 4)
  await hospitals.startAll()
  await hospitals.register()
  await hospitals.write()
  const { nodes } = hospitals
  await until('all four signed the head', () => nodes.every(node => cosigned(node, 2, 4)))
  const [note = '', ...others] = new Set(nodes.map(node => node.checkpoints.latest()?.note))
  t.same(others, [])
  const { ledger } = nodes[0]!
  const proven = verifyCheckpointNote(note, {
    network: ledger.network,
    validators: ledger.validators()
  })
  t.match(proven, ledger.head.history)
  t.equal(proven.signers.length, 4)
  t.match(nodes[0]!.status(), { checkpoint: 2, checkpointFault: undefined })
  t.match(nodes[1]!.checkpoints.share(hospitals.member(3)), { size: 2 })
  t.equal(nodes[1]!.checkpoints.share(sha256(new Uint8Array(1))), undefined)
})

t.test('under load that does not stop a quorum signs one size after the other', async t => {
  const hospitals = new Hospitals(t, 4)
  await hospitals.startAll()
  await hospitals.register()
  const seen = new Set<number>()
  const enough = new AbortController()
  const load = (async () => {
    while (!enough.signal.aborted) await hospitals.write()
  })()
  await until('three checkpoints were cosigned', () => {
    seen.add(hospitals.nodes[1]!.checkpoints.latest()?.size ?? 0)
    return seen.size > 3
  })
  enough.abort()
  await load
  t.same(
    [...seen],
    [...seen].toSorted((a, b) => a - b)
  )
})

t.test(
  'a hospital that was away gets what was cosigned without it, and signs the next',
  async t => {
    const hospitals = new Hospitals(t, 4)
    await hospitals.startAll()
    await hospitals.register()
    await hospitals.nodes[3]!.stop()
    await hospitals.write()
    const others = hospitals.nodes.slice(0, 3)
    await until('the others signed', () => others.every(node => cosigned(node, 2, 3)))
    const back = await hospitals.start(3)
    await until('all have its share too', () => hospitals.nodes.every(node => cosigned(node, 2, 4)))
    await hospitals.write(3)
    await until('it signs the next', () => cosigned(back, 3, 4))
  }
)

t.test(
  'a hospital that lost its ledger and the record of its key goes on with the others',
  async t => {
    const hospitals = new Hospitals(t, 4)
    await hospitals.startAll()
    await hospitals.register()
    await until('all signed', () => hospitals.nodes.every(node => cosigned(node, 1, 4)))
    await hospitals.nodes[3]!.stop()
    const key = ed25519PublicKey(hospitals.founded.members[3]!.checkpoint)
    await rm(join(hospitals.dataDir(3), 'ledger'), { recursive: true })
    await rm(checkpointRecordOf(hospitals.dataDir(3), key))
    const back = await hospitals.start(3)
    await until('it has what was cosigned', () => cosigned(back, 1, 4))
    await hospitals.write()
    await until('it signs the next', () => hospitals.nodes.every(node => cosigned(node, 2, 4)))
    t.equal(back.status().checkpointFault, undefined)
  }
)

t.test('a node without a checkpoint key collects what the others sign', async t => {
  const hospitals = new Hospitals(t, 4)
  for (const k of [0, 1, 2]) await hospitals.start(k)
  const follower = await hospitals.start(3, { follows: true })
  await hospitals.register()
  await until('it has the checkpoint', () => cosigned(follower, 1, 3))
})

t.test('a checkpoint outlasts a restart, and is given out as it was', async t => {
  const hospitals = new Hospitals(t, 1)
  const [first] = [await hospitals.start(0)]
  await hospitals.register()
  await until('it is signed', () => cosigned(first, 1, 1))
  const before = first.checkpoints.latest()
  await first.stop()
  const again = await hospitals.start(0)
  t.same(again.checkpoints.latest(), before)
  await hospitals.write()
  await until('the next one is signed', () => cosigned(again, 2, 1))
})

t.test('what is damaged under a checkpoint keeps no node from starting', async t => {
  const hospitals = new Hospitals(t, 4)
  await hospitals.startAll()
  await hospitals.register()
  await until('all signed', () => hospitals.nodes.every(node => cosigned(node, 1, 4)))
  await hospitals.nodes[3]!.stop()
  await flipRecords(join(hospitals.dataDir(3), 'ledger'), TABLES.transactions)
  const back = await hospitals.start(3)
  t.equal(back.checkpoints.latest(), undefined, 'it cannot tell whose shares count')
  await hospitals.write()
  await until('it signs the next', () => hospitals.nodes.every(node => cosigned(node, 2, 4)))
})

t.test(
  'a hospital whose key signed another history refuses, says so, and the others go on',
  async t => {
    const hospitals = new Hospitals(t, 4)
    const key = createSigner('ed25519', hospitals.founded.members[3]!.checkpoint)
    await mkdir(join(hospitals.dataDir(3), 'votes'), { recursive: true })
    const record = await openCheckpointSigner(key, hospitals.dataDir(3))
    await record.recall(await hospitals.lie(3, 1))
    await record.close()
    await hospitals.startAll()
    await hospitals.register()
    await hospitals.write()
    await until('the others signed', () => hospitals.nodes.every(node => cosigned(node, 2, 3)))
    const [last] = hospitals.nodes.slice(3)
    // Its own share of before is told, as any other: the others see that it contradicts their history.
    await until('it says so', () => last!.status().checkpointFault !== undefined)
    await until('it refused', () =>
      hospitals.logged[3]!.some(line => line.includes('ERR_CHECKPOINT_REFUSED'))
    )
    t.equal(last!.status().votes, true, 'votes are another matter')
  }
)

t.test(
  'a validator that signs another history is found out by all, and they keep the proof',
  async t => {
    const hospitals = new Hospitals(t, 4)
    await hospitals.startAll()
    await hospitals.register()
    await until('all signed', () => hospitals.nodes.every(node => cosigned(node, 1, 4)))
    await hospitals.nodes[3]!.stop()
    const nodes = hospitals.nodes.slice(0, 3)
    const traitor = createNetwork({
      privateKey: hospitals.founded.members[3]!.transport,
      networkId: networkId(hospitals.founded.document),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      members: () =>
        hospitals.founded.members.map((secrets, k) => ({
          member: hospitals.member(k),
          transportKey: describeMember(secrets).transportKey,
          addresses: nodes[k]?.addresses() ?? []
        }))
    })
    const lie = await hospitals.lie(3, 1)
    const answer = sharesFormat.encode([lie])
    // What each hospital asks of one whose link comes up.
    const limits = { access: 'members', maxRequestBytes: 1, timeoutMs: 5_000 } as const
    traitor.handleRequest('checkpoints', limits, async () => answer)
    t.teardown(() => traitor.stop())
    await traitor.start()
    await until('all know', () =>
      nodes.every(node => node.status().checkpointFault === 'ERR_CHECKPOINT_SPLIT')
    )
    for (const k of [0, 1, 2])
      t.ok(
        hospitals.logged[k]!.some(
          line => line.includes('ERR_CHECKPOINT_SPLIT') && line.includes('"size":1')
        )
      )
    await hospitals.nodes[0]!.stop()
    const again = await hospitals.start(0)
    t.equal(again.status().checkpointFault, 'ERR_CHECKPOINT_SPLIT', 'also after a restart')
    t.ok(again.checkpoints.latest()?.shares.every(({ root }) => !equalBytes(root, lie.root)))
  }
)
