import {
  bytes,
  format,
  integer,
  list,
  milliseconds,
  optional,
  tagged,
  tuple,
  uint,
  type Codec,
  type Decoded,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError, type ErrorValues } from '../errors.ts'
import {
  isReadingFlag,
  isReadingName,
  isReadingUnit,
  type Reading,
  type ReadingFlag
} from './reading.ts'
import { decodeDeltas, encodeDeltas, isSample } from './sample-deltas.ts'

/** A positive fraction of two unsigned 32-bit integers: 1/200 is exact, which no float is. */
export interface Ratio {
  readonly numerator: number
  readonly denominator: number
}

/** One signal that was sampled at a steady rate, as the converter gave it. spec P-6 */
export interface SampledSignal {
  /** What was measured, as the name of a `Reading`. */
  readonly name: string
  /** Unit in UCUM of the value, for example `mV`. Absent when the value has none. */
  readonly unit?: string
  /** One step of the converter: a value is (sample - `zero`) × `scale`. Of 200 steps to the mV it is 1/200. */
  readonly scale: Ratio
  /** The sample that means the value 0: a signed 32-bit integer. */
  readonly zero: number
  /** The sample that says that nothing was measured, if the device has one: a signed 32-bit integer. */
  readonly missing?: number
  /** Present when none of these samples must be taken at face value. */
  readonly flag?: ReadingFlag
  /** Signed 32-bit integers. */
  readonly samples: Int32Array
}

/** A stretch of signals that were sampled together: of each there are as many samples. */
export interface SampledSignals {
  /** When the first sample of the recording was taken, by the device's clock, whole ms since 1970; any safe integer. */
  readonly start: number
  /** Samples of the recording that came before this stretch: 0 where it begins. What goes on without a hole counts on. */
  readonly first: number
  /** Samples a second: 360/1, or 1/5 for one every five seconds. */
  readonly rate: Ratio
  /** 1 to {@link SAMPLED_SIGNALS_MAX}. */
  readonly signals: readonly SampledSignal[]
}

/** Content format of sampled signals: one of those that CoAP (RFC 7252 section 12.3) leaves to experiments. */
export const CONTENT_FORMAT_SAMPLES: number = 65_100

/** Signals that are sampled together: an electrocardiogram has 12, an electroencephalogram in care up to 64. */
export const SAMPLED_SIGNALS_MAX: number = 64

/** Samples of a signal in one payload: a statement's `count` goes no further. */
export const SAMPLES_MAX: number = 65_535

/** Bytes of a stretch: of a payload in clear. A sample takes one or more. */
export const SAMPLES_BYTES_MAX: number = 65_536

const MS_PER_S = 1000

const ratio: Codec<Ratio> = tuple({
  numerator: uint(0xffff_ffff, 1),
  denominator: uint(0xffff_ffff, 1)
})
const sample: Codec<number> = integer(-0x8000_0000, 0x7fff_ffff)
/** Names, units and flags have rules of their own, which {@link check} holds them to. */
const plainText: Codec<string> = {
  write: value => value,
  read(value, path) {
    if (typeof value !== 'string') throw samplesFault(`${path}: expected text`)
    return value
  }
}
const stretch = tagged(['vitalchain/samples'], {
  start: milliseconds,
  first: uint(),
  rate: ratio,
  count: uint(SAMPLES_MAX, 1),
  signals: list(
    tuple({
      name: plainText,
      unit: optional(plainText),
      scale: ratio,
      zero: sample,
      missing: optional(sample),
      flag: optional(plainText),
      deltas: bytes(1, SAMPLES_BYTES_MAX)
    }),
    SAMPLED_SIGNALS_MAX,
    1
  )
})
const stretchFormat: Format<Decoded<typeof stretch>> = format('samples', SAMPLES_BYTES_MAX, stretch)

/** The error for signals that cannot be written, or bytes that are none: `ERR_SAMPLES`. */
export function samplesFault(
  message: string,
  values: ErrorValues = {},
  cause?: unknown
): VitalchainError {
  return new VitalchainError('ERR_SAMPLES', message, { values, cause })
}

/** How many samples each signal has. */
export function sampleCount({ signals }: SampledSignals): number {
  return signals[0]?.samples.length ?? 0
}

/** When a sample of the stretch was taken, by the device's clock: ms since 1970, not whole at most rates. */
export function sampleTime({ start, first, rate }: SampledSignals, index: number): number {
  // Multiplied first, so that what is a whole number of ms comes out as one.
  return start + ((first + index) * rate.denominator * MS_PER_S) / rate.numerator
}

/**
 * The samples of a stretch from one index to another, as a stretch of the same recording.
 *
 * @param end - the index behind the last one
 */
export function sliceSamples(of: SampledSignals, begin: number, end: number): SampledSignals {
  return {
    ...of,
    first: of.first + begin,
    signals: of.signals.map(each => ({ ...each, samples: each.samples.subarray(begin, end) }))
  }
}

/**
 * Checks signals, whatever their number of samples is.
 *
 * @throws VitalchainError `ERR_SAMPLES`
 */
