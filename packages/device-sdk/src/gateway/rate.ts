import type { DeviceTimers } from '../timers.ts'
import { SENSOR_BURST_S } from './limits.ts'

/** How much a sensor may send: a bucket that fills at its rate. */
export class RateLimit {
  readonly #perSecond: number
  readonly #timers: DeviceTimers
  #left: number
  #at: number

  constructor(perSecond: number, timers: DeviceTimers) {
    this.#perSecond = perSecond
    this.#timers = timers
    this.#left = perSecond * SENSOR_BURST_S
    this.#at = timers.elapsed()
  }

  /** Takes so many, all or none. @returns whether there were so many */
  take(count: number): boolean {
    const now = this.#timers.elapsed()
    const filled = this.#left + ((now - this.#at) / 1_000) * this.#perSecond
    this.#left = Math.min(filled, this.#perSecond * SENSOR_BURST_S)
    this.#at = now
    if (count > this.#left) return false
    this.#left -= count
    return true
  }
}
