import t from 'tap'
import { createRandom } from '@vitalchain/consensus/simulator'
import { Bench } from './support.ts'

/** Everything of variable size that a replica holds. */
function held({ round, state }: Bench): Record<string, number> {
  const votes = [...round.prepares.values(), ...round.commits.values()]
  return {
    votes: votes.reduce((sum, each) => sum + each.size, 0),
    viewChanges: round.viewChanges.size,
    latestViews: round.latestViews.size,
    certificates: round.certificates.size,
    proposals: round.proposals.size,
    blocks: round.blocks.size,
    fetching: round.fetching.size,
    justified: round.justified.size,
    accused: round.accused.size,
    next: state.next.size,
    answered: state.answered.size
  }
}

t.test(
  'one faulty validator that floods every kind of message fills no more than its places',
  async t => {
    const bench = new Bench(4, 0).start()
    const random = createRandom(42)
    const hash = (): Uint8Array => Uint8Array.from({ length: 32 }, () => random.integer(256))
    for (let k = 0; k < 3_000; k += 1) {
      const view = random.pick([random.integer(12), random.integer(1e6), 0xffff_ffff])
      const height = 1 + random.integer(3)
      const kind = random.integer(5)
      if (kind === 0) bench.hear(bench.vote('prepare', 3, hash(), view, height))
      else if (kind === 1) bench.hear(bench.vote('commit', 3, hash(), view, height))
      else if (kind === 2) bench.hear(bench.viewChange(3, Math.max(1, view)))
      else if (kind === 3)
        bench.hear(bench.proposal({ view: 2, sender: 3, block: bench.block(3, 2, k) }))
      else
        bench.hear(
          { type: 'decided', certificate: bench.certificate('commit', hash(), 0, [1, 1, 1]) },
          3
        )
    }
    t.equal(bench.round.view, 0, 'and moves nobody')
    t.same(bench.sent(), [])
    t.strictSame(held(bench), {
      votes: 10,
      viewChanges: 1,
      latestViews: 1,
      certificates: 0,
      proposals: 0,
      blocks: 0,
      fetching: 0,
      justified: 0,
      // Of two words in one view, of amnesia, and of a new view without a justification.
      accused: 3,
      next: 2,
      answered: 0
    })
  }
)

t.test('what others relay of the next height is kept only when its signature is good', async t => {
  const bench = new Bench(4, 0).start()
  const vote = bench.vote('prepare', 1, new Uint8Array(32), 0, 2)
  bench.hear({ ...vote, signature: new Uint8Array(64) }, 3)
  bench.give({ type: 'message', message: { ...vote, signature: new Uint8Array(64) } })
  t.equal(bench.state.next.size, 0)
  bench.hear(vote, 3)
  t.equal(bench.state.next.size, 1)
  bench.hear({ ...vote, sender: 50 }, 3)
  t.equal(bench.state.next.size, 1, 'a stranger has no place')
})

t.test('a vote that is known already costs no signature check', async t => {
  const bench = new Bench(4, 0).start()
  const vote = bench.vote('prepare', 1, new Uint8Array(32))
  const change = bench.viewChange(1, 3)
  const proposal = bench.proposal()
  bench.hear(vote).hear(change).hear(proposal)
  const before = bench.verifications
  for (let k = 0; k < 10; k += 1) bench.hear(vote).hear(change).hear(proposal)
  t.equal(bench.verifications, before)
})

t.test('a step leaves the state it was given as it was', async t => {
  const bench = new Bench(4, 0).start()
  const { state } = bench
  const before = JSON.stringify(state, (_, value: unknown) =>
    value instanceof Map ? [...value] : value
  )
  bench
    .hear(bench.proposal())
    .approve()
    .sign()
    .hear(bench.vote('prepare', 1, new Uint8Array(32)))
  t.equal(
    JSON.stringify(state, (_, value: unknown) => (value instanceof Map ? [...value] : value)),
    before
  )
})
