// Ways in which real networks stopped and did not come back.
import t from 'tap'
import {
  CALM,
  HASTY,
  explain,
  randomScenario,
  runScenario,
  type Scenario
} from '@vitalchain/consensus/simulator'

const FOUR = { ...CALM, validators: 4, heights: 5 } as const

const ROUND_TRIP_MS = 40
/** Lengths of outages, ms, and how many seeds each is tried with. */
const OUTAGES = [
  [1_000, Number(process.env['SEEDS'] ?? 20)],
  [600_000, Number(process.env['SEEDS'] ?? 4)],
  [24 * 3_600_000, Number(process.env['SEEDS'] ?? 1)]
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

t.test('the primary crashes at every message that it wants to say', async t => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const outcome = run(seed, { healsAt: 2_000, boundaryCrashes: 0.3, timers: HASTY })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.ok(outcome.faults['crash']! >= 5)
  }
})

t.test(
  'two of four validators lose their disks: nothing is decided, and neither signs',
  async t => {
    const lost = new Map([
      [1, 'empty'],
      [2, 'empty']
    ] as const)
    // A signature by one of them would be a violation of its own, and come before this one.
    const outcome = run(1, { lost, healsAt: 3_000, heights: 30, load: 'sparse' })
    t.match(outcome.violation, /^NO LIVENESS/)
    t.equal(outcome.faults['disk empty'], 2)
    t.ok(outcome.decided > 0 && outcome.decided < 30, 'it stalled on the way')
  }
)

t.test('a fifth validator that never comes up costs no block', async t => {
  const outcome = run(1, { validators: 5, faulty: new Map([[4, ['silent']]]), heights: 20 })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.ok(outcome.recovery < 20_000, `${outcome.recovery} ms for 20 blocks`)
})

t.test('a transaction comes after a week of silence', async t => {
  const WEEK_MS = 7 * 24 * 3_600_000
  // Of two transactions the first comes at once and the second after half the time.
  const outcome = run(1, { heights: 2, load: 'sparse', healsAt: 2 * WEEK_MS, statusMs: 600_000 })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.equal(outcome.highestView, 0)
  t.equal(outcome.decided, 2, 'and no block in between')
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

t.test(
  'after an outage of half the validators, however long, it commits within a second',
  async t => {
    for (const [healsAt, seeds] of OUTAGES) {
      const first: number[] = []
      for (let seed = 1; seed <= seeds; seed += 1) {
        const outcome = run(seed, {
          absent: [seed % 4, (seed + 1) % 4],
          healsAt,
          load: 'saturated'
        })
        t.equal(outcome.violation, undefined, explain(outcome))
        t.ok(outcome.highestView <= 3, `view ${outcome.highestView}: views ran away`)
        first.push(outcome.firstDecision!)
      }
      t.comment(
        `outage of ${healsAt} ms: first block after ${quantile(first, 0.5)} ms, 99 % ${quantile(first, 0.99)} ms, ${seeds} seeds`
      )
      t.ok(quantile(first, 0.99) < 1_000 + 2 * ROUND_TRIP_MS)
    }
  }
)

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
  for (let seed = 1; seed <= 20; seed += 1) {
    const outcome = run(seed, { faulty: new Map([[1, ['silent']]]), heights: 1 })
    t.equal(outcome.violation, undefined, explain(outcome))
    t.ok(outcome.recovery <= 2 * BASE_MS + 200, `${outcome.recovery} ms`)
  }
})
