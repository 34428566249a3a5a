// Counts messages, not time: the clock stands still once the links are up, and no timer runs out.
import { blockHash } from '@vitalchain/core'
import { advanceLeadership, type Effect, type Message } from '@vitalchain/consensus'
import t from 'tap'
import { Bench } from './support.ts'

/** Four replicas. What one sends arrives with the next half of a round trip, if the link is up. */
class Quartet {
  readonly replicas = [0, 1, 2, 3].map(self => new Bench(4, self).start())
  /** Messages that went over a link, in order. */
  readonly carried: { readonly from: number; readonly to: number; readonly message: Message }[] = []
  readonly #away: ReadonlySet<number>
  readonly #up = new Set<number>()
  #underWay: { readonly from: number; readonly to: number; readonly message: Message }[] = []

  constructor(away: readonly number[]) {
    this.#away = new Set(away)
    for (const k of [0, 1, 2, 3]) if (!this.#away.has(k)) this.#up.add(k)
  }

  /** Gives an input to one replica and does for it what a host does at once: sign, check, build. */
  give(k: number, event: Parameters<Bench['give']>[0]): void {
    const bench = this.replicas[k]!
    bench.give(event)
    const queue: Effect[] = [...bench.effects]
    for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
      if (effect.type === 'send') this.#post(k, effect)
      else if (effect.type === 'sign') {
        const votes = effect.votes.map(vote => vote.seal(bench.keys.sign(k, vote.signBytes)))
        queue.push(...bench.give({ type: 'signed', votes }).effects)
      } else if (effect.type === 'validate') {
        const { request } = effect
        queue.push(...bench.give({ type: 'validated', request, valid: true }).effects)
      } else if (effect.type === 'build') {
        const proposal = bench.block(k, effect.view)
        const { height, view } = effect
        queue.push(...bench.give({ type: 'built', height, view, proposal }).effects)
      } else if (effect.type === 'commit') {
        this.#commit(k, effect)
        queue.push(...bench.effects)
      }
    }
  }

  /** Everything that is under way arrives; the answers are under way then. */
  halfTrip(): void {
    const arriving = this.#underWay
    this.#underWay = []
    for (const each of arriving) {
      this.carried.push(each)
      this.give(each.to, { type: 'message', from: each.from, message: each.message })
    }
  }

  /** Until nothing is under way any more. */
  settle(): void {
    while (this.#underWay.length > 0) this.halfTrip()
  }

  /** The links of a replica to all that are there come up. */
  connect(k: number): void {
    this.settle()
    this.carried.length = 0
    const others = [...this.#up]
    this.#up.add(k)
    for (const other of others) {
      this.give(k, { type: 'connected', peer: other })
      this.give(other, { type: 'connected', peer: k })
    }
  }

  #post(from: number, { to, message }: Extract<Effect, { type: 'send' }>): void {
    for (const peer of to === 'all' ? [0, 1, 2, 3] : to)
      if (peer !== from && this.#up.has(peer) && this.#up.has(from))
        this.#underWay.push({ from, to: peer, message })
  }

  #commit(k: number, { proposal, certificate }: Extract<Effect, { type: 'commit' }>): void {
    const { context } = this.replicas[k]!
    const { validators, leadership } = context
    this.replicas[k]!.give({
      type: 'committed',
      context: {
        height: certificate.height + 1,
        parentHash: blockHash(proposal.header),
        parentTime: proposal.header.time,
        parentCertificate: certificate,
        validators,
        leadership: advanceLeadership(leadership, certificate.height, validators, undefined)
      }
    })
  }
}

const LEADER = 1
const BACK = 0

t.test(
  'who comes back in the middle of a height has all that the others signed after half a round trip',
  async t => {
    // Two of four cannot prepare alone.
    const four = new Quartet([BACK, 3])
    four.give(LEADER, { type: 'work', pending: true })
    four.connect(BACK)
    four.halfTrip()
    const { round } = four.replicas[BACK]!
    t.ok(round.proposals.has(0))
    t.same(new Set(round.prepares.get(0)!.keys()), new Set([0, 1, 2]), 'and its own vote')
    four.halfTrip()
    for (const k of [LEADER, 2]) t.equal(four.replicas[k]!.round.prepares.get(0)!.size, 3)
    four.settle()
    t.same(
      [BACK, LEADER, 2].map(k => four.replicas[k]!.round.context.height),
      [2, 2, 2],
      'and the height ends without a timer'
    )
  }
)

t.test('who missed the end of a height has its certificate after one round trip', async t => {
  const four = new Quartet([BACK])
  four.give(LEADER, { type: 'work', pending: true })
  four.settle()
  t.equal(four.replicas[LEADER]!.round.context.height, 2)
  // Votes that just ended a height are still under way for a moment, so nobody is answered in it. spec C-21
  for (const bench of four.replicas) bench.now += 60_000
  four.connect(BACK)
  four.halfTrip()
  t.notOk(four.replicas[BACK]!.round.certified)
  four.halfTrip()
  t.ok(four.replicas[BACK]!.round.certified)
  t.match(
    four.replicas[BACK]!.round.certified,
    { phase: 'commit', height: 1 },
    'all that is left is to fetch the block'
  )
  t.ok(four.carried.length <= 3 * 4, `${four.carried.length} messages over three links`)
})

t.test(
  'who comes back while the others are in a late view is in it after half a round trip',
  async t => {
    const four = new Quartet([BACK, 3])
    for (const k of [LEADER, 2]) {
      four.give(k, { type: 'work', pending: true })
      four.settle()
    }
    // The two that are there never get a quorum: only those who come back end this.
    for (const sender of [LEADER, 2]) {
      const { viewTimer } = four.replicas[sender]!.state
      four.give(sender, { type: 'timer', id: viewTimer!.id })
    }
    four.settle()
    const late = four.replicas[LEADER]!.round.view
    t.ok(late > 0)
    four.connect(BACK)
    four.halfTrip()
    t.equal(four.replicas[BACK]!.round.view, late)
  }
)
