/**
 * The consensus simulator from the command line.
 *
 *   npm run simulate -- --seeds 2000            seeds 1 to 2 000; a summary; exit 1 when one fails
 *   npm run simulate -- --seed 7                one seed with its whole transcript and digest
 *   npm run simulate -- --seed 7 --fix '{…}'    the same with parts of the scenario fixed
 *   npm run simulate -- --mutants               every mutant must be caught
 *   npm run simulate -- --strategies            every way of being faulty alone, at f = 1, 2 and 3
 *   npm run simulate -- --outages --seeds 1000  half of four validators away for 1 s, 10 min and 24 h
 *   npm run simulate -- --sizes                 messages, delays, recovery by the number of validators; an idle day
 *
 * Options: --from (first seed, 1), --jobs (threads, one for each processor).
 */
import { availableParallelism } from 'node:os'
import {
  describeScenario,
  digestOf,
  explain,
  measureIdle,
  measureSize,
  randomScenario,
  runScenario,
  shrinkScenario,
  type Scenario
} from '@vitalchain/consensus/simulator'
import { readFlags, wholeNumber } from './flags.ts'
import { huntAll } from './simulate/mutants.ts'
import { quantile, quantiles, say, summarize } from './simulate/print.ts'
import { campaignInThreads, runsPerSeed, strategyScenario } from './simulate/work.ts'

interface Options {
  readonly from: number
  readonly seeds: number
  readonly jobs: number
}

/** Runs between two lines of progress. */
const SAY_EVERY = 1_000
const DAY_MS = 24 * 3_600_000
/** Lengths of outages, ms. */
const OUTAGES = [1_000, 600_000, DAY_MS]
/** After an outage the next block must be there within this, in 99 of 100 runs: a second and a round trip, ms. */
const OUTAGE_LIMIT_MS = 1_040
/** What an idle link may carry, bytes each second. */
const IDLE_LIMIT = 1_000

function progress(runs: number): (done: number) => void {
  const started = performance.now()
  return done => {
    if (done % SAY_EVERY !== 0) return
    const seconds = (performance.now() - started) / 1_000
    say(`${done} of ${runs} runs in ${seconds.toFixed(0)} s, no violation`)
  }
}

/** What went wrong, made small. */
function explainFailure(scenario: Scenario, seed: number | undefined): void {
  const failed = runScenario(scenario)
  const small = shrinkScenario(failed)
  say(`\n${explain(small.outcome)}`)
  say(`\nviolation: ${failed.violation ?? 'none'}`)
  if (seed === undefined) return
  say(`again:   npm run simulate -- --seed ${seed}`)
  say(`smaller: npm run simulate -- --seed ${seed} --fix '${describeScenario(small.fixed)}'`)
}

async function sweep({ from, seeds, jobs }: Options): Promise<boolean> {
  const started = performance.now()
  const campaign = { kind: 'seeds' } as const
  const { tally, failures } = await campaignInThreads(campaign, from, seeds, jobs, progress(seeds))
  summarize(tally, (performance.now() - started) / 1_000)
  const [failed] = failures
  if (failed !== undefined) explainFailure(randomScenario(failed.run), failed.run)
  return failed === undefined
}

async function strategies({ from, seeds, jobs }: Options): Promise<boolean> {
  const started = performance.now()
  const campaign = { kind: 'strategies' } as const
  const runs = seeds * runsPerSeed(campaign)
  const first = (from - 1) * runsPerSeed(campaign)
  const { tally, failures } = await campaignInThreads(campaign, first, runs, jobs, progress(runs))
  summarize(tally, (performance.now() - started) / 1_000)
  const [failed] = failures
  if (failed !== undefined) explainFailure(strategyScenario(failed.run), undefined)
  return failed === undefined
}

