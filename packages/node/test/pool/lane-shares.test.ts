import { COMMIT_WAIT_MIN_MS, WINDOW_STATEMENTS_MAX } from '@vitalchain/device-sdk'
import t from 'tap'
import {
  createLaneShares,
  LANE_BURST,
  LANE_FACTOR,
  LANE_PER_SECOND,
  TURN_WAIT_MS
} from '../../src/pool/lane-shares.ts'

/** Shares by a clock that a test sets. */
function sharesAt(clock: { now: number }): ReturnType<typeof createLaneShares> {
  return createLaneShares(new AbortController().signal, () => clock.now)
}

/** Lets a lane try every ms for a while, beside others that hand over at their own rates. @returns how many it handed over */
function tryHard(
  shares: ReturnType<typeof createLaneShares>,
  clock: { now: number },
  seconds: number,
  others: readonly { readonly lane: string; readonly perSecond: number }[] = []
): number {
  let taken = 0
  for (let ms = 0; ms < seconds * 1_000; ms++) {
    clock.now += 1
    for (const { lane, perSecond } of others)
      if (ms % (1_000 / perSecond) === 0) {
        if (shares.waitMs(lane) > 0) throw new Error(`${lane} has to wait`)
        shares.charge(lane)
      }
    if (shares.waitMs('hasty') > 0) continue
    shares.charge('hasty')
    taken += 1
  }
  return taken
}

t.test('a lane alone goes as fast as it can: a backlog is no flood', async t => {
  const clock = { now: 0 }
  t.equal(tryHard(sharesAt(clock), clock, 20), 20_000)
})

t.test('beside slow ones it is held back to a rate, after a burst', async t => {
  const clock = { now: 0 }
  const taken = tryHard(sharesAt(clock), clock, 20, [{ lane: 'monitor', perSecond: 1 }])
  const most = LANE_BURST + 20 * LANE_PER_SECOND + 1
  t.ok(taken <= most && taken >= most - 5, `${taken} of at most ${most}`)
})

t.test('what all do is no flood', async t => {
  const clock = { now: 0 }
  const shares = sharesAt(clock)
  const fast = [10, 20].map(perSecond => ({ lane: `monitor ${perSecond}`, perSecond }))
  tryHard(shares, clock, 60, fast)
  const taken = tryHard(shares, clock, 10, fast)
  t.ok(taken > 10 * LANE_FACTOR * 13 && taken < 10 * LANE_FACTOR * 17, `${taken}`)
})

t.test('who went silent counts no more', async t => {
  const clock = { now: 0 }
  const shares = sharesAt(clock)
  tryHard(shares, clock, 10, [{ lane: 'monitor', perSecond: 1 }])
  clock.now += 30_000
  t.equal(tryHard(shares, clock, 5), 5_000)
})

t.test(
  'a session waits for its turn, some at once, and is told when it would be too long',
  async t => {
    const stop = new AbortController()
    const shares = createLaneShares(stop.signal)
    shares.charge('monitor')
    for (let k = 0; k < LANE_BURST; k++) shares.charge('hasty')
    const begin = performance.now()
    const turns = await Promise.all(Array.from({ length: 4 }, () => shares.turn('hasty')))
    t.same(turns, [0, 0, 0, 0])
    t.ok(performance.now() - begin >= (3 * 1_000) / LANE_PER_SECOND)
    for (let k = 0; k < 5 * LANE_PER_SECOND; k++) shares.charge('hasty')
    t.ok((await shares.turn('hasty')) > 2_000)
    stop.abort()
  }
)

t.test(
  'who is held back does not take the node for dead, nor is a whole window refused',
  async t => {
    t.ok(TURN_WAIT_MS < COMMIT_WAIT_MIN_MS)
    t.ok(TURN_WAIT_MS > (WINDOW_STATEMENTS_MAX / LANE_PER_SECOND) * 1_000)
  }
)
