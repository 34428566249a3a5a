// Records of PhysioNet's WaveForm DataBase: a header (.hea) and signals in format 212, as the MIT-BIH databases have them.
// https://physionet.org/physiotools/wag/header-5.htm and signal-5.htm
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ratio } from '@vitalchain/core'

/** A signal of a record. */
export interface WfdbSignal {
  /** What the header calls it, for example `MLII`. */
  readonly description: string
  /** Steps of the converter in a unit. */
  readonly gain: Ratio
  readonly unit: string
  /** The sample that means the value 0. */
  readonly baseline: number
  /** Sum of all samples modulo 2^16, as a signed number. */
  readonly checksum: number
  readonly initial: number
  readonly samples: Int32Array
}

/** A record: its signals have as many samples. */
export interface WfdbRecord {
  readonly name: string
  /** Samples a second. */
  readonly rate: Ratio
  /** The file of its signals, and what is in it. */
  readonly file: string
  readonly bytes: Uint8Array
  readonly signals: readonly WfdbSignal[]
}

/** In format 212 the least sample says that nothing was measured. */
export const MISSING_212: number = -2048

/**
 * Reads a record whose two signals stand in one file of format 212, and checks it by the sums in its header.
 *
 * @param header - its `.hea` file
 */
export async function readWfdbRecord(folder: string, header: string): Promise<WfdbRecord> {
  const lines = (await readFile(join(folder, header), 'utf8'))
    .split(/\r?\n/)
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.trim().split(/\s+/))
  const [name = '', count = '', rate = '250', length = '0'] = lines[0] ?? []
  const described = lines.slice(1, 1 + Number(count)).map(parseSignal)
  const [first] = described
  if (first === undefined || described.length !== 2) throw new Error(`${header}: not two signals`)
  if (described.some(({ format, file }) => format !== '212' || file !== first.file))
    throw new Error(`${header}: not one file of format 212`)
  const bytes = await readFile(join(folder, first.file))
  const all = decode212(bytes, Number(length))
  const signals = described.map(({ description, gain, unit, baseline, checksum, initial }, k) => ({
    description,
    gain,
    unit,
    baseline,
    checksum,
    initial,
    samples: all[k] ?? new Int32Array(0)
  }))
  for (const signal of signals) {
    const fault = faultOf(signal, signal.samples)
    if (fault !== undefined) throw new Error(`${header}: ${signal.description}: ${fault}`)
  }
  return { name, rate: ratio(rate.split('/')[0] ?? rate), file: first.file, bytes, signals }
}

/** What a header says of a signal that these samples do not fulfil; undefined when they do. */
export function faultOf(
  { checksum, initial }: Pick<WfdbSignal, 'checksum' | 'initial'>,
  samples: Int32Array
): string | undefined {
  const sum = samples.reduce((a, b) => (a + b) & 0xffff, 0)
  const signed = sum > 0x7fff ? sum - 0x1_0000 : sum
  if (samples[0] !== initial) return `the first sample is ${samples[0]}, not ${initial}`
  return signed === checksum ? undefined : `the sum is ${signed}, not ${checksum}`
}

/** Two signals in format 212: two samples of 12 bits, two's complement, in three bytes. */
export function encode212(one: Int32Array, two: Int32Array): Uint8Array {
  const bytes = new Uint8Array(one.length * 3)
  for (let k = 0; k < one.length; k++) {
    const [a, b] = [(one[k] ?? 0) & 0xfff, (two[k] ?? 0) & 0xfff]
    bytes.set([a & 0xff, (a >> 8) | ((b >> 8) << 4), b & 0xff], 3 * k)
  }
  return bytes
}

/** 12 bits as two's complement. */
function signed(sample: number): number {
  return sample > 0x7ff ? sample - 0x1000 : sample
}

function decode212(bytes: Uint8Array, length: number): readonly [Int32Array, Int32Array] {
  if (bytes.length !== 3 * length) throw new Error(`${bytes.length} bytes are not ${length} pairs`)
  const at = (k: number): number => bytes[k] ?? 0
  return [
    Int32Array.from({ length }, (_, k) => signed(at(3 * k) | ((at(3 * k + 1) & 0xf) << 8))),
    Int32Array.from({ length }, (_, k) => signed(at(3 * k + 2) | ((at(3 * k + 1) >> 4) << 8)))
  ]
}

interface Described extends Omit<WfdbSignal, 'samples'> {
  readonly file: string
  readonly format: string
}

/** File, format, gain(baseline)/unit, resolution, zero of the converter, first sample, sum, block size, description. */
function parseSignal(fields: readonly string[]): Described {
  const [
    file = '',
    format = '',
    gain = '200',
    ,
    zero = '0',
    initial = '0',
    checksum = '0',
    ,
    ...of
  ] = fields
  const { steps, baseline, unit } =
    /^(?<steps>[\d.]+)(?:\((?<baseline>-?\d+)\))?(?:\/(?<unit>\S+))?$/.exec(gain)?.groups ?? {}
  if (steps === undefined) throw new Error(`a gain is a number, not ${gain}`)
  return {
    file,
    format,
    gain: ratio(steps),
    unit: unit ?? 'mV',
    baseline: Number(baseline ?? zero),
    checksum: Number(checksum),
    initial: Number(initial),
    description: of.join(' ')
  }
}

/** A decimal number as an exact fraction. */
function ratio(text: string): Ratio {
  const [whole = '', part = ''] = text.split('.')
  return { numerator: Number(whole + part), denominator: 10 ** part.length }
}
