import { fromHex, toHex } from '../../src/bytes.ts'
import { encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import {
  decodeSamples,
  encodeSamples,
  type SampledSignal,
  type SampledSignals
} from '../../src/payload/samples.ts'
import { codeOf, toJson, type Json } from '../ledger/vector-json.ts'

const ONE = { numerator: 1, denominator: 1 }

/** A lead of an electrocardiogram of 200 steps to the mV. */
export function lead(samples: readonly number[]): SampledSignal {
  return {
    name: 'MDC_ECG_LEAD_II',
    unit: 'mV',
    scale: { numerator: 1, denominator: 200 },
    zero: 1024,
    samples: Int32Array.from(samples)
  }
}

const VALID: readonly (readonly [what: string, signals: SampledSignals])[] = [
  [
    'the start of an electrocardiogram of two leads',
    {
      start: 1_790_000_000_000,
      first: 0,
      rate: { numerator: 360, denominator: 1 },
      signals: [
        lead([995, 995, 995, 1000, 997]),
        { ...lead([1011, 1011, 1008, 1008, 947]), name: 'MDC_ECG_LEAD_V5' }
      ]
    }
  ],
  [
    'what comes an hour later, with a sample that was not measured and a flag',
    {
      start: 1_790_000_000_000,
      first: 1_296_000,
      rate: { numerator: 360, denominator: 1 },
      signals: [{ ...lead([995, -2048, 996]), missing: -2048, flag: 'questionable' }]
    }
  ],
  [
    'differences at the ends of one, two, and five bytes',
    {
      start: 0,
      first: 0,
      rate: ONE,
      signals: [
        {
          name: 'n',
          scale: ONE,
          zero: 0,
          samples: Int32Array.of(63, -1, 63, 0, -8192, 2_147_483_647, -2_147_483_648, 2_147_483_647)
        }
      ]
    }
  ],
  [
    'one sample every five seconds by a clock before 1970, the largest numbers',
    {
      start: -1_500,
      first: 9_007_199_254,
      rate: { numerator: 1, denominator: 5 },
      signals: [
        {
          name: 'n',
          scale: { numerator: 0xffff_ffff, denominator: 0xffff_ffff },
          zero: -2_147_483_648,
          missing: 2_147_483_647,
          samples: Int32Array.of(0)
        }
      ]
    }
  ]
]

/** A stretch of one signal with what a test changes, item by item. */
export function stretchOf(
  changes: Readonly<Record<number, CborValue>> = {},
  signal: Readonly<Record<number, CborValue>> = {}
): Uint8Array {
  const items: CborValue[] = ['n', null, [1, 1], 0, null, null, fromHex('0200')]
  for (const [index, value] of Object.entries(signal)) items[Number(index)] = value
  const stretch: CborValue[] = ['vitalchain/samples', 0, 0, [360, 1], 2, [items]]
  for (const [index, value] of Object.entries(changes)) stretch[Number(index)] = value
  return encodeCbor(stretch)
}

const INVALID: Readonly<Record<string, Uint8Array>> = {
  'another kind': stretchOf({ 0: 'vitalchain/sample' }),
  'bytes behind it': fromHex(`${toHex(stretchOf())}00`),
  'a rate of nothing': stretchOf({ 3: [0, 1] }),
  'a rate per no time': stretchOf({ 3: [360, 0] }),
  'a count from below 0': stretchOf({ 2: -1 }),
  'no samples': stretchOf({ 4: 0 }),
  'more samples than a statement counts': stretchOf({ 4: 65_536 }),
  'no signals': stretchOf({ 5: [] }),
  'fewer samples than counted': stretchOf({ 4: 3 }),
  'more samples than counted': stretchOf({ 4: 1 }),
  'a difference that is cut short': stretchOf({}, { 6: fromHex('0280') }),
  'a difference in more bytes than it needs': stretchOf({}, { 6: fromHex('028000') }),
  'a difference of six bytes': stretchOf({}, { 6: fromHex('02808080808001') }),
  'a sample beyond 32 bits': stretchOf({}, { 6: fromHex('feffffff0f02') }),
  'a sample below 32 bits': stretchOf({}, { 6: fromHex('ffffffff0f01') }),
  'a name with a space': stretchOf({}, { 0: 'lead II' }),
  'an empty name': stretchOf({}, { 0: '' }),
  'a unit of 65 characters': stretchOf({}, { 1: 'm'.repeat(65) }),
  'a scale of nothing': stretchOf({}, { 2: [0, 1] }),
  'a zero beyond 32 bits': stretchOf({}, { 3: 2 ** 31 }),
  'a missing beyond 32 bits': stretchOf({}, { 4: -(2 ** 31) - 1 }),
  'an unknown flag': stretchOf({}, { 5: 'broken' }),
  'a time beyond 53 bits': stretchOf({ 1: Number.MAX_SAFE_INTEGER, 2: 360 }),
  'a field too many': encodeCbor(['vitalchain/samples', 0, 0, [360, 1], 2, [], null])
}

export function sampleVectors(): Json {
  return {
    purpose:
      'Stretches of sampled signals (P-6): `bytes` decode to `signals` and no others do. What is absent is left out.',
    valid: VALID.map(([why, signals]) =>
      toJson({
        why,
        signals: {
          ...signals,
          signals: signals.signals.map(each => ({ ...each, samples: [...each.samples] }))
        },
        bytes: encodeSamples(signals)
      })
    ),
    invalid: Object.entries(INVALID).map(([why, bytes]) => ({
      why,
      bytes: toHex(bytes),
      code: codeOf(() => decodeSamples(bytes), why)
    }))
  }
}
