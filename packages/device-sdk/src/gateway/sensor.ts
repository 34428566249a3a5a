import {
  checkReading,
  errorCode,
  isVitalchainError,
  sha256,
  toHex,
  utf8,
  VitalchainError,
  type Reading
} from '@vitalchain/core'
import type { Device } from '../device.ts'
import { deviceStopped } from '../lane.ts'
import { systemTimers, type DeviceTimers } from '../timers.ts'
import { SENSOR_RATE_DEFAULT, SENSOR_VALUES_MAX, SENSOR_WAITING_MAX } from './limits.ts'
import { RateLimit } from './rate.ts'
import type { RememberingOutbox } from './seen.ts'
import type { SensorMessage, SensorValue } from './source.ts'

/** What became of a sensor's messages since the start. */
export interface SensorCounts {
  /** Messages in statements on disk. */
  readonly stored: number
  /** Messages that came again and were not recorded again. */
  readonly repeated: number
  /** Messages that were refused, by code. */
  readonly refused: Readonly<Record<string, number>>
  /** When the last message came, by the gateway's clock, ms since 1970. */
  readonly lastAt: number | undefined
}

/** What a sensor is made of. */
export interface SensorInit {
  readonly device: Device
  readonly outbox: RememberingOutbox
  readonly now: () => number
  readonly timers?: DeviceTimers | undefined
  readonly readingsPerSecond?: number | undefined
}

/** Hexadecimal digits of a message's key: 96 bits, so that two of the few thousand that are kept are never the same. */
const KEY_LENGTH = 24

/** A sensor that cannot sign, and the device that does so for it. */
export class Sensor {
  readonly device: Device
  readonly #init: SensorInit
  readonly #rate: RateLimit
  readonly #refused = new Map<string, number>()
  /** What is being recorded, by the keys of messages. */
  readonly #underWay = new Map<string, Promise<unknown>>()
  #waiting = 0
  #room = Promise.withResolvers<void>()
  #stored = 0
  #repeated = 0
  #lastAt: number | undefined
  #stopping = false

  constructor(init: SensorInit) {
    this.#init = init
    this.device = init.device
    const { readingsPerSecond = SENSOR_RATE_DEFAULT, timers = systemTimers } = init
    this.#rate = new RateLimit(readingsPerSecond, timers)
  }

  get counts(): SensorCounts {
    return {
      stored: this.#stored,
      repeated: this.#repeated,
      refused: Object.fromEntries(this.#refused),
      lastAt: this.#lastAt
    }
  }

  /** As `GatewayIntake.take`. */
  async take(message: SensorMessage): Promise<'stored' | 'repeated'> {
    try {
      const result = await this.#take(message)
      if (result === 'stored') this.#stored++
      else this.#repeated++
      return result
    } catch (error) {
      const code = errorCode(error)
      // Then it was not refused, but comes again.
      if (code !== 'ERR_DEVICE_STOPPED') this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1)
      throw error
    }
  }

  /** From now on nothing is taken. */
  closing(): void {
    this.#stopping = true
    this.#room.resolve()
  }

  async #take({ values, urgent = false, identity }: SensorMessage): Promise<'stored' | 'repeated'> {
    const arrived = Math.floor(this.#init.now())
    this.#lastAt = arrived
    if (values.length > SENSOR_VALUES_MAX)
      throw new VitalchainError('ERR_GATEWAY_PAYLOAD', 'too many values in one message', {
        values: { values: values.length, valuesMax: SENSOR_VALUES_MAX }
      })
    const timed = values.flatMap(value => (isTimed(value) ? value : []))
    const untimed = values.flatMap(value => (isTimed(value) ? [] : { ...value, time: arrived }))
    timed.forEach(checkReading)
    untimed.forEach(checkReading)
    const key =
      identity === undefined ? undefined : toHex(sha256(utf8(identity))).slice(0, KEY_LENGTH)
    // What has times of its own is in other statements than what has not.
    const parts = [
      this.#record(timed, key === undefined ? key : `${key}s`, urgent, 'sensor'),
      this.#record(untimed, key === undefined ? key : `${key}a`, urgent, undefined)
    ]
    const results = await Promise.all(parts)
    return results.includes('stored') ? 'stored' : 'repeated'
  }

  /** @returns undefined without readings */
  async #record(
    readings: readonly Reading[],
    key: string | undefined,
    urgent: boolean,
    times: 'sensor' | undefined
  ): Promise<'stored' | 'repeated' | undefined> {
    if (readings.length === 0) return undefined
    const underWay = key === undefined ? undefined : this.#underWay.get(key)
    if (underWay !== undefined) {
      await underWay
      return 'repeated'
    }
    const recording = this.#recordNew(readings, key, urgent, times)
    if (key === undefined) return recording
    this.#underWay.set(key, recording)
    try {
      return await recording
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #recordNew(
    readings: readonly Reading[],
    key: string | undefined,
    urgent: boolean,
    times: 'sensor' | undefined
  ): Promise<'stored' | 'repeated'> {
    const { device, outbox } = this.#init
    const rest = readings.slice(key === undefined ? 0 : outbox.stored(key))
    if (rest.length === 0) return 'repeated'
    if (!this.#rate.take(rest.length))
      throw new VitalchainError('ERR_GATEWAY_RATE', 'the sensor sends more than it may', {
        retryable: true,
        values: { readings: rest.length }
      })
    // Else `record` would refuse at some point, and what waits has to be known to the outbox.
    while (this.#waiting >= SENSOR_WAITING_MAX && !this.#stopping) await this.#room.promise
    if (this.#stopping) throw deviceStopped()
    this.#waiting += rest.length
    try {
      outbox.expect(urgent ? 1 : 0, key, rest.length)
      await device.record(rest, { urgent, ...(times === undefined ? {} : { times }) })
      return 'stored'
    } catch (error) {
      throw isVitalchainError(error)
        ? error
        : new VitalchainError('ERR_GATEWAY_STORE', 'a statement could not be signed or stored', {
            cause: error
          })
    } finally {
      this.#waiting -= rest.length
      const { resolve } = this.#room
      this.#room = Promise.withResolvers()
      resolve()
    }
  }
}

function isTimed(value: SensorValue): value is Reading {
  return value.time !== undefined
}
