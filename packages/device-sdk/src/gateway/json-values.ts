import { isReadingFlag, VitalchainError } from '@vitalchain/core'
import { SENSOR_MESSAGE_BYTES_MAX, SENSOR_VALUES_MAX } from './limits.ts'
import type { SensorValue } from './source.ts'

/** What a sensor's messages leave out. */
export interface JsonDefaults {
  /** What the values are of that name nothing, such as the LOINC code `8867-4`. */
  readonly name?: string
  /** Unit of the values that give none, in UCUM. */
  readonly unit?: string
  /** What times that are numbers count since 1970. Default: milliseconds. */
  readonly timeUnit?: 'ms' | 's'
}

/** A message as JSON says it. */
export interface JsonMessage {
  readonly values: readonly SensorValue[]
  /** The sensor's own name of this message. */
  readonly id: string | undefined
}

/** Longest `id` of a message, in characters: a UUID has 36. */
const ID_LENGTH_MAX = 96

/** RFC 3339, with its offset: a time of day without one means nothing elsewhere. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/**
 * The values in a message: a number (`72.5`), `true` or `false`, a record `{ "value": 72, "time": …, "unit": …, "name": …,
 * "flag": … }`, a list of such, or `{ "id": …, "readings": [ … ] }`. A time is a number or text of RFC 3339.
 *
 * @throws VitalchainError `ERR_GATEWAY_PAYLOAD` for anything else; no other error
 */
export function readJsonMessage(payload: Uint8Array, defaults: JsonDefaults): JsonMessage {
  if (payload.length > SENSOR_MESSAGE_BYTES_MAX)
    throw fault(`a message has at most ${SENSOR_MESSAGE_BYTES_MAX} bytes`)
  const json = parse(payload)
  const id = isRecord(json) ? readId(json['id']) : undefined
  const readings = isRecord(json) && json['readings'] !== undefined ? json['readings'] : json
  const items: readonly unknown[] = Array.isArray(readings) ? readings : [readings]
  if (items.length === 0 || items.length > SENSOR_VALUES_MAX)
    throw fault(`a message has 1 to ${SENSOR_VALUES_MAX} readings`)
  return { values: items.map(item => readValue(item, defaults)), id }
}

function parse(payload: Uint8Array): unknown {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    return json
  } catch {
    // Not as the cause: its message quotes the text, and that may be about a patient.
    throw fault('a message is a number or JSON, in UTF-8')
  }
}

function readValue(item: unknown, defaults: JsonDefaults): SensorValue {
  const record = isRecord(item) ? item : { value: item }
  const { value } = record
  if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'string')
    throw fault('a value is a number, a text, true or false')
  // A text that is no record is rather a mistake than a value.
  if (typeof value === 'string' && record !== item) throw fault('a text is the value of a record')
  const name = optionalText(record['name'], 'a name') ?? defaults.name
  const unit = optionalText(record['unit'], 'a unit') ?? defaults.unit
  const flag = optionalText(record['flag'], 'a flag')
  const time = readTime(record['time'], defaults.timeUnit)
  if (name === undefined) throw fault('a reading has a name')
  if (flag !== undefined && !isReadingFlag(flag)) throw fault('an unknown flag')
  return {
    name,
    value,
    ...(unit === undefined ? {} : { unit }),
    ...(time === undefined ? {} : { time }),
    ...(flag === undefined ? {} : { flag })
  }
}

function readTime(time: unknown, unit: 'ms' | 's' = 'ms'): number | undefined {
  if (time === undefined || time === null) return undefined
  if (typeof time === 'number') {
    const ms = unit === 's' ? Math.round(time * 1_000) : time
    if (Number.isSafeInteger(ms)) return ms + 0
  } else if (typeof time === 'string' && TIME.test(time)) {
    const ms = Date.parse(time)
    if (!Number.isNaN(ms)) return Math.floor(ms)
  }
  throw fault('a time is a whole number of milliseconds, or text of RFC 3339')
}

function readId(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined
  const text = typeof id === 'number' ? String(id) : id
  if (typeof text === 'string' && text.length > 0 && text.length <= ID_LENGTH_MAX) return text
  throw fault(`an id is a number or text of at most ${ID_LENGTH_MAX} characters`)
}

function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw fault(`${what} is text`)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fault(rule: string): VitalchainError {
  return new VitalchainError('ERR_GATEWAY_PAYLOAD', `the sensor's message cannot be read: ${rule}`)
}
