import { checkReading, VitalchainError, type Reading } from '@vitalchain/core'
import type { ClockStretch } from './clock.ts'
import type { Lane } from './lane.ts'
import { READINGS_WAITING_MAX } from './limits.ts'
import { packReadings, readingsContent, type StatementSink } from './statement-writer.ts'
import type { Submission } from './submission.ts'
import type { DeviceTimers } from './timers.ts'

/** How readings are gathered into statements. */
export interface BatchSettings {
  /** Readings that make a batch full. */
  readonly readings: number
  /** How long the first reading of a batch waits for it to fill, ms; 0 = does not wait. */
  readonly ms: number
}

/** The readings of one call of `record`. */
interface Recording {
  unstored: number
  readonly submissions: Submission[]
  readonly stored: PromiseWithResolvers<readonly Submission[]>
}

interface Item {
  readonly reading: Reading
  readonly recording: Recording
  readonly stretch: ClockStretch
}

/** Gathers the readings of one lane into batches: one signature for each. */
export class Batcher {
  readonly #lane: Lane
  readonly #settings: BatchSettings
  readonly #timers: DeviceTimers
  readonly #sink: StatementSink
  #items: Item[] = []
  /** How many of the items are to be written without waiting for more. */
  #flushing = 0
  readonly #open = new Set<Recording>()
  #working = false
  #cancelTimer: (() => void) | undefined

  constructor(lane: Lane, settings: BatchSettings, timers: DeviceTimers, sink: StatementSink) {
    this.#lane = lane
    this.#settings = settings
    this.#timers = timers
    this.#sink = sink
  }

  /**
   * Adds readings; resolves when all of them are signed and stored.
   *
   * @param stretch - of the clock that timed them; default: the device's own, now
   * @throws VitalchainError `ERR_SENML` for a reading that no statement can hold, `ERR_OUTBOX_FULL` (retryable) when
   * too many wait already, or what stopped the lane. Of a refused call nothing is kept, unless the lane stopped.
   */
  async add(
    readings: readonly Reading[],
    stretch: ClockStretch = this.#sink.look()
  ): Promise<readonly Submission[]> {
    if (this.#lane.failure !== undefined) throw this.#lane.failure
    // Here, so that a bad reading fails its own call and not the batch that it would end in.
    readings.forEach(checkReading)
    if (readings.length === 0) return []
    if (this.#items.length >= READINGS_WAITING_MAX) {
      throw new VitalchainError(
        'ERR_OUTBOX_FULL',
        'the outbox is full and too many readings wait',
        {
          retryable: true,
          values: { waiting: this.#items.length }
        }
      )
    }
    const recording: Recording = {
      unstored: readings.length,
      submissions: [],
      stored: Promise.withResolvers()
    }
    this.#open.add(recording)
    for (const reading of readings) this.#items.push({ reading, recording, stretch })
    if (this.#settings.ms === 0) this.#flushing = this.#items.length
    this.#work()
    return recording.stored.promise
  }

  /** Writes what was added without waiting for more; resolves when it is stored. */
  async flush(): Promise<void> {
    const open = [...this.#open].map(({ stored }) => stored.promise)
    this.#flushing = this.#items.length
    this.#work()
    await Promise.all(open)
  }

  #work(): void {
    if (this.#working) return
    this.#working = true
    void this.#writeBatches()
  }

  async #writeBatches(): Promise<void> {
    try {
      while (this.#items.length >= this.#settings.readings || this.#flushing > 0) {
        await this.#lane.room()
        const { batch, stretch } = this.#nextBatch()
        for (const { items, clear } of packReadings(batch)) {
          const readings = items.map(({ reading }) => reading)
          const content = readingsContent(readings, clear)
          this.#deliver(items, await this.#sink.write(content, stretch))
        }
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error('unknown', { cause: error }))
    }
    this.#working = false
    this.#setTimer()
  }

  /** As many as a batch holds, all of one stretch of the clock: a statement has one error of it. There is at least one. */
  #nextBatch(): { readonly batch: readonly Item[]; readonly stretch: ClockStretch } {
    const [first] = this.#items
    if (first === undefined) throw new Error('a batch has readings')
    const { stretch } = first
    const full = this.#items.slice(0, this.#settings.readings)
    const end = full.findIndex(item => item.stretch !== stretch)
    return { batch: end === -1 ? full : full.slice(0, end), stretch }
  }

  #deliver(items: readonly Item[], submission: Submission): void {
    this.#items = this.#items.slice(items.length)
    this.#flushing = Math.max(0, this.#flushing - items.length)
    for (const { recording } of items) {
      if (recording.submissions.at(-1) !== submission) recording.submissions.push(submission)
      recording.unstored--
      if (recording.unstored > 0) continue
      this.#open.delete(recording)
      recording.stored.resolve(recording.submissions)
    }
  }

  #fail(error: Error): void {
    this.#items = []
    this.#flushing = 0
    for (const { stored } of this.#open) stored.reject(error)
    this.#open.clear()
    this.#sink.onFault(error)
  }

  /** A timer runs while readings wait for their batch to fill. */
  #setTimer(): void {
    if (this.#items.length === 0) {
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
    } else {
      this.#cancelTimer ??= this.#timers.after(this.#settings.ms, () => {
        this.#cancelTimer = undefined
        this.#flushing = this.#items.length
        this.#work()
      })
    }
  }
}
