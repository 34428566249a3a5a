/**
 * The formal model of one height, packages/consensus/model/vcpbft.qnt, by Quint's simulator in TypeScript: npm alone, no
 * downloads.
 *
 *   npm run model                     random runs of the protocol, every mutant, traces of the simulator, falsified ones
 *   npm run model -- --quick          n = 4 and one mutant only, with few runs and traces
 *   npm run model -- --only mutant    the checks whose name begins so
 *
 * Options: --seed (1), --jobs (processes at a time, one for each processor). Exit 1 when a check ends otherwise than it must.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faultTolerance, quorum } from '@vitalchain/core'
import {
  HASTY,
  TAMPERINGS,
  TraceRecorder,
  modelTest,
  randomScenario,
  runScenario,
  tamper,
  type ModelTrace,
  type Scenario
} from '@vitalchain/consensus/simulator'
import { readFlags, wholeNumber } from './flags.ts'

const MODEL = fileURLToPath(new URL('../packages/consensus/model/', import.meta.url))
const QUINT = fileURLToPath(import.meta.resolve('@informalsystems/quint/dist/src/cli.js'))
/** A check that takes longer hangs, ms. */
const CHECK_MS = 600_000
/** How much is tried. */
interface Amount {
  /** Random runs for each size of network. */
  readonly samples: Readonly<Record<number, number>>
  /** Traces of each size of network. */
  readonly traces: number
  /** Falsified traces of each kind and size. */
  readonly tampered: number
  /** The mutants of mutants.qnt; all when undefined. */
  readonly mutants?: readonly string[]
}

const FULL: Amount = { samples: { 4: 4_000, 5: 3_000, 6: 3_000 }, traces: 700, tampered: 12 }
const QUICK: Amount = {
  samples: { 4: 40 },
  traces: 10,
  tampered: 1,
  mutants: ['c15_highest']
}

/** Larger quorums need more steps to decide in view 2. */
const STEPS: Readonly<Record<number, number>> = { 4: 30, 5: 34, 6: 40 }

/** Random runs must reach what there is to go wrong, in at least this part of them. */
const WITNESSES: Readonly<Record<string, number>> = {
  decided: 0.3,
  decidedAboveView0: 0.2,
  decidedAgain: 0.05,
  decidedTwice: 0,
  decidedAgainstPrepared: 0,
  decidedWithObserver: 0
}

/** The mutants of mutants.qnt: what is left out, what they lose, within how many runs of 40 steps. */
const MUTANTS: readonly (readonly [
  module: string,
  without: string,
  loses: string,
  within: number
])[] = [
  ['c02_quorum5', 'C-2: n = 5 with 2f + 1 = 3', 'agreement', 1_000],
  ['c02_quorum6', 'C-2: n = 6 with 2f + 1 = 3', 'agreement', 1_000],
  ['c09_quorum', 'C-9: commits to a certificate of Q - 1', 'decisionsBind', 1_000],
  ['c10_quorum', 'C-10: decides by Q - 1', 'agreement', 1_000],
  ['c12_claim', 'C-12: view changes claim nothing', 'agreement', 1_000],
  ['c12_promise', 'C-12: votes on in the view that it left', 'agreement', 2_000],
  ['c13_proof', 'C-13: claims need no certificate', 'agreement', 1_000],
  ['c15_highest', 'C-15: any block whatever is claimed', 'agreement', 1_000],
  ['c15_quorum', 'C-15: Q - 1 claims are enough', 'agreement', 1_000],
  ['c15_signatures', 'C-15: claims need no signature', 'agreement', 1_000],
  ['c24_order', 'C-24: speaks before it writes', 'agreement', 1_000],
  ['c24_votes', 'C-24: a crash forgets the votes', 'agreement', 1_000],
  ['c24_lock', 'C-24: a crash forgets what was prepared', 'agreement', 1_000],
  ['c25_once', 'C-25: votes again in the same view', 'agreement', 1_000],
  ['c27_observe', 'C-27: votes with an empty disk', 'agreement', 1_000],
  ['two_faulty', 'the assumption: two of four are faulty', 'agreement', 1_000]
]
const MUTANT_STEPS = 40

