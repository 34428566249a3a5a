import { setTimeout as pause } from 'node:timers/promises'
import type { Reading } from '@vitalchain/core'
import type { Device } from '@vitalchain/device-sdk'
import type { BatchLog } from './batch-log.ts'
import { createPatient } from './physiology.ts'

/** Batches of one device that are not proved yet: as many as the SDK has under way at once, so that none waits on the device. */
const UNPROVED_MAX = 64

/** How many times a device's window of batches goes into a replay at least, so that also a short one takes many blocks. */
const WINDOWS_MIN = 24

/** How often a simulated monitor reads its sensors, ms. */
const SAMPLE_MS = 1_000

/** A device and where its batches are noted. */
export interface Feed {
  readonly name: string
  readonly device: Device
  readonly log: BatchLog
  /** Told when readings cannot be recorded. */
  readonly onFault: (error: unknown) => void
}

/** Replays readings as fast as their proofs come back. */
export async function feedAtOnce(
  { name, device, log }: Feed,
  readings: readonly Reading[],
  batch: number,
  signal: AbortSignal
): Promise<void> {
  const batches = Math.ceil(readings.length / batch)
  const window = Math.min(UNPROVED_MAX, Math.max(1, Math.floor(batches / WINDOWS_MIN)))
  const gate = createGate(window, signal)
  for (let from = 0; from < readings.length; from += batch) {
    await gate.enter()
    if (signal.aborted) return
    const recording = device.record(readings.slice(from, from + batch))
    if (readings.length - from < batch) await device.flush()
    const submissions = await recording
    let left = submissions.length
    const onProof = (): void => {
      if (--left === 0) gate.leave()
    }
    for (const submission of submissions) log.add(name, submission, onProof)
  }
}

/** Lets so many in at a time; everybody once the signal aborts. */
function createGate(
  size: number,
  signal: AbortSignal
): { enter(): Promise<void> | undefined; leave(): void } {
  const waiting: (() => void)[] = []
  let inside = 0
  signal.addEventListener('abort', () => {
    for (const enter of waiting) enter()
  })
  return {
    enter() {
      if (signal.aborted) return undefined
      if (inside < size) {
        inside++
        return undefined
      }
      return new Promise(resolve => {
        waiting.push(resolve)
      })
    },
    leave() {
      const next = waiting.shift()
      if (next === undefined) inside--
      else next()
    }
  }
}

/** Replays readings at their times, `speed` times as fast; late ones at once. */
export async function feedInTime(
  feed: Feed,
  readings: readonly Reading[],
  speed: number,
  signal: AbortSignal
): Promise<void> {
  const begin = performance.now()
  const first = readings[0]?.time ?? 0
  for (let from = 0; from < readings.length;) {
    const time = readings[from]?.time ?? first
    let to = from
    while (readings[to]?.time === time) to++
    await wait(begin + (time - first) / speed - performance.now(), signal)
    if (signal.aborted) break
    record(feed, readings.slice(from, to))
    from = to
  }
  await feed.device.flush()
}

/** Records what a simulated patient's monitor shows, until the signal aborts. */
export async function feedSimulated(feed: Feed, seed: number, signal: AbortSignal): Promise<void> {
  const patient = createPatient({ seed })
  while (!signal.aborted) {
    record(feed, patient.next(Date.now()))
    await wait(SAMPLE_MS, signal)
  }
}

// Not awaited by its callers: a reading waits for its batch to fill, the next one does not wait for it.
function record({ name, device, log, onFault }: Feed, readings: readonly Reading[]): void {
  const note = async (): Promise<void> => {
    for (const submission of await device.record(readings)) log.add(name, submission)
  }
  note().catch(onFault)
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await pause(ms, undefined, { signal }).catch(() => undefined)
}
