// Ways in which real networks stopped and did not come back.
import t from 'tap'
import {
  CALM,
  HASTY,
  explain,
  measureIdle,
  randomScenario,
  runDeadLeader,
  runOutage,
  runScenario,
  type Scenario
} from '@vitalchain/consensus/simulator'

const FOUR = { ...CALM, validators: 4, heights: 5 } as const

const DAY_MS = 24 * 3_600_000
const ROUND_TRIP_MS = 40
/** Lengths of outages, ms, and how many seeds each is tried with; `npm run simulate -- --outages` tries more. */
const OUTAGES = [
  [1_000, 20],
  [600_000, 10],
  [DAY_MS, 1]
] as const

function run(seed: number, fixed: Partial<Scenario>) {
  return runScenario(randomScenario(seed, { ...FOUR, ...fixed }))
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))]!
}

t.test('all validators restart at once, again and again', async t => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const outcome = run(seed, { healsAt: 2_000, powerLosses: 20 })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.ok(outcome.faults['crash']! >= 30)
  }
})

t.test('all validators restart at once, and nothing else goes wrong', async t => {
  const outcome = run(1, {
    absent: [0, 1, 2, 3],
    absentFrom: 300,
    healsAt: 1_000,
    heights: 40,
    load: 'saturated'
  })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.ok(outcome.firstDecision! < 1_000 + ROUND_TRIP_MS, `${outcome.firstDecision} ms`)
})

t.test('the primary crashes before or after any of its writes', async t => {
  // Boundaries of the first leader: before and after each of its writes, and before and after its block.
  for (let boundary = 1; boundary <= 12; boundary += 1) {
    const outcome = run(boundary, { crashAt: { validator: 1, boundary }, heights: 8 })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.equal(outcome.faults['crash'], 1)
    t.ok(outcome.highestView <= 1, `view ${outcome.highestView}`)
  }
})

t.test('whoever leads crashes at every third message that it wants to say', async t => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const outcome = run(seed, { healsAt: 2_000, boundaryCrashes: 0.3, timers: HASTY })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.ok(outcome.faults['crash']! >= 5)
  }
})

t.test(
  'two of four come back with empty directories: nothing is decided, both are named, neither signs',
  async t => {
    const empty = {
      lost: new Map([
        [1, 'empty'],
        [2, 'empty']
      ] as const),
      lostAt: 1_000,
      healsAt: 3_000,
      heights: 30,
      load: 'sparse',
      record: true
    } as const
    // A signature by one of them would be a violation of its own, and come before this one.
    const stalled = run(1, empty)
    t.match(stalled.violation, /^NO LIVENESS/)
    t.equal(stalled.faults['disk empty'], 2)
    t.ok(stalled.decided > 0 && stalled.decided < 30, 'it stalled on the way')
    for (const [one, other] of [
      [1, 2],
      [2, 1]
    ]) {
      const said = stalled.transcript.some(line =>
        line.includes(`#${one} waits for answers, silent: , without votes: #${other},`)
      )
      t.ok(said, `#${one} names #${other}`)
    }

    t.comment('the operator of one takes the risk, and the other one votes again by itself')
    const resumed = run(1, { ...empty, overrides: [1] })
    t.equal(resumed.violation, undefined, explain(resumed))
    t.equal(resumed.decided, 30)
    for (const validator of [1, 2])
      t.ok(resumed.transcript.some(line => line.includes(`#${validator} votes-again`)))
  }
)

t.test('an approved fifth validator that never comes up costs no block', async t => {
  const outcome = run(1, {
    faulty: new Map([[4, ['silent']]]),
    changes: [{ kind: 'add', member: 4, at: 200 }],
    healsAt: 1_000,
    load: 'sparse',
    heights: 20
  })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.equal(outcome.faults['validators change: add'], 1)
  t.ok(outcome.recovery < 10_000, `${outcome.recovery} ms for 20 blocks`)
})

