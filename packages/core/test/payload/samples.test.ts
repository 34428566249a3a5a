import * as fc from 'fast-check'
import t from 'tap'
import { errorCode } from '../../src/errors.ts'
import type { ReadingFlag } from '../../src/payload/reading.ts'
import { decodeDeltas, encodeDeltas } from '../../src/payload/sample-deltas.ts'
import {
  decodeSamples,
  encodeSamples,
  sampleTime,
  samplesToReadings,
  SAMPLES_BYTES_MAX,
  sliceSamples,
  type SampledSignals
} from '../../src/payload/samples.ts'
import { lead, stretchOf } from './sample-vectors.ts'

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
const ratio = fc.record({
  numerator: fc.integer({ min: 1, max: 0xffff_ffff }),
  denominator: fc.integer({ min: 1, max: 0xffff_ffff })
})
const flag = fc.constantFrom<ReadingFlag>('sensor-off', 'artefact', 'test')

/** Signals of every kind that can be written. */
const anySignals: fc.Arbitrary<SampledSignals> = fc.integer({ min: 1, max: 40 }).chain(count =>
  fc.record({
    start: fc.integer({ min: -1e12, max: 1e13 }),
    first: fc.integer({ min: 0, max: 1e6 }),
    rate: fc.record({
      numerator: fc.integer({ min: 1, max: 100_000 }),
      denominator: fc.integer({ min: 1, max: 1_000 })
    }),
    signals: fc.array(
      fc.record(
        {
          name: fc.constantFrom('8867-4', 'MDC_ECG_LEAD_II', 'n'),
          unit: fc.constantFrom('mV', 'uV', '1'),
          scale: ratio,
          zero: int32,
          missing: int32,
          flag,
          samples: fc
            .array(fc.oneof(int32, fc.integer({ min: -200, max: 200 })), {
              minLength: count,
              maxLength: count
            })
            .map(each => Int32Array.from(each))
        },
        { requiredKeys: ['name', 'scale', 'zero', 'samples'] }
      ),
      { minLength: 1, maxLength: 4 }
    )
  })
)

t.test('signals come back as they were written, and no other bytes stand for them', async t => {
  fc.assert(
    fc.property(anySignals, signals => {
      const encoded = encodeSamples(signals)
      if (encoded === undefined) throw new Error('they fit')
      const decoded = decodeSamples(encoded)
      t.matchOnlyStrict(decoded, signals)
      const again = encodeSamples(decoded)
      t.strictSame(again, encoded)
    }),
    { numRuns: 100 }
  )
})

t.test('damaged bytes decode to what encodes to them, or are refused with ERR_SAMPLES', async t => {
  const encoded = encodeSamples({
    start: 1_790_000_000_000,
    first: 0,
    rate: { numerator: 360, denominator: 1 },
    signals: [lead([995, 995, 1_200, -30_000, 2_147_483_647]), lead([1, 2, 3, 4, 5])]
  })!
  let refused = 0
  for (let bit = 0; bit < encoded.length * 8; bit++) {
    const damaged = encoded.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    try {
      const decoded = decodeSamples(damaged)
      if (!Buffer.from(encodeSamples(decoded)!).equals(damaged)) t.fail(`bit ${bit}`)
    } catch (error) {
      refused++
      if (errorCode(error) !== 'ERR_SAMPLES') t.fail(`bit ${bit}: ${errorCode(error)}`)
    }
  }
  t.ok(refused > 50, `${refused} of ${encoded.length * 8} refused`)
})

t.test('differences are the same bytes as a reader of big integers makes of them', async t => {
  fc.assert(
    fc.property(fc.array(int32, { minLength: 1, maxLength: 30 }), samples => {
      const expected: number[] = []
      let before = 0n
      for (const sample of samples.map(BigInt)) {
        const difference = sample - before
        before = sample
        let zigzag = difference >= 0n ? 2n * difference : -2n * difference - 1n
        for (; zigzag >= 128n; zigzag >>= 7n) expected.push(Number(zigzag & 127n) | 128)
        expected.push(Number(zigzag))
      }
      const bytes = encodeDeltas(samples, 1_000)
      if (bytes === undefined) throw new Error('they fit')
      t.same([...bytes], expected)
      t.same([...decodeDeltas(bytes, samples.length)], samples)
    })
  )
})

