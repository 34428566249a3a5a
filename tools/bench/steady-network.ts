// Four hospitals as processes and devices that record at a steady pace: what the measurements of the API and of a flood run beside.
import { rm, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { networkId, useCryptoBackend, type Signer } from '@vitalchain/core'
import type { Submission } from '@vitalchain/device-sdk'
import { nodeCryptoBackend } from '../../packages/node/src/crypto/node-crypto-backend.ts'
import {
  createDeviceKeys,
  registerFleet,
  startDevice,
  type FleetDevice
} from '../../packages/node/src/dev/device-fleet.ts'
import { foundHospitals, type Hospital } from '../../packages/node/src/dev/hospitals.ts'

/** How long the first sessions and blocks may take, ms. */
const SETTLE_MS = 3_000

/** How long all that was recorded may take until it is proved, ms. */
const DRAIN_MS = 60_000

/** Proved batches that readers ask for. */
const RECENT_MAX = 1_000

/** A proved batch. */
interface Proved {
  /** From its recording until its verified receipt, ms. */
  readonly ms: number
  readonly id: Uint8Array
}

/** What was measured over a while. */
export interface Phase {
  readonly batches: number
  readonly batchesPerSecond: number
  readonly p50: number
  readonly p99: number
}

/** A network under a steady load. */
export interface SteadyNetwork {
  readonly hospitals: readonly Hospital[]
  readonly network: Uint8Array
  /** The signer of a device that is registered and does nothing. */
  readonly idle: Signer
  /** Identities of what was proved lately. */
  readonly recent: readonly Uint8Array[]
  /** Measures what is recorded in so many seconds. */
  measure(seconds: number): Promise<Phase>
  stop(): Promise<void>
}

/**
 * Starts it.
 *
 * @param devices - how many, beside the idle one
 * @param everyMs - how often each records a batch of one reading
 */
export async function startSteadyNetwork(devices: number, everyMs: number): Promise<SteadyNetwork> {
  useCryptoBackend(nodeCryptoBackend)
  const directory = await mkdtemp(join(tmpdir(), 'vitalchain-bench-'))
  const { hospitals, founded } = await foundHospitals(join(directory, 'network'), 4, error => {
    throw error
  })
  await Promise.all(hospitals.map(({ process }) => process.start()))
  const genesis = founded.document
  const made = createDeviceKeys(Array.from({ length: devices + 1 }, () => []))
  await registerFleet(made, hospitals, genesis, AbortSignal.timeout(DRAIN_MS))
  const [idle, ...working] = made
  if (idle === undefined) throw new Error('no device')
  const fleet: FleetDevice[] = []
  for (const [k, each] of working.entries())
    fleet.push(await startDevice(each, { genesis, hospitals, first: k + 1, batch: 1 }))

  const proved: Proved[] = []
  const recent: Uint8Array[] = []
  const stopping = new AbortController()
  const noteProof = async ({ id, proved: proof }: Submission, from: number): Promise<void> => {
    try {
      await proof
    } catch {
      // It was being sent when the run ended.
      return
    }
    proved.push({ ms: performance.now() - from, id })
    recent.push(id)
    if (recent.length > RECENT_MAX) recent.shift()
  }
  const feed = async ({ device }: FleetDevice, k: number): Promise<void> => {
    await pause((everyMs * k) / devices)
    while (!stopping.signal.aborted) {
      const from = performance.now()
      const time = Date.now()
      for (const each of await device.record([{ name: 'heart-rate', time, value: 71.5 }]))
        void noteProof(each, from)
      await pause(Math.max(0, everyMs - (performance.now() - from)))
    }
  }
  const feeds = fleet.map(feed)
  await pause(SETTLE_MS)
  return {
    hospitals,
    network: networkId(genesis),
    idle: idle.signer,
    recent,
    async measure(seconds) {
      proved.length = 0
      const from = performance.now()
      await pause(seconds * 1_000)
      const times = proved.map(({ ms }) => ms)
      return {
        batches: times.length,
        batchesPerSecond: round(times.length / ((performance.now() - from) / 1_000)),
        p50: percentile(times, 0.5),
        p99: percentile(times, 0.99)
      }
    },
    async stop() {
      stopping.abort()
      await Promise.all(feeds)
      await Promise.all(fleet.map(({ device }) => device.stop()))
      await Promise.all(hospitals.map(({ process }) => process.stop()))
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** A percentile of times, ms. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN)
}

/** With two decimals. */
export function round(value: number): number {
  return Number(value.toFixed(2))
}
