import { agreeOnTime, TIME_NONCE_BYTES, type TimeAnswer, type ValidatorSet } from '@vitalchain/core'
import { DeviceClock, type ClockError, type ClockStretch } from './clock.ts'
import { TIME_AGAIN_MS, TIME_RETRY_MS, TIME_SLACK_MS } from './limits.ts'
import type { DeviceTimers } from './timers.ts'

/** Whom a device asks for the time: an open session. */
export interface TimeSource {
  /** Resolves with what the members signed. Rejects when the node refuses or the connection ends. */
  time(nonce: Uint8Array): Promise<readonly TimeAnswer[]>
}

/** What a {@link TimeKeeper} needs. */
export interface TimeKeeperInit {
  readonly network: Uint8Array
  /** The founding validators: until a receipt shows others. */
  readonly validators: ValidatorSet
  /** The genesis's `clockPrecisionMs`. */
  readonly precisionMs: number
  /** The device's clock, ms since 1970, right or wrong. */
  readonly now: () => number
  readonly timers: DeviceTimers
  readonly random: (bytes: number) => Uint8Array
  /** The clock was compared; undefined when it was set since, so that nothing is known of it. */
  readonly onClock: (error: ClockError | undefined) => void
}

/**
 * Learns from the members how far the device's clock is off: when a session opens, and when something is recorded while the error
 * is unknown or its bound is wide. It sets no timer: a device that records nothing asks nothing. spec T-5
 */
export class TimeKeeper {
  readonly #init: TimeKeeperInit
  readonly #clock: DeviceClock
  #stretch: ClockStretch
  #validators: ValidatorSet
  /** The height of the header that showed them. */
  #height = 0
  #source: TimeSource | undefined
  /** When the last question over it was sent, by the timers. */
  #askedAt = -Infinity
  #asking = false

  constructor(init: TimeKeeperInit) {
    this.#init = init
    this.#validators = init.validators
    this.#clock = new DeviceClock(init.now, init.timers)
    this.#stretch = this.#clock.look()
  }

  /** How far the clock is off, as far as that is known. */
  error(): ClockError | undefined {
    return this.look().error()
  }

  /** The stretch of time that what is recorded now belongs to. */
  look(): ClockStretch {
    const before = this.#stretch
    this.#stretch = this.#clock.look()
    if (this.#stretch !== before) {
      // Whatever was asked before is of no use any more.
      this.#askedAt = -Infinity
      if (before.error() !== undefined) this.#init.onClock(undefined)
    }
    this.#askIfDue()
    return this.#stretch
  }

  /** A session is open: the time is asked over it from now on. */
  opened(source: TimeSource): void {
    this.#source = source
    this.#askedAt = -Infinity
    this.#asking = false
    this.look()
  }

  /** A verified proof shows who the validators of a height are; the newest counts. */
  believe(height: number, validatorSet: ValidatorSet): void {
    if (height <= this.#height) return
    this.#height = height
    this.#validators = validatorSet
  }

  #askIfDue(): void {
    const source = this.#source
    if (source === undefined || this.#asking) return
    const error = this.#stretch.error()
    if (error !== undefined && error.uncertainty <= this.#init.precisionMs + TIME_SLACK_MS) return
    const elapsed = this.#init.timers.elapsed()
    if (elapsed - this.#askedAt < (error === undefined ? TIME_RETRY_MS : TIME_AGAIN_MS)) return
    this.#askedAt = elapsed
    this.#asking = true
    this.#ask(source)
      // A device that gets no answer does not know its clock's error, and goes on all the same.
      .catch(() => undefined)
      .finally(() => {
        // A newer session has a question of its own.
        if (this.#source === source) this.#asking = false
      })
  }

  async #ask(source: TimeSource): Promise<void> {
    const { network, precisionMs, timers, random, onClock } = this.#init
    const nonce = random(TIME_NONCE_BYTES)
    const stretch = this.#stretch
    const asked = timers.elapsed()
    const answers = await source.time(nonce)
    const answered = timers.elapsed()
    const time = agreeOnTime(answers, {
      network,
      nonce,
      validators: this.#validators,
      roundTripMs: answered - asked,
      precisionMs
    })
    if (time !== undefined && this.#clock.learn(time, answered, stretch)) onClock(stretch.error())
  }
}