t.test('a transaction comes after a week of silence', async t => {
  const WEEK_MS = 7 * DAY_MS
  // Of two transactions the first comes at once and the second after half the time.
  const outcome = run(1, { heights: 2, load: 'sparse', healsAt: 2 * WEEK_MS, statusMs: 600_000 })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.equal(outcome.highestView, 0)
  t.equal(outcome.decided, 2, 'and no block in between')
})

t.test('an idle day costs no block and less than 1 kB/s on a link', async t => {
  const { blocks, bytesPerSecond } = measureIdle(4, DAY_MS)
  t.equal(blocks, 0)
  t.ok(bytesPerSecond < 1_000, `${bytesPerSecond} B/s`)
  t.ok(bytesPerSecond > 1, 'statuses are still said')
})

t.test('a minority that ran up a thousand views comes back', async t => {
  for (const startViews of [
    new Map([[0, 1_000]]),
    new Map([
      [0, 1_000],
      [1, 1_000]
    ])
  ]) {
    const outcome = run(1, { startViews })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.ok(outcome.recovery < 10_000, `${outcome.recovery} ms`)
  }
})

t.test('a clock ten minutes ahead or behind stops nobody', async t => {
  for (const ms of [600_000, -600_000]) {
    // The load is spread over the time in which the clock is wrong.
    const outcome = run(1, {
      clockJump: { validator: 1, ms },
      healsAt: 20_000,
      heights: 20,
      load: 'sparse'
    })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.equal(outcome.faults['clock jump'], 1)
  }
})

t.test('a transaction that one leader always drops is decided', async t => {
  const outcome = run(1, { faulty: new Map([[1, ['censors']]]), heights: 20 })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.ok(outcome.faults['byzantine censors']! > 0)
})

t.test('a view at which a timer would overflow is left like any other', async t => {
  const startViews = new Map([0, 1, 2, 3].map(each => [each, 2 ** 31 + 5]))
  const outcome = run(1, { startViews, faulty: new Map([[0, ['silent']]]) })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.ok(outcome.highestView < 2 ** 31 + 12, `view ${outcome.highestView}`)
})

for (const [ms, seeds] of OUTAGES) {
  t.test(
    `after half the validators were away for ${ms / 1_000} s it commits within a second`,
    async t => {
      const first: number[] = []
      for (let seed = 1; seed <= seeds; seed += 1) {
        const outcome = runOutage(seed, ms)
        t.equal(outcome.violation, undefined, explain(outcome))
        t.ok(outcome.highestView <= 3, `view ${outcome.highestView}: views ran away`)
        first.push(outcome.firstDecision!)
      }
      t.ok(quantile(first, 0.99) < 1_000 + ROUND_TRIP_MS, `${quantile(first, 0.99)} ms`)
    }
  )
}

t.test('when no two validators hear each other for an hour, it commits within seconds', async t => {
  const outcome = run(1, { loss: 1, healsAt: 3_600_000, load: 'saturated' })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.ok(outcome.highestView <= 3, `view ${outcome.highestView}: views ran away`)
  t.ok(outcome.firstDecision! < 5_000, `${outcome.firstDecision} ms`)
})

t.test('a validator whose clock is set back by ten minutes still catches up', async t => {
  // Its limits on how often it asks and answers measured a negative time, and held for ten minutes.
  const outcome = runScenario(randomScenario(1_463))
  t.equal(outcome.violation, undefined, explain(outcome))
})

t.test('a killed leader costs at most twice the base timeout', async t => {
  const BASE_MS = 1_000
  for (const validators of [4, 7, 10])
    for (let seed = 1; seed <= 10; seed += 1) {
      const outcome = runDeadLeader(seed, validators)
      t.equal(outcome.violation, undefined, explain(outcome))
      t.ok(outcome.recovery <= 2 * BASE_MS, `${outcome.recovery} ms`)
    }
})