/** Something to find out; what it found, and whether that is what must be. */
interface Check {
  readonly name: string
  readonly run: () => Promise<{ readonly good: boolean; readonly what: string }>
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/**
 * Runs Quint; its exit code says less than its output. That goes to a file: Quint exits before a pipe took everything.
 */
async function quint(folder: string, args: readonly string[]): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'vitalchain-quint-'))
  const path = join(scratch, 'output')
  const file = await open(path, 'w')
  try {
    const all = [QUINT, ...args, '--backend', 'typescript', '--verbosity', '1']
    const stdio = ['ignore', file.fd, file.fd] as const
    const child = spawn(process.execPath, all, {
      cwd: folder,
      timeout: CHECK_MS,
      stdio: [...stdio]
    })
    const [, signal] = (await once(child, 'close')) as [number | null, string | null]
    const output = await readFile(path, 'utf8')
    return signal === null ? output : `quint ended by ${signal}\n${output}`
  } finally {
    await file.close()
    await rm(scratch, { recursive: true })
  }
}

function runModel(
  file: string,
  module: string,
  {
    seed,
    samples,
    steps,
    invariant
  }: Readonly<Record<'samples' | 'steps', number>> & {
    readonly seed: string
    readonly invariant: string
  },
  witnesses: readonly string[] = []
): Promise<string> {
  const bounds = ['--max-samples', String(samples), '--max-steps', String(steps)]
  const args = ['run', file, '--main', module, '--seed', seed, '--invariant', invariant]
  const wanted = witnesses.length > 0 ? ['--witnesses', ...witnesses] : []
  return quint(MODEL, [...args, ...bounds, ...wanted])
}

/** The first lines of what Quint said, for people. */
function excerpt(output: string): string {
  return output.trim().split('\n').slice(0, 12).join('\n')
}

