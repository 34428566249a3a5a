import * as fc from 'fast-check'
import t from 'tap'
import { blockHash } from '@vitalchain/core'
import type { FakeAnswer } from './fake-peers.ts'
import { fakeNetwork } from './fake-peers.ts'
import { client, headAt } from './following.ts'
import { ForkableLedger, MEMBERS } from './forkable-ledger.ts'

const SEED = 20_260_801
const RUNS = 120

/** What a liar does to an answer: bytes changed, cut, added, swapped for those of another question, or refused. */
type Lie =
  | { readonly type: 'flip'; readonly at: number; readonly bit: number }
  | { readonly type: 'cut' | 'grow'; readonly bytes: number }
  | { readonly type: 'earlier'; readonly answer: number }
  | { readonly type: 'status'; readonly status: number }
  | { readonly type: 'truth' }

const lie: fc.Arbitrary<Lie> = fc.oneof(
  fc.record({ type: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
  fc.record({
    type: fc.constantFrom('cut' as const, 'grow' as const),
    bytes: fc.integer({ min: 1, max: 40 })
  }),
  fc.record({ type: fc.constant('earlier' as const), answer: fc.nat() }),
  fc.record({ type: fc.constant('status' as const), status: fc.constantFrom(204, 400, 404, 500) }),
  fc.record({ type: fc.constant('truth' as const) })
)

function tell(how: Lie, truth: FakeAnswer, earlier: readonly FakeAnswer[]): FakeAnswer {
  const { body } = truth
  switch (how.type) {
    case 'flip': {
      const changed = body.slice()
      if (changed.length > 0) changed[how.at % changed.length]! ^= 1 << how.bit
      return { ...truth, body: changed }
    }
    case 'cut':
      return { ...truth, body: body.subarray(0, Math.max(0, body.length - how.bytes)) }
    case 'grow':
      return { ...truth, body: Uint8Array.from([...body, ...new Uint8Array(how.bytes)]) }
    case 'earlier':
      return earlier[how.answer % Math.max(1, earlier.length)] ?? truth
    case 'status':
      return { status: how.status, body: how.status === 204 ? new Uint8Array(0) : body }
    case 'truth':
      return truth
  }
}

t.test(
  'whatever a liar answers, a client has no head that is not of the ledger, and goes on',
  async t => {
    const ledger = new ForkableLedger().grow(2)
    ledger.addBlock({ next: MEMBERS.slice(1, 6) })
    ledger.grow(3)
    const hashes = new Set(ledger.blocks.map(({ header }) => blockHash(header).join()))
    const noticed = new Set<unknown>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(lie, { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        fc.constantFrom('newest' as const, 'all' as const),
        async (lies, pinned, headers) => {
          const network = fakeNetwork(ledger, ledger.copy(4))
          const [liar, honest] = network.peers
          const earlier: FakeAnswer[] = []
          let told = 0
          liar!.lie = (_url, truth) => {
            const said = tell(lies[told++ % lies.length]!, truth, earlier)
            earlier.push(truth)
            return said
          }
          const teardown: (() => unknown)[] = []
          const following = client({ teardown: each => teardown.push(each) }, network, {
            headers,
            log: (_event, { code }) => noticed.add(code),
            ...(pinned ? { pin: ledger.pin(2) } : {})
          })
          following.start()
          await headAt(following, 4)
          honest!.ledger = ledger
          await headAt(following, 6)
          const { state } = following.status()
          for (const each of teardown) await each()
          return state === 'following' && hashes.has(following.head!.blockHash.join())
        }
      ),
      { seed: SEED, numRuns: RUNS }
    )
    noticed.delete(undefined)
    t.ok(noticed.size >= 5, `liars were refused for ${[...noticed].join(' ')}`)
  }
)
