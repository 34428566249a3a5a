/**
 * How long the validators take to agree, and where the time goes:
 *   npm run bench:consensus                 four validators; light load, then as much as goes
 *   npm run bench:consensus -- --seconds 20 --rate 10 --devices 6
 *   npm run bench:consensus -- --validators 1   what one takes that waits for nobody; 2 and 3 tell what the cores cost
 *   npm run bench:consensus -- --profile DIR    a CPU profile of each validator, of light load only
 *
 * One process for each validator, over libp2p on this machine, with durable votes and blocks; the devices are a fifth process. The times are
 * measured inside the validators (`timings` in node.json, event `height timing`), from a proposal signed (leader) or received
 * (others) to its block durable with its certificate. Prints one JSON object; the limits of the machine are of the same run.
 */
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { useCryptoBackend } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { createBatchLog } from '../packages/node/src/dev/batch-log.ts'
import {
  createDeviceKeys,
  registerFleet,
  startDevice,
  type FleetDevice
} from '../packages/node/src/dev/device-fleet.ts'
import { feedAtOnce } from '../packages/node/src/dev/feed.ts'
import { foundHospitals, type Hospital } from '../packages/node/src/dev/hospitals.ts'
import { measureLimits, spreadOf, type Limits, type Spread } from './bench/limits.ts'

/** Load before anything is measured: a few hundred blocks, so that the code they run through is compiled. */
const WARM_UP_S = 20
const WARM_UP_RATE = 25

/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that matters here. */
const TICKS_PER_SECOND = 100

/** What a validator's log says about a height. */
interface Timing {
  readonly height: number
  readonly view: number
  readonly leads: boolean
  readonly transactions: number
  readonly syncs: number
  readonly total: number
  readonly [step: string]: number | boolean
}

const STEPS = ['build', 'validate', 'prepare', 'prepares', 'commit', 'commits', 'block'] as const

async function readTimings({ dataDir }: Hospital, from: number): Promise<readonly Timing[]> {
  const text = await readFile(join(dataDir, 'node.log'), 'utf8')
  return text
    .slice(from)
    .split('\n')
    .flatMap(line => (line.includes('"height timing"') ? [JSON.parse(line) as Timing] : []))
}

function cpuSeconds({ process: { pid } }: Hospital): number {
  const fields =
    readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** What validators did in a time. */
interface Phase {
  readonly seconds: number
  readonly blocks: number
  readonly blocksPerSecond: number
  readonly transactionsPerSecond: number
  readonly cpuMsPerBlockAndNode: number
  readonly viewChanges: number
  readonly leaderMs: Spread
  readonly othersMs: Spread
  /** Synced writes that a height waited for, one after the other; of the leader and of the others. */
  readonly syncs: { readonly leader: number; readonly others: number }
  readonly stepsMs: Readonly<Record<string, { readonly leader: Spread; readonly others: Spread }>>
}

function spread(timings: readonly Timing[], step: string): Spread {
  return spreadOf(timings.flatMap(each => (typeof each[step] === 'number' ? [each[step]] : [])))
}

function mean(values: readonly number[]): number {
  return round(values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length))
}

async function measure(hospitals: readonly Hospital[], load: () => Promise<void>): Promise<Phase> {
  const logs = await Promise.all(
    hospitals.map(async each => (await readFile(join(each.dataDir, 'node.log'), 'utf8')).length)
  )
  const cpu = hospitals.map(cpuSeconds)
  const begin = performance.now()
  await load()
  const seconds = (performance.now() - begin) / 1_000
  const used = hospitals.map((each, k) => cpuSeconds(each) - (cpu[k] ?? 0))
  const timings = await Promise.all(hospitals.map((each, k) => readTimings(each, logs[k] ?? 0)))
  const all = timings.flat()
  const first = timings[0] ?? []
  const leader = all.filter(each => each.leads)
  const others = all.filter(each => !each.leads)
  const transactions = first.reduce((sum, each) => sum + each.transactions, 0)
  return {
    seconds: round(seconds),
    blocks: first.length,
    blocksPerSecond: round(first.length / seconds),
    transactionsPerSecond: round(transactions / seconds),
    cpuMsPerBlockAndNode: round((mean(used) * 1_000) / Math.max(1, first.length)),
    viewChanges: first.filter(each => each.view > 0).length,
    leaderMs: spread(leader, 'total'),
    othersMs: spread(others, 'total'),
    syncs: {
      leader: mean(leader.map(each => each.syncs)),
      others: mean(others.map(each => each.syncs))
    },
    stepsMs: Object.fromEntries(
      STEPS.map(step => [step, { leader: spread(leader, step), others: spread(others, step) }])
    )
  }
}

