/**
 * Devices that lose their power and their network at any moment, against a ledger with the rules of the real contracts.
 * After each run: nothing that `record` promised is lost, nothing is there twice, all is in order in its lane, all that
 * is committed is proved to the device, and no place was ever signed twice.
 *
 *   npm run test:outbox                                  1 000 runs, and 50 in which SIGKILL ends a real process
 *   npm run test:outbox -- --seed 34 --runs 1 --kills 0  the run of seed 34 again
 *
 * Runs of the first kind follow from their seed alone: time is virtual and the disk is in memory, which is torn or
 * garbled where it was not synced. In those of the second kind the process and its files are real, and the machine
 * decides how far it gets before it is killed; after that the files are cut off anywhere behind what was synced.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { useCryptoBackend, type PublicKey } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { build } from 'esbuild'
import { readFlags, wholeNumber } from './flags.ts'
import { contractRules } from './outbox-rules.ts'

interface RunReport {
  readonly kills: number
  readonly readings: number
  readonly statements: number
  readonly gaps: number
}

type Rules = (genesis: Uint8Array, device: PublicKey) => Promise<(transaction: Uint8Array) => void>

interface PowerRuns {
  readonly powerRun: (seed: number, rules: Rules) => Promise<RunReport>
}

interface KillRuns {
  readonly killRun: (
    seed: number,
    options: { readonly rules: Rules; readonly child: string }
  ) => Promise<RunReport>
}

/** What a thread tells. */
interface Told {
  readonly seed: number
  readonly report: RunReport | undefined
  readonly error: string | undefined
}

/** Every `stride`-th seed from `first` on, below `end`. */
interface Share {
  readonly first: number
  readonly end: number
  readonly stride: number
}

/** Real processes at once: they start and wait more than they compute. */
const KILLS_AT_ONCE = 2

// Imported by their address: they are part of another TypeScript project, the tests of the SDK.
const tests = new URL('../packages/device-sdk/test/outbox/', import.meta.url)

useCryptoBackend(nodeCryptoBackend)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function tell(seed: number, run: () => Promise<RunReport>): Promise<Told> {
  try {
    return { seed, report: await run(), error: undefined }
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { seed, report: undefined, error: text }
  }
}

async function work({ first, end, stride }: Share): Promise<void> {
  const { powerRun } = (await import(new URL('power-run.ts', tests).href)) as PowerRuns
  for (let seed = first; seed < end; seed += stride) {
    const told = await tell(seed, () => powerRun(seed, contractRules))
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage(told)
  }
}

async function startWorkers(
  first: number,
  end: number,
  count: number,
  onTold: (told: Told) => void
): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, k) => {
      const share: Share = { first: first + k, end, stride: count }
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: share })
      worker.on('message', onTold)
      return new Promise<void>((resolve, reject) => {
        worker.on('error', reject)
        worker.on('exit', () => resolve())
      })
    })
  )
}

/** The killed program in one file, so that starting it takes little. */
async function buildChild(directory: string): Promise<string> {
  const outfile = join(directory, 'kill-child.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('kill-child.ts', tests))],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    target: 'es2023',
    conditions: ['@vitalchain/source'],
    logLevel: 'error'
  })
  return outfile
}

async function runKills(first: number, end: number, onTold: (told: Told) => void): Promise<void> {
  if (first >= end) return
  const { killRun } = (await import(new URL('kill-run.ts', tests).href)) as KillRuns
  const directory = await mkdtemp(join(tmpdir(), 'vitalchain-child-'))
  try {
    const child = await buildChild(directory)
    let next = first
    const one = async (): Promise<void> => {
      while (next < end) {
        const seed = next++
        onTold(await tell(seed, () => killRun(seed, { rules: contractRules, child })))
      }
    }
    await Promise.all(Array.from({ length: KILLS_AT_ONCE }, one))
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function main(): Promise<void> {
  const values = readFlags({
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1000' },
    kills: { type: 'string', default: '50' },
    jobs: { type: 'string', default: String(Math.min(availableParallelism(), 8)) }
  })
  const first = wholeNumber('seed', values.seed, 0)
  const runs = wholeNumber('runs', values.runs, 0)
  const kills = wholeNumber('kills', values.kills, 0)
  const jobs = wholeNumber('jobs', values.jobs, 1)
  const sum = { kills: 0, readings: 0, statements: 0, gaps: 0 }
  let done = 0
  let failed = 0
  const onTold =
    (replay: string) =>
    ({ seed, report, error }: Told): void => {
      done++
      if (report === undefined) {
        failed++
        say(`FAILED, again with: npm run test:outbox -- --seed ${seed} ${replay}\n${error}`)
        return
      }
      for (const key of ['kills', 'readings', 'statements', 'gaps'] as const)
        sum[key] += report[key]
      if (done % 100 === 0) say(`${done} of ${runs + kills} runs`)
    }
  const started = performance.now()
  await Promise.all([
    runs === 0
      ? undefined
      : startWorkers(first, first + runs, Math.min(jobs, runs), onTold('--runs 1 --kills 0')),
    runKills(first, first + kills, onTold('--runs 0 --kills 1'))
  ])
  const seconds = (performance.now() - started) / 1_000
  say(
    `${done} runs from seed ${first} in ${seconds.toFixed(0)} s, ${kills} of them with SIGKILL: ${sum.kills} times dead, ` +
      `${sum.readings} readings stored, ${sum.statements} statements on the ledger, ${sum.gaps} of them gaps`
  )
  if (done !== runs + kills) throw new Error(`${runs + kills - done} runs did not end`)
  say(failed === 0 ? '0 lost, 0 doubled, in order, all proved' : `${failed} RUNS FAILED`)
  if (failed > 0) process.exitCode = 1
}

await (isMainThread ? main() : work(workerData as Share))
