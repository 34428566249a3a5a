import { encode, rfc8949EncodeOptions, Token, Type } from 'cborg'
import { isVitalchainError, VitalchainError } from '../errors.ts'
import { CborItems, Decimal, type CborScalar } from './cbor-items.ts'
import {
  checkReading,
  isReadingFlag,
  type Reading,
  senmlFault as fault,
  SENML_BYTES_MAX,
  SENML_READINGS_MAX
} from './reading.ts'

/** Most fields of one record: the 15 of RFC 8428 and as many extensions. */
const FIELDS_MAX = 32

/** The version of RFC 8428. Lower ones were used by its drafts and by its own examples. */
const VERSION = 10

/** Labels of RFC 8428 section 6, table 6. The table is closed: extensions have text labels. */
const LABEL = {
  dataValue: 8,
  updateTime: 7,
  time: 6,
  sum: 5,
  booleanValue: 4,
  stringValue: 3,
  value: 2,
  unit: 1,
  name: 0,
  version: -1,
  baseName: -2,
  baseTime: -3,
  baseUnit: -4,
  baseValue: -5,
  baseSum: -6
} as const

/**
 * Our one extension: the {@link ReadingFlag} as text. The "_" makes it a must-understand label (RFC 8428
 * section 4.4), because a reader that skipped it would take the 0 of a fallen-off sensor for a heart at rest.
 */
const FLAG_LABEL = 'flag_'

const MS_PER_S = 1000

type Label = number | string

// ---- writing

const encodeOptions = {
  ...rfc8949EncodeOptions,
  typeEncoders: {
    // A CBOR integer has no -0.
    number: (value: number) => (Object.is(value, -0) ? [new Token(Type.float, value)] : null),
    Object: (value: unknown) => (value instanceof Decimal ? value.tokens() : null)
  }
}

/** Exact seconds: an integer when whole, else a decimal fraction (RFC 8949 section 3.4.4) of milliseconds. */
function seconds(ms: number): number | Decimal {
  return ms % MS_PER_S === 0 ? ms / MS_PER_S + 0 : new Decimal(-3, ms)
}

/**
 * Encodes readings as a SenML pack in CBOR (RFC 8428 section 6), one record each, in the given order. The
 * same readings always give the same bytes. {@link decodeReadings} gives back the same values, bit for bit.
 *
 * The base name and base unit are written when they change, which costs no more than a name or a unit in the record and
 * saves it in all that follow: readings grouped by name are smaller. The base time is the first reading's.
 *
 * @param readings - 1 to {@link SENML_READINGS_MAX}
 * @throws VitalchainError `ERR_SENML` when a reading breaks the limits of {@link Reading}, or the pack is above
 * {@link SENML_BYTES_MAX}.
 */
export function encodeReadings(readings: readonly Reading[]): Uint8Array {
  if (readings.length === 0 || readings.length > SENML_READINGS_MAX) {
    throw fault(`a pack has 1 to ${SENML_READINGS_MAX} readings`, { readings: readings.length })
  }
  // A base unit cannot be taken back, so it serves only where every reading has one.
  const unitLabel = readings.every(reading => reading.unit !== undefined)
    ? LABEL.baseUnit
    : LABEL.unit
  let baseTime = 0
  let baseName: string | undefined
  let baseUnit: string | undefined
  const records = readings.map((reading, index) => {
    checkReading(reading, index)
    const { name, unit, time, value, flag } = reading
    const record = new Map<Label, CborScalar>([[valueLabel(value), value]])
    if (name !== baseName) record.set(LABEL.baseName, name)
    baseName = name
    if (unit !== undefined && unit !== baseUnit) record.set(unitLabel, unit)
    if (unitLabel === LABEL.baseUnit) baseUnit = unit
    if ((index === 0 && time !== 0) || !Number.isSafeInteger(time - baseTime)) {
      record.set(LABEL.baseTime, seconds(time))
      baseTime = time
    }
    if (time !== baseTime) record.set(LABEL.time, seconds(time - baseTime))
    if (flag !== undefined) record.set(FLAG_LABEL, flag)
    return record
  })
  const bytes = encode(records, encodeOptions)
  if (bytes.length > SENML_BYTES_MAX) {
    throw fault(`the pack has ${bytes.length} bytes, at most ${SENML_BYTES_MAX} are allowed`, {
      bytes: bytes.length,
      readings: readings.length
    })
  }
  return bytes
}

function valueLabel(value: Reading['value']): number {
  if (typeof value === 'number') return LABEL.value
  return typeof value === 'string' ? LABEL.stringValue : LABEL.booleanValue
}

// ---- reading

/** What the base fields of the records so far say about the next one. */
interface Base {
  name: string
  time: number
  unit: string | undefined
  value: number | undefined
  version: number | undefined
}

/**
 * Decodes a SenML pack in CBOR, ours or another maker's, into its resolved readings, in the pack's order. Times are
 * rounded to whole milliseconds. Sums and data values (labels `s`, `bs`, `vd`) are refused, not dropped; the update
 * time `ut` and unknown labels that do not end in "_" are skipped, as RFC 8428 section 4.4 asks.
 *
 * @param bytes - one pack, at most {@link SENML_BYTES_MAX} bytes, nothing behind it
 * @throws VitalchainError `ERR_SENML` for any other input; no other error.
 */