/** One batch at a time, evenly spread: `rate` a second over all devices. */
async function light(fleet: readonly FleetDevice[], rate: number, seconds: number): Promise<void> {
  const log = createBatchLog(undefined, fail)
  const begin = performance.now()
  for (let k = 0; k < rate * seconds; k++) {
    await pause(Math.max(0, begin + (k * 1_000) / rate - performance.now()))
    const { keys, device } = fleet[k % fleet.length] ?? raise()
    for (const submission of await device.record([reading(k)])) log.add(keys.name, submission)
  }
  await Promise.all(fleet.map(({ device }) => device.drained()))
}

/** As fast as proofs come back. */
async function saturate(fleet: readonly FleetDevice[], seconds: number): Promise<void> {
  const log = createBatchLog(undefined, fail)
  const signal = AbortSignal.timeout(seconds * 1_000)
  const readings = Array.from({ length: 200_000 }, (_, k) => reading(k))
  await Promise.all(
    fleet.map(({ keys, device }) =>
      feedAtOnce({ name: keys.name, device, log, onFault: fail }, readings, 1, signal)
    )
  )
  await Promise.all(fleet.map(({ device }) => device.drained()))
}

const begun = Date.now() - 1_000_000

function reading(k: number): { name: string; time: number; value: number } {
  return { name: 'heart-rate', time: begun + k, value: 70 }
}

function fail(error: unknown): void {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
}

function raise(): never {
  throw new Error('there are no devices')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** Each figure beside what the machine allows: a commit is three messages, three votes and a block, one after the other. */
function ratios(
  validators: number,
  phases: { light: Phase; saturated: Phase },
  { checksPerSecond, ...ms }: Limits
): object {
  const busy = 1.5 * ms.roundTrip.p50 + 3 * ms.slot.p50 + ms.level.p50
  const calm = 1.5 * ms.roundTripAfterPause.p50 + 3 * ms.slotAfterPause.p50 + ms.levelAfterPause.p50
  // A block: its proposal, and a prepare and a commit of each other validator; each transaction once.
  const checks = (phase: Phase): number =>
    phase.transactionsPerSecond + phase.blocksPerSecond * (1 + 2 * (validators - 1))
  return {
    latencyLimitMs: { backToBack: round(busy), afterPauses: round(calm) },
    leaderP50OfLimitAfterPauses: round(phases.light.leaderMs.p50 / calm),
    leaderP50OfLimitBackToBack: round(phases.light.leaderMs.p50 / busy),
    blocksPerSecondOfLimit: round(phases.saturated.blocksPerSecond * busy) / 1_000,
    shareOfSignatureChecks: round(
      (checks(phases.saturated) * validators) / (checksPerSecond * availableParallelism())
    )
  }
}

async function main(directory: string): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '20' },
      rate: { type: 'string', default: '10' },
      devices: { type: 'string', default: '6' },
      validators: { type: 'string', default: '4' },
      profile: { type: 'string' }
    }
  })
  const seconds = Number(values.seconds)
  const rate = Number(values.rate)
  const validators = Number(values.validators)
  useCryptoBackend(nodeCryptoBackend)
  await mkdir(join(directory, 'limits'))
  const limits = await measureLimits(join(directory, 'limits'))
  if (values.profile !== undefined)
    process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${resolve(values.profile)}`
  const { founded, hospitals } = await foundHospitals(join(directory, 'network'), validators, fail)
  for (const { dataDir } of hospitals) {
    const file = join(dataDir, 'node.json')
    const config = JSON.parse(await readFile(file, 'utf8')) as object
    await writeFile(file, JSON.stringify({ ...config, timings: true }))
  }
  const fleet: FleetDevice[] = []
  try {
    await Promise.all(hospitals.map(each => each.process.start()))
    const made = createDeviceKeys(Array.from({ length: Number(values.devices) }, () => []))
    const genesis = founded.document
    await registerFleet(made, hospitals, genesis, AbortSignal.timeout(60_000))
    for (const [k, each] of made.entries())
      fleet.push(await startDevice(each, { genesis, hospitals, first: k, batch: 1 }))
    await light(fleet, WARM_UP_RATE, WARM_UP_S)
    await pause(1_000)
    if (values.profile !== undefined) {
      const phase = await measure(hospitals, () => light(fleet, rate, seconds))
      process.stdout.write(`${JSON.stringify(phase, undefined, 1)}\n`)
      return
    }
    const phases = {
      light: await measure(hospitals, () => light(fleet, rate, seconds)),
      saturated: await measure(hospitals, () => saturate(fleet, seconds))
    }
    const report = {
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
      limits,
      validators,
      batchesPerSecondAtLightLoad: rate,
      ...phases,
      ratios: ratios(validators, phases, limits)
    }
    process.stdout.write(`${JSON.stringify(report, undefined, 1)}\n`)
  } finally {
    await Promise.all(fleet.map(({ device }) => device.stop()))
    await Promise.all(hospitals.map(each => each.process.stop()))
  }
}

const directory = await mkdtemp(join(tmpdir(), 'vitalchain-bench-'))
try {
  await main(directory)
} finally {
  await rm(directory, { recursive: true })
}
