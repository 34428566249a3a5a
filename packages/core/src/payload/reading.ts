import { VitalchainError } from '../errors.ts'

/**
 * Why a value must not be taken at face value. After MeasurementStatus of IEEE 11073-10201:
 * - `sensor-off`: nothing was measured, the value is the device's filler (0 on most monitors)
 * - `artefact`: measured, but spoiled, for example by motion
 * - `questionable`: measured at the edge of what the device trusts
 * - `calibrating`: measured while the sensor was being calibrated
 * - `test`: a test signal or a self-test, not a patient
 */
export type ReadingFlag = 'sensor-off' | 'artefact' | 'questionable' | 'calibrating' | 'test'

/** One measured value: what a resolved SenML record says (RFC 8428 section 4.6). */
export interface Reading {
  /** What was measured, for example the LOINC code `8867-4`. Of the characters A-Z a-z 0-9 - : . / _ */
  readonly name: string
  /** Unit in UCUM, for example `/min` or `mm[Hg]`. Absent when the value has none. */
  readonly unit?: string
  /**
   * By the device's clock, in whole milliseconds since 1970-01-01T00:00:00Z; any safe integer. Before
   * 1978-07-04T21:24:16Z (2^28 s) RFC 8428 section 4.5.3 reads it as relative to "now": such a device had no clock.
   */
  readonly time: number
  /** The value. A number is finite. */
  readonly value: number | string | boolean
  /** Present when the value must not be taken at face value. */
  readonly flag?: ReadingFlag
}

/** Most bytes of a pack: a batch's payload is at most 64 KiB, longer recordings are a sequence of batches. */
export const SENML_BYTES_MAX: number = 65_536

/** Most readings of a pack. 64 KiB hold about 5 400 samples of a waveform; the rest is margin. */
export const SENML_READINGS_MAX: number = 8_192

/** Longest name, base name included, in characters. A LOINC code has 7, a UUID in a URN 45. */
export const SENML_NAME_LENGTH_MAX: number = 128

/** Longest unit, in UTF-16 code units. The longest UCUM code in clinical use has about 30. */
export const SENML_UNIT_LENGTH_MAX: number = 64

/** Longest text value, in UTF-16 code units: a note or a code, not a document. */
export const SENML_TEXT_LENGTH_MAX: number = 4_096

const FLAGS: ReadonlySet<string> = new Set<ReadingFlag>([
  'sensor-off',
  'artefact',
  'questionable',
  'calibrating',
  'test'
])
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/

/** The error for a pack or reading that is not valid: `ERR_SENML`. */
export function senmlFault(message: string, values: Record<string, number> = {}): VitalchainError {
  return new VitalchainError('ERR_SENML', message, { values })
}

/** Whether a text can be the name of what was measured. */
export function isReadingName(text: string): boolean {
  return text.length <= SENML_NAME_LENGTH_MAX && NAME.test(text)
}

/** Whether a text can be a unit. */
export function isReadingUnit(text: string): boolean {
  return text.length <= SENML_UNIT_LENGTH_MAX && text.isWellFormed()
}

/** Whether a text is a {@link ReadingFlag}. */
export function isReadingFlag(text: string): text is ReadingFlag {
  return FLAGS.has(text)
}

/**
 * Checks the limits of a {@link Reading}, the same on the way out and on the way in.
 *
 * @param index - its place in the pack, for the message
 * @throws VitalchainError `ERR_SENML`
 */
export function checkReading({ name, unit, time, value, flag }: Reading, index: number): void {
  if (!isReadingName(name)) {
    throw senmlFault(
      `record ${index}: a name has 1 to ${SENML_NAME_LENGTH_MAX} of A-Z a-z 0-9 - : . / _`,
      { record: index }
    )
  }
  if (unit !== undefined && !isReadingUnit(unit)) {
    throw senmlFault(`record ${index}: a unit is text of at most ${SENML_UNIT_LENGTH_MAX}`, {
      record: index
    })
  }
  if (!Number.isSafeInteger(time)) {
    throw senmlFault(`record ${index}: the time is not a safe integer of milliseconds`, {
      record: index
    })
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw senmlFault(`record ${index}: the value is not finite`, { record: index })
  }
  if (
    typeof value === 'string' &&
    (value.length > SENML_TEXT_LENGTH_MAX || !value.isWellFormed())
  ) {
    throw senmlFault(
      `record ${index}: a text value has at most ${SENML_TEXT_LENGTH_MAX} characters`,
      {
        record: index
      }
    )
  }
  if (flag !== undefined && !isReadingFlag(flag))
    throw senmlFault(`record ${index}: unknown flag`, { record: index })
}
