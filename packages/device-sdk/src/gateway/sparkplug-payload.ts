import { VitalchainError } from '@vitalchain/core'
import { reader, writer, type Reader } from 'protons-runtime'
import { METRICS_MAX, SENSOR_MESSAGE_BYTES_MAX } from './limits.ts'

/** A metric of a Sparkplug B payload (Eclipse Sparkplug 3.0.0, section 6.4.6), as far as a reading needs it. */
export interface Metric {
  readonly name: string | undefined
  readonly alias: bigint | undefined
  /** Milliseconds since 1970; may be beyond what a reading can have. */
  readonly timestamp: bigint | undefined
  readonly datatype: number | undefined
  readonly isNull: boolean
  /** What the fields of the value hold, before the datatype says how to read it. */
  readonly value: MetricValue | undefined
  /** The property `Quality`: 0 bad, 192 good, 500 stale. Section 6.4.9 */
  readonly quality: number | undefined
}

/** One of the fields 10 to 18 of a metric. */
export type MetricValue =
  | { readonly field: 'int'; readonly value: number }
  | { readonly field: 'long'; readonly value: bigint }
  | { readonly field: 'number'; readonly value: number }
  | { readonly field: 'boolean'; readonly value: boolean }
  | { readonly field: 'string'; readonly value: string }
  /** Bytes, a data set, a template, an extension. */
  | { readonly field: 'other' }

/** A Sparkplug B payload, section 6.4.5. */
export interface SparkplugPayload {
  readonly timestamp: bigint | undefined
  readonly seq: bigint | undefined
  readonly metrics: readonly Metric[]
}

/** Numbers of datatypes, section 6.4.16. */
export const DATATYPE = {
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt32: 7,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
  UUID: 15
} as const

/** Fields of the messages, with their numbers in `sparkplug_b.proto`. */
const PAYLOAD = { timestamp: 1, metrics: 2, seq: 3 } as const
const METRIC = {
  name: 1,
  alias: 2,
  timestamp: 3,
  datatype: 4,
  isNull: 7,
  properties: 9,
  int: 10,
  long: 11,
  float: 12,
  double: 13,
  boolean: 14,
  string: 15
} as const
const PROPERTY_SET = { keys: 1, values: 2 } as const
const PROPERTY_VALUE = { int: 3, long: 4 } as const

/** Fields 10 to 19 of a metric are its value. */
const VALUE_FIELDS = { first: 10, last: 19 } as const

/** Properties of one metric. The specification defines one, makers have a few more. */
const PROPERTIES_MAX = 64

const QUALITY = 'Quality'

/** Wire types of protobuf that are read here. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/**
 * Reads a payload. Fields that no reading needs are skipped, unknown ones too.
 *
 * @throws VitalchainError `ERR_GATEWAY_PAYLOAD`; no other error
 */
export function decodeSparkplug(payload: Uint8Array): SparkplugPayload {
  if (payload.length > SENSOR_MESSAGE_BYTES_MAX)
    throw fault(`it has more than ${SENSOR_MESSAGE_BYTES_MAX} bytes`)
  try {
    return readPayload(payload)
  } catch (error) {
    if (error instanceof VitalchainError) throw error
    throw fault('it is no protobuf of Sparkplug B')
  }
}

function readPayload(payload: Uint8Array): SparkplugPayload {
  let timestamp: bigint | undefined
  let seq: bigint | undefined
  const metrics: Metric[] = []
  for (const [field, wire, input] of fieldsOf(payload)) {
    if (field === PAYLOAD.timestamp && wire === WIRE.varint) timestamp = input.uint64()
    else if (field === PAYLOAD.seq && wire === WIRE.varint) seq = input.uint64()
    else if (field === PAYLOAD.metrics && wire === WIRE.bytes) {
      if (metrics.length === METRICS_MAX) throw fault(`it has more than ${METRICS_MAX} metrics`)
      metrics.push(readMetric(input.bytes()))
    } else input.skipType(wire)
  }
  return { timestamp, seq, metrics }
}