async function outages({ from, seeds, jobs }: Options): Promise<boolean> {
  let sound = true
  for (const ms of OUTAGES) {
    const started = performance.now()
    const campaign = { kind: 'outages', ms } as const
    // oxlint-disable-next-line no-await-in-loop -- one length after the other
    const report = await campaignInThreads(campaign, from, seeds, jobs, progress(seeds))
    const { tally, failures } = report
    const late = quantile(tally.firstDecisions, 0.99)
    sound &&= failures.length === 0 && late <= OUTAGE_LIMIT_MS
    sound &&= tally.firstDecisions.length === tally.runs
    say(
      `two of four away for ${ms / 1_000} s: ms from their return to the next block: ` +
        `${quantiles(tally.firstDecisions)}; ${tally.runs} seeds, highest view ${tally.highestView}, ` +
        `violations ${failures.length}, ${((performance.now() - started) / 1_000).toFixed(0)} s`
    )
    for (const { run, violation } of failures) say(`seed ${run}: ${violation}`)
  }
  return sound
}

function figures(seed: number): boolean {
  let sound = true
  for (const validators of [4, 7, 10, 16, 31, 50]) {
    const { messages, bytes, delays, heightMs, view, firstMs, laterMs } = measureSize(
      validators,
      seed
    )
    sound &&= delays === 3
    say(
      `n ${validators}: a height takes ${messages} messages, ${(bytes / 1_000).toFixed(1)} kB, ${delays} message delays, ` +
        `${heightMs} ms at 1 to 20 ms; after ${view} silent leaders view ${view}: ` +
        `${firstMs} ms at height 1, ${laterMs} ms at a base of 250 ms`
    )
  }
  for (const validators of [4, 10]) {
    const { blocks, bytesPerSecond } = measureIdle(validators, DAY_MS, seed)
    sound &&= blocks === 0 && bytesPerSecond < IDLE_LIMIT
    say(
      `n ${validators}: an idle day: ${blocks} blocks, ${bytesPerSecond.toFixed(1)} B/s on a link`
    )
  }
  return sound
}

function asMap(value: unknown): ReadonlyMap<number, never> | undefined {
  return value === undefined || value === null
    ? undefined
    : new Map(Object.entries(value as Record<string, never>).map(([k, v]) => [Number(k), v]))
}

function readFixed(json: string | undefined): Partial<Scenario> {
  if (json === undefined) return {}
  const all = JSON.parse(json) as Record<string, unknown>
  const { faulty, lost, startViews, ...rest } = all
  const maps = { faulty: asMap(faulty), lost: asMap(lost), startViews: asMap(startViews) }
  const given = Object.entries({ ...rest, ...maps }).filter(([key]) => key in all)
  return Object.fromEntries(given.map(([key, value]) => [key, value ?? undefined]))
}

function replay(seed: number, fixed: Partial<Scenario>): boolean {
  const outcome = runScenario(randomScenario(seed, { ...fixed, record: true }))
  say(explain(outcome))
  say(`digest ${digestOf(outcome.transcript)} of ${outcome.transcript.length} lines`)
  say(`violation: ${outcome.violation ?? 'none'}`)
  return outcome.violation === undefined
}

async function main(): Promise<boolean> {
  const values = readFlags({
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    fix: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    strategies: { type: 'boolean', default: false },
    outages: { type: 'boolean', default: false },
    sizes: { type: 'boolean', default: false }
  })
  const from = wholeNumber('from', values.from, 1)
  const seeds = wholeNumber('seeds', values.seeds ?? (values.strategies ? '1' : '200'), 1)
  const options = { from, seeds, jobs: wholeNumber('jobs', values.jobs, 1) }
  if (values.mutants) return huntAll(from)
  if (values.sizes) return figures(from)
  if (values.outages) return outages(options)
  if (values.strategies) return strategies(options)
  if (values.seed !== undefined)
    return replay(wholeNumber('seed', values.seed, 0), readFixed(values.fix))
  return sweep(options)
}

process.exitCode = (await main()) ? 0 : 1
