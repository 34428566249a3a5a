import { VitalchainError, type Reading, type ReadingFlag } from '@vitalchain/core'
import { DATATYPE, type Metric, type MetricValue } from './sparkplug-payload.ts'

/** The value of a metric by its datatype, Sparkplug 3.0.0 section 6.4.16; undefined when it is null. */
export function metricValue(
  { isNull, value }: Metric,
  datatype: number | undefined
): Reading['value'] | undefined {
  if (isNull) return undefined
  if (value === undefined) throw fault('a metric without a value')
  const read = READERS.get(datatype)
  const result = read?.(value)
  if (result === undefined) throw fault('a metric of a type that no reading has')
  return result
}

/** A metric's time as a reading has it. @throws VitalchainError `ERR_SPARKPLUG` for one beyond all calendars */
export function metricTime(timestamp: bigint | undefined): number | undefined {
  if (timestamp === undefined) return undefined
  if (timestamp > BigInt(Number.MAX_SAFE_INTEGER)) throw fault('a time beyond all calendars')
  return Number(timestamp)
}

/** Qualities of OPC that Sparkplug names, section 6.4.9: all but good is the reading's flag. */
const GOOD = 192

/** What a metric's quality says about its value. */
export function metricFlag(quality: number | undefined): ReadingFlag | undefined {
  return quality === undefined || quality === GOOD ? undefined : 'questionable'
}

type Read = (value: MetricValue) => Reading['value'] | undefined

const READERS: ReadonlyMap<number | undefined, Read> = new Map<number, Read>([
  [DATATYPE.Int8, signed(8)],
  [DATATYPE.Int16, signed(16)],
  [DATATYPE.Int32, signed(32)],
  [DATATYPE.Int64, value => whole(value, long => BigInt.asIntN(64, long))],
  ...[DATATYPE.UInt8, DATATYPE.UInt16, DATATYPE.UInt32, DATATYPE.UInt64, DATATYPE.DateTime].map(
    type => [type, (value: MetricValue) => whole(value, long => long)] as const
  ),
  ...[DATATYPE.Float, DATATYPE.Double].map(
    type => [type, (value: MetricValue) => fieldOf(value, 'number')] as const
  ),
  [DATATYPE.Boolean, value => fieldOf(value, 'boolean')],
  ...[DATATYPE.String, DATATYPE.Text, DATATYPE.UUID].map(
    type => [type, (value: MetricValue) => fieldOf(value, 'string')] as const
  )
])

function fieldOf(
  value: MetricValue,
  field: 'number' | 'boolean' | 'string'
): Reading['value'] | undefined {
  return value.field === field ? value.value : undefined
}

/** Negative values come as 32 bits without a sign, or as only as many bits as the type has. */
function signed(bits: 8 | 16 | 32): Read {
  return value => (value.field === 'int' ? (value.value << (32 - bits)) >> (32 - bits) : undefined)
}

function whole(value: MetricValue, sign: (long: bigint) => bigint): number | undefined {
  if (value.field === 'int') return value.value
  if (value.field !== 'long') return undefined
  const long = sign(value.value)
  if (long > BigInt(Number.MAX_SAFE_INTEGER) || long < BigInt(Number.MIN_SAFE_INTEGER))
    throw fault('a whole number that no reading can hold exactly')
  return Number(long)
}

function fault(what: string): VitalchainError {
  return new VitalchainError('ERR_SPARKPLUG', `Sparkplug: ${what}`)
}