function readMetric(bytes: Uint8Array): Metric {
  const metric: { -readonly [K in keyof Metric]: Metric[K] } = {
    name: undefined,
    alias: undefined,
    timestamp: undefined,
    datatype: undefined,
    isNull: false,
    value: undefined,
    quality: undefined
  }
  for (const [field, wire, input] of fieldsOf(bytes)) {
    if (field === METRIC.name && wire === WIRE.bytes) metric.name = input.string()
    else if (field === METRIC.alias && wire === WIRE.varint) metric.alias = input.uint64()
    else if (field === METRIC.timestamp && wire === WIRE.varint) metric.timestamp = input.uint64()
    else if (field === METRIC.datatype && wire === WIRE.varint) metric.datatype = input.uint32()
    else if (field === METRIC.isNull && wire === WIRE.varint) metric.isNull = input.bool()
    else if (field === METRIC.properties && wire === WIRE.bytes)
      metric.quality = readQuality(input.bytes())
    else if (field >= VALUE_FIELDS.first && field <= VALUE_FIELDS.last)
      metric.value = readValue(field, wire, input)
    else input.skipType(wire)
  }
  return metric
}

function readValue(field: number, wire: number, input: Reader): MetricValue {
  if (field === METRIC.int && wire === WIRE.varint) return { field: 'int', value: input.uint32() }
  if (field === METRIC.long && wire === WIRE.varint) return { field: 'long', value: input.uint64() }
  if (field === METRIC.float && wire === WIRE.fixed32)
    return { field: 'number', value: input.float() }
  if (field === METRIC.double && wire === WIRE.fixed64)
    return { field: 'number', value: input.double() }
  if (field === METRIC.boolean && wire === WIRE.varint)
    return { field: 'boolean', value: input.bool() }
  if (field === METRIC.string && wire === WIRE.bytes)
    return { field: 'string', value: input.string() }
  input.skipType(wire)
  return { field: 'other' }
}

/** The value of the property `Quality` of a property set, whose keys and values are lists side by side. */
function readQuality(bytes: Uint8Array): number | undefined {
  const keys: string[] = []
  const values: (number | undefined)[] = []
  for (const [field, wire, input] of fieldsOf(bytes)) {
    if (keys.length > PROPERTIES_MAX || values.length > PROPERTIES_MAX)
      throw fault(`a metric has more than ${PROPERTIES_MAX} properties`)
    if (field === PROPERTY_SET.keys && wire === WIRE.bytes) keys.push(input.string())
    else if (field === PROPERTY_SET.values && wire === WIRE.bytes)
      values.push(readProperty(input.bytes()))
    else input.skipType(wire)
  }
  return values[keys.indexOf(QUALITY)]
}

function readProperty(bytes: Uint8Array): number | undefined {
  let value: number | undefined
  for (const [field, wire, input] of fieldsOf(bytes)) {
    if (field === PROPERTY_VALUE.int && wire === WIRE.varint) value = input.uint32()
    else if (field === PROPERTY_VALUE.long && wire === WIRE.varint) value = Number(input.uint64())
    else input.skipType(wire)
  }
  return value
}

/** The fields of a message; who takes one reads it, or skips it. */
function* fieldsOf(bytes: Uint8Array): Generator<readonly [field: number, wire: number, Reader]> {
  const input = reader(bytes)
  while (input.pos < input.len) {
    const tag = input.uint32()
    yield [tag >>> 3, tag & 7, input]
  }
}

/** The command that asks an edge node for its birth certificates, section 6.4.26. */
export function encodeRebirth(now: number): Uint8Array {
  const metric = writer()
  metric.uint32((METRIC.name << 3) | WIRE.bytes).string('Node Control/Rebirth')
  metric.uint32((METRIC.datatype << 3) | WIRE.varint).uint32(DATATYPE.Boolean)
  metric.uint32((METRIC.boolean << 3) | WIRE.varint).bool(true)
  const payload = writer()
  payload
    .uint32((PAYLOAD.timestamp << 3) | WIRE.varint)
    .uint64(BigInt(Math.max(0, Math.floor(now))))
  payload.uint32((PAYLOAD.metrics << 3) | WIRE.bytes).bytes(metric.finish())
  return Uint8Array.from(payload.finish())
}

function fault(rule: string): VitalchainError {
  return new VitalchainError('ERR_GATEWAY_PAYLOAD', `the payload cannot be read: ${rule}`)
}
