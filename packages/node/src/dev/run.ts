import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { TOKEN_FILE } from '../cli/node-dir.ts'
import { auditLedger, countProved } from './audit.ts'
import { createBatchLog, type BatchLog } from './batch-log.ts'
import { createDeviceKeys, registerFleet, startDevice, type FleetDevice } from './device-fleet.ts'
import { feedAtOnce, feedInTime, feedSimulated } from './feed.ts'
import { foundHospitals, type Hospital } from './hospitals.ts'
import { interrupted, type Interrupted } from './interrupted.ts'
import { createKeeper } from './keep-running.ts'
import { writeDevKeys } from './keys-file.ts'
import { carryOutKill, type KillReport } from './kill.ts'
import type { KillPlan } from './kill-plan.ts'
import { startProgress } from './progress.ts'
import { planReplay, withNote, type ReplayPlan } from './replay-plan.ts'
import { summarise, type Summary } from './summary.ts'

/** What a run of development is to do. */
export interface DevRunOptions {
  readonly validators: number
  readonly devices: number
  /** Readings in a batch. */
  readonly batch: number
  /** The file to replay; without one patients are simulated. */
  readonly readings?: string
  /** Whose rows to replay, in a file of several people. */
  readonly subject?: string
  /** Times real time; without it, as fast as it goes when the run ends by itself, else 1. */
  readonly speed?: number
  readonly kill?: KillPlan
  /** Kept when given; a temporary one is removed. */
  readonly dataDir?: string
  /** Whether the run ends when everything replayed is proved. */
  readonly exitWhenDone: boolean
  /** A text that every device records first, encrypted like all readings: to be looked for afterwards. */
  readonly note?: string
}

/** Where a run tells how it goes. */
export interface DevScreen {
  /** Told what happens, line by line. */
  readonly say: (line: string) => void
  /** Ends the run early. */
  readonly stop: AbortSignal
  /** Keeps the live view below those lines; without it a line a second tells how it goes. */
  readonly paint?: (lines: (columns: number) => readonly string[]) => void
}

/** How often it is looked whether all nodes are at the same place, ms. */
const POLL_MS = 50

/** Validators of which one may fail: 3f + 1. */
const FAULT_TOLERANT_MIN = 4

/** How long nodes may take to agree after the last batch, ms. */
const AGREE_MS = 60_000

/**
 * Runs a network of development: hospitals as processes, devices in this one.
 *
 * @param screen - where it is told how it goes, and what ends the run early
 * @returns the summary of a run that came to its end; what was done by one that was to come to its end and was stopped;
 * undefined for any other that was stopped
 */
export async function runDev(
  options: DevRunOptions,
  { say, stop, paint }: DevScreen
): Promise<Summary | Interrupted | undefined> {
  useCryptoBackend(nodeCryptoBackend)
  const text = options.readings === undefined ? undefined : await readReplay(options.readings)
  const plan = text === undefined ? undefined : planOf(text, options)
  const temporary = options.dataDir === undefined
  const directory = resolve(options.dataDir ?? (await mkdtemp(join(tmpdir(), 'vitalchain-'))))
  const failed = new AbortController()
  const onFault = (error: unknown): void => failed.abort(error)
  const signal = AbortSignal.any([stop, failed.signal])
  const keeper = createKeeper({ say, onFault })
  const { founded, hospitals } = await foundHospitals(
    directory,
    options.validators,
    (error, hospital) => keeper.ended(hospital, error)
  )
  const fleet: FleetDevice[] = []
  const result: { value: RunOutcome | undefined } = { value: undefined }
  let stoppedWell = true
  let logOfRun: BatchLog | undefined
  try {
    result.value = await withNetwork()
  } catch (error) {
    // What went wrong first explains what it broke; what a stopped run breaks off is no error.
    if (failed.signal.aborted) throw failed.signal.reason
    if (!stop.aborted) throw error
  } finally {
    keeper.stop()
    await Promise.all(fleet.map(({ device }) => device.stop()))
    const ends = await Promise.all(hospitals.map(each => each.process.stop()))
    stoppedWell = ends.every(Boolean)
    if (temporary && (result.value === undefined || stop.aborted)) await remove(directory)
  }
  try {
    failed.signal.throwIfAborted()
    if (result.value === undefined || stop.aborted)
      return options.exitWhenDone ? interrupted(logOfRun) : undefined
    if (!stoppedWell) {
      throw new VitalchainError('ERR_NODE_ENDED', 'a node could not be stopped cleanly')
    }
    return await audited(result.value, directory, hospitals, founded.document)
  } finally {
    if (temporary) await remove(directory)
  }

  async function withNetwork(): Promise<RunOutcome | undefined> {
    const genesis = founded.document
    const columns = Array.from(
      { length: options.devices },
      (_, k) => plan?.devices[k]?.columns ?? []
    )
    const made = createDeviceKeys(columns)
    await writeDevKeys(join(directory, 'keys.json'), {
      startTime: plan?.startTime,
      devices: made.map(({ keys }) => keys)
    })
    await Promise.all(hospitals.map(each => each.process.start()))
    sayAddresses(hospitals, directory, say)
    await registerFleet(made, hospitals, genesis, signal)
    const startupMs = performance.now()
    await agreed(hospitals, signal)
    say(`first block after ${(startupMs / 1_000).toFixed(1)} s; ${made.length} devices registered`)

    const receipts = join(directory, 'receipts')
    const keepReceipts = plan !== undefined || !temporary
    if (keepReceipts) await mkdir(receipts)
    const onLost = (error: unknown): void => {
      // Devices that are being stopped give up what they hold: that is no fault.
      if (!signal.aborted) onFault(error)
    }
    const log = createBatchLog(keepReceipts ? receipts : undefined, onLost)
    logOfRun = log
    for (const [k, each] of made.entries()) {
      const settings = { genesis, hospitals, first: k, batch: options.batch }
      fleet.push(await startDevice(each, settings))
    }
    const readings = plan === undefined ? undefined : notedReadings(plan, options)
    const total = readings?.reduce((sum, each) => sum + each.length, 0)
    const progress = startProgress({ hospitals, log, readings: total }, say, paint)
    try {
      const begin = performance.now()
      const killing =
        options.kill === undefined || total === undefined
          ? undefined
          : carryOutKill(options.kill, { hospitals, readings: total, log, say, signal })
      killing?.catch(onFault)
      await feedAll(fleet, readings, options, { log, onFault: onLost, signal })
      for (const { device } of fleet) await device.drained({ signal })
      await log.settled()
      const seconds = (performance.now() - begin) / 1_000
      const kill = await killing
      if (readings !== undefined && !options.exitWhenDone && !signal.aborted) {
        say('the replay is complete; Ctrl-C stops the network')
        await aborted(signal)
      }
      await agreed(hospitals, signal)
      return { log, seconds, startupMs, kill, rssMb: progress.rssMb, fleet }
    } finally {
      progress.stop()
    }
  }
}