t.test('any bytes are differences of as many samples as they claim, or are refused', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.nat({ max: 12 }), (bytes, count) => {
      let samples
      try {
        samples = decodeDeltas(bytes, count)
      } catch (error) {
        if (error instanceof RangeError) return
        throw error
      }
      t.equal(samples.length, count)
      t.strictSame(encodeDeltas(samples, 100), bytes)
    }),
    { numRuns: 2_000 }
  )
})

t.test('what does not fit is left to the caller to cut', async t => {
  const samples = new Int32Array(SAMPLES_BYTES_MAX / 2)
  const signals = {
    start: 0,
    first: 7,
    rate: { numerator: 500, denominator: 1 },
    signals: [
      { ...lead([]), samples },
      { ...lead([]), samples }
    ]
  }
  t.equal(encodeSamples(signals), undefined)
  const half = sliceSamples(signals, 100, samples.length)
  t.equal(half.first, 107)
  t.ok(encodeSamples(half))
  t.equal(encodeSamples(sliceSamples(signals, 0, 10), 30), undefined)
})

t.test('signals that cannot be written are refused', async t => {
  const good: SampledSignals = {
    start: 0,
    first: 0,
    rate: { numerator: 1, denominator: 1 },
    signals: [lead([1])]
  }
  t.ok(encodeSamples(good))
  const bad: Readonly<Record<string, SampledSignals>> = {
    'a start of half a ms': { ...good, start: 0.5 },
    'samples before the first': { ...good, first: -1 },
    'no signal': { ...good, signals: [] },
    'no samples': { ...good, signals: [lead([])] },
    'signals of different lengths': { ...good, signals: [lead([1]), lead([1, 2])] },
    'too many signals': { ...good, signals: Array.from({ length: 65 }, () => lead([1])) },
    'a rate of 0': { ...good, rate: { numerator: 0, denominator: 1 } },
    'a scale of a fraction': {
      ...good,
      signals: [{ ...lead([1]), scale: { numerator: 0.5, denominator: 1 } }]
    },
    'a name with a space': { ...good, signals: [{ ...lead([1]), name: 'lead II' }] },
    'a zero that is no integer': { ...good, signals: [{ ...lead([1]), zero: 0.5 }] },
    'a time beyond what is exact': { ...good, start: Number.MAX_SAFE_INTEGER, first: 1 }
  }
  for (const [why, signals] of Object.entries(bad))
    t.throws(() => encodeSamples(signals), { code: 'ERR_SAMPLES' }, why)
})

t.test(
  'times count from the start of the recording, to the ms where the rate allows it',
  async t => {
    const signals = {
      start: 1_000,
      first: 359,
      rate: { numerator: 360, denominator: 1 },
      signals: [lead([0, 0])]
    }
    t.equal(Math.floor(sampleTime(signals, 0)), 1_997)
    t.equal(sampleTime(signals, 1), 2_000)
    t.equal(sampleTime({ ...signals, first: 9 }, 0), 1_025)
  }
)

t.test('as readings they have their values, and say where nothing was measured', async t => {
  const signals = {
    start: 0,
    first: 0,
    rate: { numerator: 1, denominator: 5 },
    signals: [{ ...lead([1024, 1224, -2048]), missing: -2048 }]
  }
  const reading = { name: 'MDC_ECG_LEAD_II', unit: 'mV' }
  t.same(
    [...samplesToReadings(signals)],
    [
      { ...reading, time: 0, value: 0 },
      { ...reading, time: 5_000, value: 1 },
      { ...reading, time: 10_000, value: -15.36, flag: 'sensor-off' }
    ]
  )
})

t.test('a count that is only claimed allocates nothing', async t => {
  t.throws(() => decodeSamples(stretchOf({ 4: 65_535 })), { code: 'ERR_SAMPLES' })
  t.throws(() => decodeSamples(new Uint8Array(SAMPLES_BYTES_MAX + 1)), { code: 'ERR_SAMPLES' })
})
