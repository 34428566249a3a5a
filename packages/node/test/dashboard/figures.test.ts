import t from 'tap'
import { createFigures, FIGURE_MS, FIGURES_MAX } from '../../src/dashboard/figures.ts'
import type { CommitMeter } from '../../src/observe/meters.ts'

const START = 1_700_000_000_000

/** A block with statements of so many readings each. */
function block(counts: readonly number[], rest: Partial<CommitMeter> = {}): CommitMeter {
  const transactions = counts.map(count => ({
    transaction: { type: 'statement', statement: { type: 'readings', count } }
  }))
  return {
    executed: { transactions } as unknown as CommitMeter['executed'],
    by: 'consensus',
    waitedMs: [],
    ...rest
  }
}

t.test('a span is told when it is over, with what was committed in it', async t => {
  let now = START
  const figures = createFigures(() => now)
  const { meters } = figures
  meters.committed(block([10, 20], { waitedMs: [30, 50] }))
  now += FIGURE_MS / 2
  meters.committed(block([5], { waitedMs: [100] }))
  t.strictSame(figures.list(), [], 'it still goes on')
  now += FIGURE_MS / 2
  t.strictSame(figures.list(), [
    { at: START, blocks: 2, transactions: 3, readings: 35, latency: { p50: 50, p99: 100 } }
  ])
  meters.committed(block([1]))
  now += FIGURE_MS
  t.strictSame(figures.list(START + 1), [
    { at: START + FIGURE_MS, blocks: 1, transactions: 1, readings: 1, latency: null }
  ])
})

t.test('what was fetched after an absence does not count as slow', async t => {
  let now = START
  const figures = createFigures(() => now)
  const { meters } = figures
  meters.committed(block([1], { by: 'catch-up', waitedMs: [60_000] }))
  now += FIGURE_MS
  t.match(figures.list(), [{ readings: 1, latency: null }])
})

t.test('ten minutes are kept, whatever the clock does', async t => {
  let now = START
  const figures = createFigures(() => now)
  const { meters } = figures
  for (let k = 0; k < 2 * FIGURES_MAX; k++) {
    meters.committed(block([1]))
    now += FIGURE_MS
  }
  t.equal(figures.list().length, FIGURES_MAX)
  t.equal(figures.list()[0]?.at, now - FIGURES_MAX * FIGURE_MS)
  now -= 3_600_000
  meters.committed(block([1]))
  now += FIGURE_MS
  t.ok(figures.list().length <= FIGURES_MAX)
  t.equal(figures.list(0).at(-1)?.at, now - FIGURE_MS, 'a clock that was set back begins anew')
})