/** What a run that came to its end leaves for the summary. */
interface RunOutcome {
  readonly log: BatchLog
  readonly seconds: number
  readonly startupMs: number
  readonly kill: KillReport | undefined
  readonly rssMb: readonly (number | null)[]
  readonly fleet: readonly FleetDevice[]
}

async function readReplay(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `${file} cannot be read`, { cause })
  }
}

function planOf(
  text: string,
  { devices, subject, speed, exitWhenDone }: DevRunOptions
): ReplayPlan {
  const inTime = speed !== undefined || !exitWhenDone
  return planReplay(text, { devices, subject, now: Date.now(), inTime })
}

function notedReadings(plan: ReplayPlan, { note }: DevRunOptions): ReturnType<typeof withNote>[] {
  return plan.devices.map(({ readings }) => withNote(readings, note))
}

async function feedAll(
  fleet: readonly FleetDevice[],
  readings: readonly ReturnType<typeof withNote>[] | undefined,
  { speed, exitWhenDone, batch }: DevRunOptions,
  {
    log,
    onFault,
    signal
  }: {
    readonly log: BatchLog
    readonly onFault: (error: unknown) => void
    readonly signal: AbortSignal
  }
): Promise<void> {
  await Promise.all(
    fleet.map(async ({ keys, device }, k) => {
      const feed = { name: keys.name, device, log, onFault }
      const own = readings?.[k] ?? []
      if (readings === undefined) await feedSimulated(feed, k + 1, signal)
      else if (exitWhenDone && speed === undefined) await feedAtOnce(feed, own, batch, signal)
      else await feedInTime(feed, own, speed ?? 1, signal)
    })
  )
}

/** Waits until all nodes hold the same head and every payload. */
async function agreed(hospitals: readonly Hospital[], signal: AbortSignal): Promise<void> {
  const until = performance.now() + AGREE_MS
  while (true) {
    signal.throwIfAborted()
    const statuses = await Promise.all(
      hospitals.map(({ api }) => api.status().catch(() => undefined))
    )
    const [first] = statuses
    const same = statuses.every(
      status => status !== undefined && status.head === first?.head && status.payloadsMissing === 0
    )
    if (same) return
    // The summary will say what is wrong.
    if (performance.now() > until) return
    await pause(POLL_MS, undefined, { signal })
  }
}

async function audited(
  { log, seconds, startupMs, kill, rssMb, fleet }: RunOutcome,
  directory: string,
  hospitals: readonly Hospital[],
  genesis: Uint8Array
): Promise<Summary> {
  const audits = []
  for (const { name, dataDir } of hospitals)
    audits.push({ name, audit: await auditLedger(dataDir) })
  const receiptsVerified = await countProved(join(directory, 'receipts'), log.batches, genesis)
  const devices = fleet.map(({ keys, sessions }) => ({ name: keys.name, hospitals: sessions }))
  return summarise({ log, audits, receiptsVerified, seconds, startupMs, rssMb, devices, kill })
}

function sayAddresses(
  hospitals: readonly Hospital[],
  directory: string,
  say: (line: string) => void
): void {
  say(`${hospitals.length} hospitals run; their files are in ${directory}`)
  if (hospitals.length < FAULT_TOLERANT_MIN)
    say(
      `fewer than ${FAULT_TOLERANT_MIN} validators tolerate no fault: while one is down, nothing is committed`
    )
  for (const { name, address, url } of hospitals)
    say(`${name}: submit to ${address} , open ${url}/v1/status`)
  const [first] = hospitals
  if (first !== undefined)
    say(
      `dashboard of ${first.name}: ${first.url}/dashboard/ , with the token in ${join(first.dataDir, TOKEN_FILE)}`
    )
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(done => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done())
  })
}

async function remove(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
}