export function decodeReadings(bytes: Uint8Array): Reading[] {
  if (bytes.length > SENML_BYTES_MAX) {
    throw fault(`the pack has ${bytes.length} bytes, at most ${SENML_BYTES_MAX} are allowed`, {
      bytes: bytes.length
    })
  }
  try {
    const input = new CborItems(bytes)
    const base: Base = { name: '', time: 0, unit: undefined, value: undefined, version: undefined }
    const readings: Reading[] = []
    for (const _ of input.entries('array', SENML_READINGS_MAX)) {
      readings.push(readRecord(readFields(input), base, readings.length))
    }
    if (readings.length === 0) throw fault('a pack has at least one record')
    if (!input.done()) throw fault('bytes behind the pack')
    return readings
  } catch (cause) {
    if (isVitalchainError(cause)) throw cause
    throw new VitalchainError('ERR_SENML', 'not a SenML pack in CBOR, within its limits', {
      cause,
      values: { bytes: bytes.length }
    })
  }
}

/** The fields of one record that this decoder knows. */
function readFields(input: CborItems): Map<Label, CborScalar> {
  const fields = new Map<Label, CborScalar>()
  for (const _ of input.entries('map', FIELDS_MAX)) {
    const label = input.label()
    if (fields.has(label)) throw fault('a label occurs twice in one record')
    if (label === LABEL.updateTime || (typeof label === 'string' && label !== FLAG_LABEL)) {
      if (String(label).endsWith('_')) throw fault('a must-understand label that is not understood')
      input.skip()
    } else if (label === LABEL.dataValue || label === LABEL.sum || label === LABEL.baseSum) {
      throw fault(`label ${label} (data value, sum, base sum) is not supported`, { label })
    } else if (typeof label === 'number' && (label > LABEL.dataValue || label < LABEL.baseSum)) {
      throw fault('an integer label outside of RFC 8428', { label })
    } else {
      fields.set(label, input.scalar())
    }
  }
  return fields
}

/** Resolves one record (RFC 8428 section 4.6); its base fields hold from here on. */
function readRecord(fields: ReadonlyMap<Label, CborScalar>, base: Base, index: number): Reading {
  base.version = readVersion(fields.get(LABEL.version), base.version, index)
  base.name = readText(fields.get(LABEL.baseName)) ?? base.name
  base.unit = readText(fields.get(LABEL.baseUnit)) ?? base.unit
  base.time = readNumber(fields.get(LABEL.baseTime), 3) ?? base.time
  base.value = readNumber(fields.get(LABEL.baseValue)) ?? base.value
  const unit = readText(fields.get(LABEL.unit)) ?? base.unit
  const flag = readText(fields.get(FLAG_LABEL))
  if (flag !== undefined && !isReadingFlag(flag))
    throw fault(`record ${index}: unknown flag`, { record: index })
  const reading = {
    name: base.name + (readText(fields.get(LABEL.name)) ?? ''),
    ...(unit === undefined ? {} : { unit }),
    // Rounded after the sum: neither part need be whole milliseconds. "+ 0" because a time has no -0.
    time: Math.round(base.time + (readNumber(fields.get(LABEL.time), 3) ?? 0)) + 0,
    value: readValue(fields, base.value, index),
    ...(flag === undefined ? {} : { flag })
  }
  checkReading(reading, index)
  return reading
}

function readVersion(
  field: CborScalar | undefined,
  before: number | undefined,
  index: number
): number {
  const version = field ?? before ?? VERSION
  const valid =
    typeof version === 'number' && Number.isInteger(version) && version >= 1 && version <= VERSION
  if (!valid || (before !== undefined && version !== before)) {
    throw fault(`record ${index}: all records have one version, at most ${VERSION}`, {
      record: index
    })
  }
  return version
}

function readText(field: CborScalar | undefined): string | undefined {
  if (field !== undefined && typeof field !== 'string') throw fault('expected text')
  return field
}

/** A number times 10^shift, so that seconds written as decimals become milliseconds without an error. */
function readNumber(field: CborScalar | undefined, shift = 0): number | undefined {
  if (field === undefined) return undefined
  if (field instanceof Decimal) return field.toNumber(shift)
  if (typeof field !== 'number') throw fault('expected a number')
  return shift === 0 ? field : field * 10 ** shift
}

function readValue(
  fields: ReadonlyMap<Label, CborScalar>,
  base: number | undefined,
  index: number
): Reading['value'] {
  const number = readNumber(fields.get(LABEL.value))
  const string = readText(fields.get(LABEL.stringValue))
  const boolean = fields.get(LABEL.booleanValue)
  if (boolean !== undefined && typeof boolean !== 'boolean') throw fault('expected a boolean')
  const [value, another] = [number, string, boolean].filter(each => each !== undefined)
  if (another !== undefined || (value === undefined && base === undefined)) {
    throw fault(`record ${index}: a record has exactly one value`, { record: index })
  }
  // The base value is added to numbers only; without a value it is the value (RFC 8428 section 4.5.4).
  if (value === undefined || typeof value === 'number')
    return base === undefined ? (value ?? 0) : base + (value ?? 0)
  return value
}