export function checkSamples(signals: SampledSignals): void {
  const { start, first, rate } = signals
  const count = sampleCount(signals)
  const rules: readonly (readonly [boolean, string])[] = [
    [Number.isSafeInteger(start), 'the start is not a safe integer of milliseconds'],
    [Number.isSafeInteger(first) && first >= 0, 'samples before these are counted from 0'],
    [isRatio(rate), 'a rate is a fraction of two positive 32-bit integers'],
    [
      signals.signals.length > 0 && signals.signals.length <= SAMPLED_SIGNALS_MAX,
      `1 to ${SAMPLED_SIGNALS_MAX} signals are sampled together`
    ],
    [count > 0, 'a signal has samples'],
    [
      signals.signals.every(({ samples }) => samples.length === count),
      'signals that are sampled together have as many samples'
    ]
  ]
  for (const [holds, rule] of rules) if (!holds) throw samplesFault(rule)
  for (const index of [0, count - 1]) {
    if (!Number.isSafeInteger(Math.floor(sampleTime(signals, index))))
      throw samplesFault('a time is beyond the safe integers of milliseconds')
  }
  signals.signals.forEach(checkSignal)
}

function checkSignal(
  { name, unit, scale, zero, missing, flag }: SampledSignal,
  index: number
): void {
  const rules: readonly (readonly [boolean, string])[] = [
    [isReadingName(name), 'a name is one of a reading'],
    [unit === undefined || isReadingUnit(unit), 'a unit is one of a reading'],
    [isRatio(scale), 'a scale is a fraction of two positive 32-bit integers'],
    [isSample(zero), 'zero is a signed 32-bit integer'],
    [missing === undefined || isSample(missing), 'missing is a signed 32-bit integer'],
    [flag === undefined || isReadingFlag(flag), 'an unknown flag']
  ]
  for (const [holds, rule] of rules)
    if (!holds) throw samplesFault(`signal ${index}: ${rule}`, { signal: index })
}

function isRatio({ numerator, denominator }: Ratio): boolean {
  return [numerator, denominator].every(
    each => Number.isInteger(each) && each > 0 && each <= 0xffff_ffff
  )
}

/**
 * Encodes sampled signals. The same signals always give the same bytes, and {@link decodeSamples} gives back the same
 * samples. spec P-6
 *
 * @param bytesMax - at most {@link SAMPLES_BYTES_MAX}
 * @returns undefined when they take more than `bytesMax` bytes, or are more than {@link SAMPLES_MAX}: then cut them
 * @throws VitalchainError `ERR_SAMPLES` as {@link checkSamples}
 */
export function encodeSamples(
  signals: SampledSignals,
  bytesMax: number = SAMPLES_BYTES_MAX
): Uint8Array | undefined {
  checkSamples(signals)
  const { start, first, rate } = signals
  const count = sampleCount(signals)
  if (count > SAMPLES_MAX || count * signals.signals.length > bytesMax) return undefined
  const written: Decoded<typeof stretch>['signals'][number][] = []
  let left = bytesMax
  for (const { name, unit, scale, zero, missing, flag, samples } of signals.signals) {
    const deltas = encodeDeltas(samples, left)
    if (deltas === undefined) return undefined
    left -= deltas.length
    written.push({ name, unit, scale, zero, missing, flag, deltas })
  }
  const encoded = stretchFormat.encode({ start, first, rate, count, signals: written })
  return encoded.length > bytesMax ? undefined : encoded
}

/**
 * The signals of a payload in clear.
 *
 * @param encoded - at most {@link SAMPLES_BYTES_MAX} bytes, nothing behind them
 * @throws VitalchainError `ERR_SAMPLES` for anything else than {@link encodeSamples} makes; no other error
 */
export function decodeSamples(encoded: Uint8Array): SampledSignals {
  try {
    const { start, first, rate, count, signals } = stretchFormat.decode(encoded)
    const decoded = { start, first, rate, signals: signals.map(each => readSignal(each, count)) }
    checkSamples(decoded)
    return decoded
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown'
    throw samplesFault(`not sampled signals: ${reason}`, {}, cause)
  }
}

function readSignal(
  { name, unit, scale, zero, missing, flag, deltas }: Decoded<typeof stretch>['signals'][number],
  count: number
): SampledSignal {
  if (flag !== undefined && !isReadingFlag(flag)) throw samplesFault('an unknown flag')
  return {
    name,
    ...(unit === undefined ? {} : { unit }),
    scale,
    zero,
    ...(missing === undefined ? {} : { missing }),
    ...(flag === undefined ? {} : { flag }),
    samples: decodeDeltas(deltas, count)
  }
}

/**
 * The samples as readings, in the order of time, for programs that take readings: values as floats, times rounded down to
 * whole ms. Where nothing was measured the reading is flagged `sensor-off`.
 */
export function* samplesToReadings(signals: SampledSignals): Generator<Reading> {
  for (let index = 0; index < sampleCount(signals); index++) {
    const time = Math.floor(sampleTime(signals, index))
    for (const { name, unit, scale, zero, missing, flag, samples } of signals.signals) {
      const read = samples[index] ?? 0
      const shown = read === missing ? 'sensor-off' : flag
      yield {
        name,
        ...(unit === undefined ? {} : { unit }),
        time,
        value: ((read - zero) * scale.numerator) / scale.denominator,
        ...(shown === undefined ? {} : { flag: shown })
      }
    }
  }
}
