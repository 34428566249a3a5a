/**
 * The consensus simulator from the command line.
 *
 *   npm run simulate -- --seeds 2000            seeds 1 to 2 000; a summary; exit 1 when one fails
 *   npm run simulate -- --seed 7                one seed with its whole transcript and digest
 *   npm run simulate -- --seed 7 --fix '{…}'    the same with parts of the scenario fixed
 *   npm run simulate -- --mutants               every mutant must be caught
 *   npm run simulate -- --sizes                 messages, time and views by the number of validators
 *
 * Options: --from (first seed, 1), --jobs (threads, one for each processor).
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import {
  CALM,
  EMPTY_TALLY,
  MUTANTS,
  RULES,
  addOutcome,
  addTally,
  describeScenario,
  digestOf,
  explain,
  randomScenario,
  runScenario,
  shrinkScenario,
  type Mutant,
  type Outcome,
  type Scenario,
  type Tally
} from '@vitalchain/consensus/simulator'

interface Work {
  /** Every `stride`-th seed from `first` to `last`, so that all threads end at about the same time. */
  readonly first: number
  readonly last: number
  readonly stride: number
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function sweep({ first, last, stride }: Work): Tally {
  let tally = EMPTY_TALLY
  for (let seed = first; seed <= last; seed += stride) {
    tally = addOutcome(tally, runScenario(randomScenario(seed)))
    if (tally.failed.length > 0) break
  }
  return tally
}

async function sweepInThreads(from: number, seeds: number, jobs: number): Promise<Tally> {
  const last = from + seeds - 1
  const parts = Array.from({ length: jobs }, (_, k) => ({ first: from + k, last, stride: jobs }))
  const tallies = await Promise.all(
    parts.map(
      part =>
        new Promise<Tally>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: part })
          worker.once('message', resolve)
          worker.once('error', reject)
        })
    )
  )
  return tallies.reduce(addTally, EMPTY_TALLY)
}

function counts(title: string, all: Readonly<Record<string, number>>): void {
  say(`${title}:`)
  for (const [name, count] of Object.entries(all).toSorted((a, b) => b[1] - a[1]))
    say(`  ${String(count).padStart(10)}  ${name}`)
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0
  return `median ${at(0.5)}, 99 % ${at(0.99)}, longest ${at(1)}`
}

function summarize(tally: Tally, seconds: number): void {
  const { runs, steps, messages, decided, views, highestView, byzantine, sizes, faults } = tally
  const injected = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const each = (total: number): string => (total / runs).toFixed(1)
  counts('faults by kind', faults)
  say('rules by branch:')
  for (const rule of RULES) say(`  ${String(tally.rules[rule] ?? 'NEVER').padStart(10)}  ${rule}`)
  const covered = RULES.filter(rule => tally.rules[rule] !== undefined).length
  say(`scenarios ${runs} in ${seconds.toFixed(0)} s, ${byzantine} with f faulty validators`)
  say(
    `validators ${Object.entries(sizes)
      .map(([n, count]) => `${n}: ${count}`)
      .join(', ')}`
  )
  say(`steps ${steps} (${each(steps)} each), messages ${messages} (${each(messages)} each)`)
  say(`heights decided ${decided} (${each(decided)} each)`)
  say(`faults injected ${injected} (${each(injected)} each)`)
  say(`changes of view ${views} (${each(views)} each), highest view ${highestView}`)
  say(`ms from healing to the next block: ${quantiles(tally.firstDecisions)}`)
  say(
    `ms from healing to the last transaction: ${quantiles(tally.recoveries)} (seed ${tally.slowest.seed})`
  )
  say(`branches of rules covered ${covered} of ${RULES.length}`)
  say(`violations ${tally.failed.length}`)
}

/** What went wrong, made small. */
function explainFailure(seed: number, fixed: Partial<Scenario>): void {
  const failed = runScenario(randomScenario(seed, fixed))
  const small = shrinkScenario(failed)
  say(`\n${explain(small.outcome)}`)
  const parts = describeScenario({ ...fixed, ...small.fixed })
  say(`\nviolation: ${failed.violation ?? 'none'}`)
  say(`again:   npm run simulate -- --seed ${seed}`)
  say(`smaller: npm run simulate -- --seed ${seed} --fix '${parts}'`)
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

/** Runs a mutant until it is caught; the same scenario without it must hold. */
function hunt(mutant: Mutant, from: number): { seeds: number; caught: Outcome } | undefined {
  for (let seed = from; seed < from + mutant.within; seed += 1) {
    const outcome = runScenario(randomScenario(seed, { ...mutant.fixed, mutant }))
    if (outcome.violation === undefined) continue
    const sound = runScenario(randomScenario(seed, { ...mutant.fixed }))
    if (sound.violation !== undefined) throw new Error(`without the mutant: ${explain(sound)}`)
    return { seeds: seed - from + 1, caught: outcome }
  }
  return undefined
}

function huntAll(from: number): boolean {
  let survived = 0
  for (const mutant of MUTANTS) {
    const found = hunt(mutant, from)
    if (found === undefined) survived += 1
    const verdict =
      found === undefined
        ? `SURVIVED ${mutant.within} seeds`
        : `caught by seed ${found.caught.scenario.seed} (${found.seeds} of at most ${mutant.within}): ${(found.caught.violation ?? '').slice(0, 80)}`
    say(`${mutant.name.padEnd(24)} ${verdict}   [${mutant.rule}]`)
  }
  say(`mutants ${MUTANTS.length}, survived ${survived}`)
  return survived === 0
}

/** Silent leaders one after the other: with timeouts that double, more of them take minutes before anything is measured. */
const SILENT_MAX = 5

/** Networks without faults, and with the first leaders silent. Delays are 1 to 20 ms, evenly spread. */
function measureSizes(seed: number): boolean {
  const HEIGHTS = 10
  let sound = true
  for (const validators of [4, 7, 10, 16, 31, 50]) {
    const calm = { ...CALM, validators, heights: HEIGHTS, load: 'saturated' } as const
    const quiet = runScenario(randomScenario(seed, calm))
    const faults = Math.min(SILENT_MAX, Math.floor((validators - 1) / 3))
    const leaders = Array.from({ length: faults }, (_, view) => (1 + view) % validators)
    const faulty = new Map(leaders.map(each => [each, ['silent']] as const))
    const failing = runScenario(randomScenario(seed, { ...calm, heights: 1, faulty }))
    sound &&= quiet.violation === undefined && failing.violation === undefined
    say(
      `n ${validators}: ${quiet.messages / HEIGHTS} messages and ${quiet.recovery / HEIGHTS} ms a height; ` +
        `with the first ${faults} leaders silent: view ${failing.highestView} after ${failing.recovery} ms`
    )
  }
  return sound
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      seed: { type: 'string' },
      fix: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      sizes: { type: 'boolean', default: false }
    }
  })
  const from = Number(values.from)
  if (values.mutants) return huntAll(from)
  if (values.sizes) return measureSizes(from)
  if (values.seed !== undefined) return replay(Number(values.seed), readFixed(values.fix))
  const started = performance.now()
  const tally = await sweepInThreads(from, Number(values.seeds), Number(values.jobs))
  summarize(tally, (performance.now() - started) / 1_000)
  const [failed] = tally.failed.toSorted((a, b) => a - b)
  if (failed !== undefined) explainFailure(failed, {})
  return failed === undefined
}

if (isMainThread) process.exitCode = (await main()) ? 0 : 1
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
else parentPort?.postMessage(sweep(workerData as Work))
