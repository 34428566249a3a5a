import { mock } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { decodeMessage, encodeMessage, type AnswerMessage } from '@vitalchain/consensus'
import { equalBytes, VitalchainError } from '@vitalchain/core'
import t, { type Test } from 'tap'
import type { BlockSource } from '../../src/consensus/block-source.ts'
import { createReplicaHost, type ReplicaHost } from '../../src/consensus/replica-host.ts'
import { openVoteStore, type VoteStore } from '../../src/consensus/vote-store.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import {
  buildNext,
  certify,
  ledgerWithDevice,
  memberOf,
  START_MS,
  type TestNetwork
} from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'
import { altered, createDoor, unitOf, type Door } from '../pool/door.ts'

interface Bench {
  readonly host: ReplicaHost
  readonly links: FakeNetwork
  readonly door: Door
  readonly failures: VitalchainError[]
  readonly searches: Uint8Array[]
}

/** A validator of a network, alone with its ledger. Its time stands still until a test moves it. */
async function bench(
  t: Test,
  network: TestNetwork,
  ledger: Ledger,
  { self, votes }: { readonly self: number; readonly votes?: VoteStore }
): Promise<Bench> {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const links = new FakeNetwork()
  links.onSend = (member, encoded) => {
    const message = decodeMessage(encoded)
    if (message.type !== 'inquiry') return
    const answer = encodeMessage(answerTo(message.nonce, ledger))
    queueMicrotask(() => links.receive(member, answer))
  }
  const door = createDoor(ledger)
  const failures: VitalchainError[] = []
  const searches: Uint8Array[] = []
  const source: BlockSource = {
    transactions: async hashes => hashes.flatMap(hash => door.pool.get(hash) ?? []),
    proposal(hash) {
      searches.push(hash)
      return new Promise(() => undefined)
    },
    arrived: () => undefined,
    hold: () => undefined,
    keep: () => undefined
  }
  const host = createReplicaHost({
    ledger,
    pool: door.pool,
    network: links,
    votes: votes ?? (await keptVotes(network, self)),
    source,
    signer: { ...memberOf(network, self).consensus, destroy: () => undefined },
    now: () => START_MS + 60_000,
    log: () => undefined,
    onBehind: () => undefined,
    onRefused: () => undefined,
    onEvidence: () => undefined,
    onCommitted: () => undefined,
    onFatal: error => void failures.push(error)
  })
  t.teardown(async () => {
    await host.stop()
    mock.timers.reset()
  })
  return { host, links, door, failures, searches }
}

/** What another validator answers that stands where this ledger does and heard nothing from the asker. */
function answerTo(nonce: Uint8Array, { head }: Ledger): AnswerMessage {
  return { type: 'answer', nonce, height: head.height, complete: true, vote: undefined }
}

/** The votes of a validator that is there since the first block. */
async function keptVotes(network: TestNetwork, self: number): Promise<VoteStore> {
  const votes = await openVoteStore('memory')
  const own = votes.of(memberOf(network, self).consensus.publicKey.bytes)
  await own.begin(1)
  // It signed block 1, as its certificate says.
  await own.write({ height: 2, view: 0, sent: {}, prepared: undefined })
  return votes
}

/** Who leads the next height in view 0. */
function leaderOfNext(ledger: Ledger): number {
  return (ledger.head.height + 1) % ledger.validators().length
}

async function settled(): Promise<void> {
  for (let k = 0; k < 20; k++) await setImmediate()
}

function kindsOf({ links }: Bench): string[] {
  return links.sent.map(encoded => decodeMessage(encoded).type)
}

t.test(
  'a validator asks for another leader while something waits that could be committed',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice()
    const other = (leaderOfNext(ledger) + 1) % 4
    const made = await bench(t, network, ledger, { self: other })
    await made.host.start()
    await made.door.admission.submit(unitOf(await device.read()))
    made.host.work()
    mock.timers.tick(10_000)
    await settled()
    t.ok(kindsOf(made).includes('view-change'))
  }
)

