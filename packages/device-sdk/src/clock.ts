import type { ReadingStatement, TimeInterval } from '@vitalchain/core'
import { CLOCK_DRIFT_PPM, CLOCK_STEP_MS } from './limits.ts'
import type { DeviceTimers } from './timers.ts'

/** Network time minus the device's clock and how wrong that may be, both in whole ms. */
export type ClockError = NonNullable<ReadingStatement['clock']>

/**
 * A stretch of time in which nobody set the device's clock: one error holds for all readings recorded in it, also for those
 * from before it was known.
 */
export interface ClockStretch {
  /** What is known of the clock now, or was when the stretch ended; undefined while nothing is. */
  error(): ClockError | undefined
}

/** The stretch of readings that a sensor behind a gateway has timed itself: nobody knows how far its clock is off. */
export const SENSOR_TIMES: ClockStretch = { error: () => undefined }

/**
 * Compares the device's clock with the network's. It never sets or corrects anything: it only says how far the clock is off.
 * Between two answers of the network it counts by the timers, which do not jump. spec T-6
 */
export class DeviceClock {
  readonly #now: () => number
  readonly #timers: DeviceTimers
  #stretch: Stretch

  /** @param now - the device's clock, ms since 1970, right or wrong */
  constructor(now: () => number, timers: DeviceTimers) {
    this.#now = now
    this.#timers = timers
    this.#stretch = new Stretch(this.#difference(), timers)
  }

  /**
   * The stretch of now. A clock that moved against the timers since the last look began another one, of which nothing is known
   * yet: either the clock was set, or the whole device slept, its timers too.
   */
  look(): ClockStretch {
    const difference = this.#difference()
    if (!this.#stretch.covers(difference)) {
      this.#stretch.end()
      this.#stretch = new Stretch(difference, this.#timers)
    }
    return this.#stretch
  }

  /**
   * Takes what the members agreed on.
   *
   * @param time - the network's time when `at` had elapsed
   * @param since - the stretch in which they were asked: across a step nobody knows how long they took to answer
   * @returns whether it was taken
   */
  learn(time: TimeInterval, at: number, since: ClockStretch): boolean {
    if (this.look() !== since) return false
    this.#stretch.learn(time, at)
    return true
  }

  #difference(): number {
    return this.#now() - this.#timers.elapsed()
  }
}

/** Network time minus elapsed time was between `from` and `to`, ms, when `at` had elapsed. */
interface Learned {
  readonly from: number
  readonly to: number
  readonly at: number
}

class Stretch implements ClockStretch {
  readonly #timers: DeviceTimers
  /** Least and most of the clock minus elapsed time, ms, in this stretch. */
  #least: number
  #most: number
  #learned: Learned | undefined
  #last: { readonly error: ClockError | undefined } | undefined

  constructor(difference: number, timers: DeviceTimers) {
    this.#timers = timers
    this.#least = difference
    this.#most = difference
  }

  /** Whether a clock that differs so much from the timers is still the same; if so that is remembered. */
  covers(difference: number): boolean {
    const least = Math.min(this.#least, difference)
    const most = Math.max(this.#most, difference)
    // Not `>` the other way round: a clock that says NaN is another one each time.
    if (!(most - least <= CLOCK_STEP_MS)) return false
    this.#least = least
    this.#most = most
    return true
  }

  /** Keeps what is known of this stretch: what comes is not about it. */
  end(): void {
    this.#last = { error: this.error() }
  }

  learn(time: TimeInterval, at: number): void {
    const learned = { from: time.from - at, to: time.to - at, at }
    const known = this.#known()
    const isBetter =
      known === undefined ||
      learned.to - learned.from <= known.to - known.from ||
      // Then the timers are worse than any should be, and the newer says more.
      learned.to < known.from ||
      learned.from > known.to
    if (isBetter) this.#learned = learned
  }

  error(): ClockError | undefined {
    if (this.#last !== undefined) return this.#last.error
    const known = this.#known()
    if (known === undefined) return undefined
    const from = known.from - this.#most
    const to = known.to - this.#least
    const offset = Math.round((from + to) / 2)
    const uncertainty = Math.ceil(Math.max(to - offset, offset - from))
    // A clock that says no number, or one beyond all years, cannot be compared.
    return Number.isSafeInteger(offset) ? { offset: offset + 0, uncertainty } : undefined
  }

  /** What was learned, wider by what the timers may have drifted since. */
  #known(): Learned | undefined {
    if (this.#learned === undefined) return undefined
    const { from, to, at } = this.#learned
    const elapsed = this.#timers.elapsed()
    const drift = ((elapsed - at) * CLOCK_DRIFT_PPM) / 1_000_000
    return { from: from - drift, to: to + drift, at: elapsed }
  }
}