/** About how many runs there were: Quint says how long it took, and how many a second. */
function samplesOf(output: string): string {
  const [, ms, rate] = /\((\d+)ms at (\d+) traces/.exec(output) ?? []
  return ms === undefined || rate === undefined
    ? 'some'
    : `about ${Math.max(1, Math.round((Number(ms) * Number(rate)) / 1_000))}`
}

function protocolCheck(n: number, samples: number, seed: string): Check {
  return {
    name: `protocol n = ${n}, f = ${faultTolerance(n)}, Q = ${quorum(n)}`,
    run: async () => {
      const steps = STEPS[n] ?? MUTANT_STEPS
      const bounds = { seed, samples, steps, invariant: 'safe' }
      const output = await runModel('vcpbft.qnt', `n${n}`, bounds, Object.keys(WITNESSES))
      if (!output.includes('[ok] No violation found')) return { good: false, what: excerpt(output) }
      const reached = Object.entries(WITNESSES).map(([witness, least]) => {
        const count = Number(
          new RegExp(`^${witness} was witnessed in (\\d+) `, 'm').exec(output)?.[1]
        )
        return { witness, part: count / samples, enough: count / samples >= least }
      })
      const parts = reached.map(({ witness, part }) => `${witness} ${(100 * part).toFixed(1)} %`)
      return {
        good: reached.every(({ enough }) => enough),
        what: `no violation in ${samples} runs of ${steps} steps; ${parts.join(', ')}`
      }
    }
  }
}

function mutantCheck(
  [module, without, loses, within]: (typeof MUTANTS)[number],
  seed: string
): Check {
  return {
    name: `mutant ${without}`,
    run: async () => {
      const bounds = { seed, samples: within, steps: MUTANT_STEPS, invariant: loses }
      const output = await runModel('mutants.qnt', module, bounds)
      if (output.includes('[violation] Found an issue'))
        return {
          good: true,
          what: `loses ${loses} after ${samplesOf(output)} runs of at most ${within}`
        }
      return { good: false, what: `SURVIVED: ${excerpt(output)}` }
    }
  }
}

/** Replays traces in the model; gives the names of those that it accepts and refuses. */
async function replayTraces(
  n: number,
  traces: ReadonlyMap<string, ModelTrace>
): Promise<{
  readonly accepted: readonly string[]
  readonly refused: readonly string[]
  readonly output: string
}> {
  const folder = await mkdtemp(join(tmpdir(), 'vitalchain-model-'))
  try {
    await cp(join(MODEL, 'vcpbft.qnt'), join(folder, 'vcpbft.qnt'))
    const instance = `import vcpbft(N = ${n}, F = ${faultTolerance(n)}, Q = ${quorum(n)}, WITHOUT = "").* from "./vcpbft"`
    const tests = [...traces].map(([name, trace]) => modelTest(name, trace))
    await writeFile(
      join(folder, 'traces.qnt'),
      `module traces {\n  ${[instance, ...tests].join('\n  ')}\n}\n`
    )
    const output = await quint(folder, ['test', 'traces.qnt', '--main', 'traces'])
    const names = (pattern: RegExp): string[] =>
      [...output.matchAll(pattern)].map(([, name]) => name ?? '')
    return {
      accepted: names(/^\s*ok (\w+) passed/gm),
      refused: names(/^\s*\d+\) (\w+) failed/gm),
      output
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Traces in which something happens are worth more than those of a quiet view 0. */
function interest({ events }: ModelTrace): number {
  const kinds = new Set(events.map(event => event.action))
  const above = events.some(event => event.action === 'decide' && event.view > 0)
  const rare = (['leave', 'join', 'restart', 'lose'] as const).filter(kind => kinds.has(kind))
  return (above ? 10 : 0) + rare.length
}

/** So many times more traces are recorded than replayed. */
const RECORDED_FACTOR = 2
/** A few heights in the worst of weather, so that views change and machines fail at most of them. */
const STORM: Partial<Scenario> = {
  timers: HASTY,
  load: 'saturated',
  heights: 3,
  healsAt: 3_000,
  loss: 0.5,
  crashes: 15,
  tornWrites: 6,
  powerLosses: 10,
  boundaryCrashes: 0.05
}
/** Every so many seeds the weather is what the seed draws. */
const PLAIN_EVERY = 16

/** Traces of simulations of n validators: two thirds are the most eventful, the others as they come. */
function recordTraces(n: number, wanted: number, seed: number): ReadonlyMap<string, ModelTrace> {
  const all: [string, ModelTrace][] = []
  for (let k = seed; all.length < RECORDED_FACTOR * wanted; k += 1) {
    const weather = k % PLAIN_EVERY === 0 ? {} : { ...STORM, ambush: k % 3 === 0 }
    // The set stays as it is: the model has the validators of one height, and traces are those of n.
    const fixed = { validators: n, changes: [], startViews: undefined, ...weather }
    const scenario = randomScenario(k, fixed)
    const watcher = new TraceRecorder(scenario.faulty.keys())
    const { violation } = runScenario({ ...scenario, watcher })
    if (violation !== undefined) throw new Error(`seed ${k}: ${violation}`)
    for (const trace of watcher.traces()) all.push([`seed${k}Height${trace.height}Test`, trace])
  }
  const chosen = new Map(
    all.toSorted(([, a], [, b]) => interest(b) - interest(a)).slice(0, Math.ceil((2 * wanted) / 3))
  )
  for (const [name, trace] of all) if (chosen.size < wanted) chosen.set(name, trace)
  return chosen
}

function tracesCheck(n: number, traces: ReadonlyMap<string, ModelTrace>): Check {
  return {
    name: `traces n = ${n}`,
    run: async () => {
      const { accepted, refused, output } = await replayTraces(n, traces)
      const all = [...traces.values()]
      const events = all.reduce((sum, trace) => sum + trace.events.length, 0)
      const changed = all.filter(trace => trace.events.some(event => event.view > 0)).length
      const above = all.filter(trace => interest(trace) >= 10).length
      const good = accepted.length === traces.size && refused.length === 0
      const what = `${accepted.length} of ${traces.size} accepted (${events} events; ${changed} with a view change, ${above} decided above view 0)`
      return { good, what: good ? what : `${what}\n${excerpt(output)}\n${refused.join(' ')}` }
    }
  }
}

/** Falsified traces of each kind: every one must be refused. */
function tamperedCheck(n: number, traces: ReadonlyMap<string, ModelTrace>, each: number): Check {
  return {
    name: `falsified traces n = ${n}`,
    run: async () => {
      const falsified = new Map<string, ModelTrace>()
      const kinds = TAMPERINGS.map((tampering, kind) => {
        let count = 0
        for (const [name, trace] of traces) {
          const changed = count < each ? tamper(trace, tampering) : undefined
          if (changed === undefined) continue
          falsified.set(`kind${kind}${name}`, changed)
          count += 1
        }
        return { name: tampering.name, count }
      })
      const { accepted, refused, output } = await replayTraces(n, falsified)
      const missing = kinds.filter(({ count }) => count === 0).map(({ name }) => name)
      const good =
        refused.length === falsified.size && accepted.length === 0 && missing.length === 0
      const what = `${refused.length} of ${falsified.size} refused, ${kinds.length} kinds`
      const kept = accepted.map(test => {
        const kind = Number(/^kind(\d+)seed/.exec(test)?.[1])
        return `${TAMPERINGS[kind]?.name ?? ''}: ${test}`
      })
      const detail =
        kept.length > 0 ? `\n${kept.join('\n')}` : refused.length > 0 ? '' : `\n${excerpt(output)}`
      return {
        good,
        what: good ? what : `${what}; no place for ${missing.join() || 'none'}${detail}`
      }
    }
  }
}

async function main(): Promise<boolean> {
  const values = readFlags({
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string', default: '' }
  })
  const { only } = values
  const seed = String(wholeNumber('seed', values.seed, 0))
  const jobs = wholeNumber('jobs', values.jobs, 1)
  const amount = values.quick ? QUICK : FULL
  const started = performance.now()
  const sizes = Object.keys(amount.samples).map(Number)
  const wantsTraces = ['traces', 'falsified'].some(
    name => name.startsWith(only) || only.startsWith(name)
  )
  const recorded = wantsTraces
    ? sizes.map(n => ({ n, traces: recordTraces(n, amount.traces, Number(seed)) }))
    : []
  const checks: Check[] = [
    ...sizes.map(n => protocolCheck(n, amount.samples[n] ?? 0, seed)),
    ...recorded.flatMap(({ n, traces }) => [
      tracesCheck(n, traces),
      tamperedCheck(n, traces, amount.tampered)
    ]),
    ...MUTANTS.filter(([module]) => amount.mutants?.includes(module) ?? true).map(mutant =>
      mutantCheck(mutant, seed)
    )
  ].filter(({ name }) => name.startsWith(only))
  const queue = checks.values()
  let surprises = 0
  const work = async (): Promise<void> => {
    for (const { name, run } of queue) {
      const { good, what } = await run()
      if (!good) surprises += 1
      say(`${good ? 'as it must be' : 'SURPRISE    '}  ${name}: ${what}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const seconds = ((performance.now() - started) / 1_000).toFixed(0)
  say(`checks ${checks.length}, surprises ${surprises}, ${seconds} s`)
  return surprises === 0 && checks.length > 0
}

process.exitCode = (await main()) ? 0 : 1