t.test(
  'a validator does not ask for another leader because of what no leader can commit',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice('memory', {
      parameters: { payloadBytesPerMemberDay: 16 }
    })
    const other = (leaderOfNext(ledger) + 1) % 4
    const made = await bench(t, network, ledger, { self: other })
    await made.host.start()
    const [first, second] = [await device.read(), await device.read()]
    // Handed over in this order they are held: only then the one in front is seen to be over the quota.
    made.door.pool.add({ ...second.candidate, signaturesChecked: true, since: START_MS })
    made.door.pool.add({ ...first.candidate, signaturesChecked: true, since: START_MS })
    made.host.work()
    mock.timers.tick(30_000)
    await settled()
    t.notOk(kindsOf(made).includes('view-change'))
    t.equal(made.door.pool.size, 2, 'the quota passes with the day')
  }
)

t.test('what can never be committed is taken out of the pool', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const other = (leaderOfNext(ledger) + 1) % 4
  const made = await bench(t, network, ledger, { self: other })
  await made.host.start()
  const skipping = await device.sign({ seq: 5 })
  made.door.pool.add({ ...skipping.candidate, signaturesChecked: true, since: START_MS })
  made.host.work()
  mock.timers.tick(30_000)
  await settled()
  t.equal(made.door.pool.size, 0)
  t.notOk(kindsOf(made).includes('view-change'))
})

t.test('a leader whose disk fails while it builds a block stops, and throws at nobody', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const broken = altered(ledger, {
    build() {
      throw new VitalchainError('ERR_STORE', 'the disk is gone')
    }
  })
  const made = await bench(t, network, broken, { self: leaderOfNext(ledger) })
  await made.host.start()
  await made.door.admission.submit(unitOf(await device.read()))
  made.host.work()
  t.match(made.failures, [{ code: 'ERR_CONSENSUS_HOST', cause: { code: 'ERR_STORE' } }])
})

t.test(
  'a block that nobody gives out is looked for once at a time, however long it takes',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice()
    const made = await bench(t, network, ledger, { self: (leaderOfNext(ledger) + 1) % 4 })
    await made.host.start()
    const { header } = buildNext(ledger, [(await device.read()).candidate])
    const certificate = await certify(network, header)
    made.links.receive(memberOf(network, 3).id, encodeMessage({ type: 'decided', certificate }))
    for (let k = 0; k < 50; k++) {
      mock.timers.tick(2_000)
      await setImmediate()
    }
    t.equal(made.searches.length, 1)
    t.ok(equalBytes(made.searches[0]!, certificate.blockHash))
  }
)

t.test(
  'the transactions of a prepared block are on the disk also when catch-up tells of the same height again',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice('memory', { size: 1 })
    const memory = await keptVotes(network, 0)
    const bodies: number[] = []
    const votes: VoteStore = {
      ...memory,
      of: key => ({
        ...memory.of(key),
        async write(state, prepared) {
          if (state.prepared !== undefined) bodies.push(prepared?.transactions.length ?? 0)
          await memory.of(key).write(state, prepared)
        }
      })
    }
    const made = await bench(t, network, ledger, { self: 0, votes })
    await made.host.start()
    await made.door.admission.submit(unitOf(await device.read()))
    made.host.work()
    made.host.advanced()
    await settled()
    t.equal(ledger.head.height, 2)
    t.same(bodies, [1])
  }
)

t.test('a validator that lost its votes but not its ledger follows and signs nothing', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const votes = await openVoteStore('memory')
  const made = await bench(t, network, ledger, { self: leaderOfNext(ledger), votes })
  await made.host.start()
  t.equal(made.host.votes, false)
  await made.door.admission.submit(unitOf(await device.read()))
  made.host.work()
  mock.timers.tick(10_000)
  await settled()
  t.same([...new Set(kindsOf(made))].toSorted(), ['inquiry', 'status'])
})
