import { setTimeout as pause } from 'node:timers/promises'
import { createBatchLog, type BatchLog } from '../../packages/node/src/dev/batch-log.ts'
import {
  createDeviceKeys,
  registerFleet,
  startDevice,
  type FleetDevice
} from '../../packages/node/src/dev/device-fleet.ts'
import { laneName } from '../../packages/node/src/dev/history.ts'
import type { Hospital } from '../../packages/node/src/dev/hospitals.ts'
import { createRandom, type Random } from '../../packages/node/src/dev/random.ts'
import { toHex } from '@vitalchain/core'

/** Readings in a batch. */
const BATCH_READINGS = 4

/** Shortest and longest time between two batches of a device, ms. */
const BATCH_MS: readonly [number, number] = [150, 900]

/** Share of the batches that are urgent, in a lane of their own. */
const URGENT_SHARE = 0.1

/** Batches of a device that wait for their proof. Above it the device records nothing: its memory ends somewhere. */
const WAITING_MAX = 400

/** Devices that record, sign and hand over until they are told to stop. */
export interface Workload {
  readonly log: BatchLog
  /** Identities of what was signed, by device and lane, in the order of signing. */
  readonly signed: ReadonlyMap<string, readonly string[]>
  /** Records nothing more; resolves when all is proved or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>
  /** Resolves with how long it takes until a batch that was signed from now on is proved, ms, or when the signal aborts. */
  nextProof(signal: AbortSignal): Promise<number>
  stop(): Promise<void>
}

/** Registers devices and starts them, each at another node first. */
export async function startWorkload({
  hospitals,
  genesis,
  devices,
  receipts,
  seed,
  onFault,
  signal
}: {
  readonly hospitals: readonly Hospital[]
  readonly genesis: Uint8Array
  readonly devices: number
  /** The directory for receipts. */
  readonly receipts: string
  readonly seed: number
  readonly onFault: (error: unknown) => void
  readonly signal: AbortSignal
}): Promise<Workload> {
  const made = createDeviceKeys(Array.from({ length: devices }, () => []))
  await registerFleet(made, hospitals, genesis, signal)
  const stopping = new AbortController()
  const log = createBatchLog(receipts, error => {
    if (!stopping.signal.aborted) onFault(error)
  })
  const signed = new Map<string, string[]>()
  const watchers = new Set<(since: number) => void>()
  const fleet: FleetDevice[] = []
  for (const [k, each] of made.entries())
    fleet.push(await startDevice(each, { genesis, hospitals, first: k, batch: BATCH_READINGS }))
  const feeding = new AbortController()

  const feed = async ({ keys, device }: FleetDevice, random: Random): Promise<void> => {
    let waiting = 0
    while (!feeding.signal.aborted) {
      await pause(random.between(...BATCH_MS), undefined, { signal: feeding.signal })
      if (waiting >= WAITING_MAX) continue
      const since = performance.now()
      const submissions = await device.record(readings(random), {
        urgent: random.uniform() < URGENT_SHARE
      })
      for (const submission of submissions) {
        const lane = laneName({ device: toHex(keys.device), lane: submission.lane })
        const ids = signed.get(lane)
        if (ids === undefined) signed.set(lane, [toHex(submission.id)])
        else ids.push(toHex(submission.id))
        waiting++
        log.add(keys.name, submission, () => {
          waiting--
          for (const watcher of watchers) watcher(since)
        })
      }
    }
  }
  const feeds = fleet.map(async (each, k) => {
    try {
      await feed(each, createRandom(seed + 1 + k))
    } catch (error) {
      if (!feeding.signal.aborted) onFault(error)
    }
  })

  return {
    log,
    signed,
    async drain(limit) {
      feeding.abort()
      await Promise.all(feeds)
      await Promise.all(fleet.map(({ device }) => device.drained({ signal: limit })))
      await log.settled()
    },
    nextProof(limit) {
      const from = performance.now()
      return new Promise((resolve, reject) => {
        const watcher = (since: number): void => {
          if (since < from) return
          watchers.delete(watcher)
          resolve(performance.now() - from)
        }
        watchers.add(watcher)
        limit.addEventListener('abort', () => reject(limit.reason as Error))
      })
    },
    async stop() {
      stopping.abort()
      feeding.abort()
      await Promise.all(fleet.map(({ device }) => device.stop()))
    }
  }
}

function readings(random: Random): readonly { name: string; time: number; value: number }[] {
  const time = Date.now()
  return Array.from({ length: BATCH_READINGS }, (_, k) => ({
    name: 'heart-rate',
    // One cell of a series holds one value.
    time: time + k,
    value: Math.round(random.between(600, 900)) / 10
  }))
}
