import { deepStrictEqual } from 'node:assert/strict'
import { encode, Tagged } from 'cborg'
import * as fc from 'fast-check'
import t from 'tap'
import { fromHex, toHex } from '../../src/bytes.ts'
import {
  type Reading,
  SENML_BYTES_MAX,
  SENML_NAME_LENGTH_MAX,
  SENML_READINGS_MAX,
  SENML_TEXT_LENGTH_MAX
} from '../../src/payload/reading.ts'
import { decodeReadings, encodeReadings } from '../../src/payload/senml.ts'

const heartRate: Reading = { name: '8867-4', unit: '/min', time: 1_700_000_000_000, value: 62 }

/** A pack written by hand: text keys stand for extension labels. */
function pack(
  ...records: readonly (readonly (readonly [number | string, unknown])[])[]
): Uint8Array {
  return encode(records.map(fields => new Map(fields)))
}

const movingSince = 1_320_067_464
const refused = { name: 'VitalchainError', code: 'ERR_SENML' }

t.test('the CBOR example of RFC 8428 section 6 decodes to its resolved records', async t => {
  const bytes = fromHex(
    '87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c7461' +
      '676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cc' +
      'cccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062' +
      '002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333'
  )
  const prefix = 'urn:dev:ow:10e2073a0108006:'
  const now = 1_276_020_076_001
  t.same(decodeReadings(bytes), [
    { name: `${prefix}voltage`, unit: 'V', time: now, value: 120.1 },
    ...[1.2, 1.3, 1.4, 1.5, 1.6, 1.7].map((value, index) => ({
      name: `${prefix}current`,
      unit: 'A',
      time: now - (5 - index) * 1000,
      value
    }))
  ])
})

t.test(
  'the moving-sensor example of the RFC, with only a base name and its own units, decodes',
  async t => {
    const bytes = fromHex(
      '8da521781b75726e3a6465763a6f773a31306532303733613031303830303633221a4eaea188236325524802f94d000600a302fb4038' +
        '4e63c74fb54a01636c6f6e0600a302fb404e0a31f8a0902e01636c61740600a202fb40344ccccccccccd06183ca302fb40384e646f15' +
        '619101636c6f6e06183ca302fb404e0a31f8a0902e01636c617406183ca202fb4034b33333333333061878a302fb40384e6516db0dd8' +
        '01636c6f6e061878a302fb404e0a324c83665101636c6174061878a302f95620016325454c061896a202fb40353333333333330618b4' +
        'a302fb40384e685db76b3c01636c6f6e0618b4a302fb404e0a32a0663c7501636c61740618b4'
    )
    const readings = decodeReadings(bytes)
    t.equal(readings.length, 13)
    t.same(
      readings.map(({ unit, time, value }) => [unit, time / 1000 - movingSince, value]),
      [
        ['%RH', 0, 20],
        ['lon', 0, 24.30621],
        ['lat', 0, 60.07965],
        ['%RH', 60, 20.3],
        ['lon', 60, 24.30622],
        ['lat', 60, 60.07965],
        ['%RH', 120, 20.7],
        ['lon', 120, 24.30623],
        ['lat', 120, 60.07966],
        ['%EL', 150, 98],
        ['%RH', 180, 21.2],
        ['lon', 180, 24.30628],
        ['lat', 180, 60.07967]
      ]
    )
    t.ok(readings.every(reading => reading.name === 'urn:dev:ow:10e2073a01080063'))
  }
)

t.test('the bytes of a small batch stay as they are', async t => {
  const readings: Reading[] = [
    heartRate,
    { ...heartRate, time: heartRate.time + 250, value: 62.5 },
    { name: '59408-5', unit: '%', time: heartRate.time + 1000, value: 0, flag: 'sensor-off' }
  ]
  t.equal(
    toHex(encodeReadings(readings)),
    '83' +
      'a402183e2166383836372d34221a6553f10023642f6d696e' + // v 62, bn 8867-4, bt 1700000000, bu /min
      'a202f953d006c4822218fa' + // v 62.5, t 0.250 as a decimal fraction
      'a50200060121673539343038 2d35236125 65666c61675f6a73656e736f722d6f6666'.replaceAll(' ', '')
  )
  t.same(decodeReadings(encodeReadings(readings)), readings)
})

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9\-:./_]{0,20}$/)
const reading: fc.Arbitrary<Reading> = fc.record(
  {
    name: fc.oneof(name, fc.constantFrom('8867-4', '59408-5')),
    unit: fc.oneof(fc.constantFrom('/min', '%'), fc.string({ unit: 'grapheme', maxLength: 8 })),
    time: fc.oneof(
      fc.maxSafeInteger(),
      fc.integer({ min: -5000, max: 5000 }),
      fc.integer({ min: 1.7e12, max: 1.8e12 })
    ),
    value: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.boolean()
    ),
    flag: fc.constantFrom('sensor-off', 'artefact', 'questionable', 'calibrating', 'test')
  },
  { requiredKeys: ['name', 'time', 'value'] }
)

t.test(
  'any readings come back bit for bit, in their order, and always as the same bytes',
  async t => {
    fc.assert(
      fc.property(fc.array(reading, { minLength: 1, maxLength: 12 }), readings => {
        const bytes = encodeReadings(readings)
        const decoded = decodeReadings(bytes)
        // Tells -0 from 0. A time of -0 cannot be drawn.
        deepStrictEqual(
          decoded,
          readings.map(each => ({ ...each }))
        )
        deepStrictEqual(encodeReadings(decoded), bytes)
      }),
      { seed: 8428, numRuns: 300 }
    )
    t.pass('300 lists of readings')
  }
)

t.test('the ends of the number ranges come back bit for bit', async t => {
  for (const value of [
    0,
    -0,
    5e-324,
    -1.7976931348623157e308,
    2 ** 53,
    -(2 ** 64),
    1e21,
    0.1,
    65504,
    36.7
  ]) {
    const [decoded] = decodeReadings(encodeReadings([{ ...heartRate, value }]))
    t.ok(Object.is(decoded?.value, value), `${value}`)
  }
  for (const time of [
    0,
    -1,
    1,
    999,
    -86_400_000,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER
  ]) {
    t.equal(decodeReadings(encodeReadings([{ ...heartRate, time }]))[0]?.time, time)
  }
  const apart = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER].map(time => ({
    ...heartRate,
    time
  }))
  t.same(decodeReadings(encodeReadings(apart)), apart)
})

t.test('a text value keeps a byte order mark and long non-ASCII text', async t => {
  for (const value of [
    '',
    '\uFEFFnote',
    'µ'.repeat(SENML_TEXT_LENGTH_MAX),
    '\u{1F493}'.repeat(40)
  ]) {
    t.equal(decodeReadings(encodeReadings([{ ...heartRate, value }]))[0]?.value, value)
  }
})

t.test('times of another maker are exact to the millisecond, however they are written', async t => {
  const written: readonly [unknown, unknown, number][] = [
    [1_700_000_000.123, 0, 1_700_000_000_123],
    [new Tagged(4, [-3, 1_700_000_000_123]), 0, 1_700_000_000_123],
    [new Tagged(4, [-6, 1_700_000_000_123_456]), 0, 1_700_000_000_123],
    [new Tagged(4, [2, 17_000_000]), 0, 1_700_000_000_000],
    [1_700_000_000, -0.5, 1_699_999_999_500],
    // Neither part is a whole millisecond; the sum is.
    [new Tagged(4, [-4, 17_000_000_000_005]), new Tagged(4, [-4, 5]), 1_700_000_000_001]
  ]
  for (const [base, time, expected] of written) {
    const decoded = decodeReadings(
      pack([
        [-2, 'a'],
        [-3, base],
        [6, time],
        [2, 1]
      ])
    )
    t.equal(decoded[0]?.time, expected)
  }
})

t.test('a base value is added to numbers and stands for a missing one', async t => {
  const bytes = pack(
    [
      [-2, 'a'],
      [-5, 100],
      [2, 0.5]
    ],
    [[2, -1]],
    [[6, 1]],
    [[3, 'text']]
  )
  t.same(
    decodeReadings(bytes).map(each => each.value),
    [100.5, 99, 100, 'text']
  )
})

t.test('streams of indefinite length decode', async t => {
  t.same(decodeReadings(fromHex('9fbf006161 0201 ff bf006162 0202 ffff'.replaceAll(' ', ''))), [
    { name: 'a', time: 0, value: 1 },
    { name: 'b', time: 0, value: 2 }
  ])
})

t.test(
  'unknown extensions are skipped, unless their label says they must be understood',
  async t => {
    const nested = new Map<unknown, unknown>([['x', [1, [2, new Map([[3, 'y']])]]]])
    t.same(
      decodeReadings(
        pack([
          [0, 'a'],
          [2, 1],
          [7, 60],
          ['ct', nested],
          ['note', new Uint8Array(9)]
        ])
      ),
      [{ name: 'a', time: 0, value: 1 }]
    )
    // {"n": "a", "x": [_ {_ "k": tag 0 "v"}], "v": 1}
    t.equal(decodeReadings(fromHex('81a300616161789fbf616bc06176ffff0201'))[0]?.value, 1)
    t.throws(
      () =>
        decodeReadings(
          pack([
            [0, 'a'],
            [2, 1],
            ['ct_', 60]
          ])
        ),
      refused
    )
  }
)

t.test('what is not a pack of readings is refused with ERR_SENML', async t => {
  const cases: Record<string, Uint8Array> = {
    nothing: new Uint8Array(),
    'no record': fromHex('80'),
    'a map': fromHex('a0'),
    'a record that is not a map': fromHex('8101'),
    'no value': pack([[0, 'a']]),
    'two values': pack([
      [0, 'a'],
      [2, 1],
      [4, true]
    ]),
    'a data value': pack([
      [0, 'a'],
      [8, new Uint8Array(2)]
    ]),
    'a sum beside a value': pack([
      [0, 'a'],
      [2, 1],
      [5, 2]
    ]),
    'an integer label outside of the table': pack([
      [0, 'a'],
      [2, 1],
      [9, 2]
    ]),
    'no name': pack([[2, 1]]),
    'a name with a space': pack([
      [0, 'a b'],
      [2, 1]
    ]),
    'a name that starts with a colon': pack([
      [-2, ':'],
      [0, 'a'],
      [2, 1]
    ]),
    'a long name': pack([
      [-2, 'a'.repeat(SENML_NAME_LENGTH_MAX)],
      [0, 'a'],
      [2, 1]
    ]),
    'a text where a number belongs': pack([
      [0, 'a'],
      [2, '1']
    ]),
    'a number where a text belongs': pack([
      [0, 1],
      [2, 1]
    ]),
    'a null value': pack([
      [0, 'a'],
      [2, null]
    ]),
    NaN: pack([
      [0, 'a'],
      [2, Number.NaN]
    ]),
    'an infinite sum of base and value': pack([
      [0, 'a'],
      [-5, 1.7e308],
      [2, 1.7e308]
    ]),
    'a time beyond whole milliseconds': pack([
      [0, 'a'],
      [2, 1],
      [6, 1e15]
    ]),
    'an infinite decimal fraction': pack([
      [0, 'a'],
      [2, new Tagged(4, [400, 1])]
    ]),
    'a decimal fraction of three': pack([
      [0, 'a'],
      [2, new Tagged(4, [0, 1, 2])]
    ]),
    'a decimal fraction of one': pack([
      [0, 'a'],
      [2, new Tagged(4, [0])]
    ]),
    'another tag': pack([
      [0, 'a'],
      [2, new Tagged(1, 5)]
    ]),
    'a later version': pack([
      [-1, 11],
      [0, 'a'],
      [2, 1]
    ]),
    'two versions': pack(
      [
        [-1, 10],
        [0, 'a'],
        [2, 1]
      ],
      [
        [-1, 5],
        [0, 'a'],
        [2, 1]
      ]
    ),
    'an unknown flag': pack([
      [0, 'a'],
      [2, 1],
      ['flag_', 'fine']
    ]),
    'bytes behind the pack': Uint8Array.of(
      ...pack([
        [0, 'a'],
        [2, 1]
      ]),
      0
    ),
    'the same label twice': fromHex('81a3006161006162 0201'.replace(' ', '')),
    'text that is not UTF-8': fromHex('81a200616103 61ff'.replace(' ', '')),
    'too many records': encode(
      Array.from({ length: SENML_READINGS_MAX + 1 }, () => new Map([[2, 1]]))
    ),
    'a claimed length of 2^32': fromHex('9affffffff'),
    'a pack above the limit': new Uint8Array(SENML_BYTES_MAX + 1),
    'arrays nested 65 535 deep': new Uint8Array(SENML_BYTES_MAX).fill(0x81),
    'an extension nested 65 000 deep': Uint8Array.of(
      ...fromHex('81a16178'),
      ...new Uint8Array(65_000).fill(0x81)
    ),
    'an indefinite extension without an end': fromHex('81a161789f')
  }
  for (const [name, bytes] of Object.entries(cases))
    t.throws(() => decodeReadings(bytes), refused, name)
})

t.test('a pack cut short or with any byte changed never gives another error', async t => {
  const bytes = encodeReadings([heartRate, { ...heartRate, time: 1, value: 'note', flag: 'test' }])
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decodeReadings(bytes.subarray(0, length)), refused)
  }
  for (let index = 0; index < bytes.length; index++) {
    for (let byte = 0; byte < 256; byte++) {
      const changed = Uint8Array.from(bytes)
      changed[index] = byte
      onlySenmlErrors(changed)
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlySenmlErrors), {
    seed: 1,
    numRuns: 2000
  })
})

function onlySenmlErrors(bytes: Uint8Array): void {
  try {
    decodeReadings(bytes)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SENML')) throw error
  }
}

t.test('readings that SenML cannot carry are refused before anything is written', async t => {
  const wrong: Reading[] = [
    { ...heartRate, name: '' },
    { ...heartRate, name: 'héart' },
    { ...heartRate, time: 0.5 },
    { ...heartRate, time: 2 ** 53 },
    { ...heartRate, value: Number.NaN },
    { ...heartRate, value: Number.POSITIVE_INFINITY },
    { ...heartRate, value: '\uD800' },
    { ...heartRate, value: 'a'.repeat(SENML_TEXT_LENGTH_MAX + 1) },
    { ...heartRate, unit: '\uDFFF' }
  ]
  for (const reading of wrong) t.throws(() => encodeReadings([reading]), refused)
  t.throws(() => encodeReadings([]), refused)
  t.throws(
    () => encodeReadings(Array.from({ length: SENML_READINGS_MAX + 1 }, () => heartRate)),
    refused
  )
  const text = 'a'.repeat(SENML_TEXT_LENGTH_MAX)
  t.throws(
    () => encodeReadings(Array.from({ length: 17 }, () => ({ ...heartRate, value: text }))),
    refused
  )
})

t.test('a second of a 250 Hz waveform takes 8 to 12 bytes a sample', async t => {
  const samples = Array.from({ length: 250 }, (_, index) => ({
    name: '76282-3',
    unit: 'mV',
    time: heartRate.time + index * 4,
    value: Math.round(1000 * Math.sin(index / 10))
  }))
  const bytes = encodeReadings(samples)
  t.ok(bytes.length / samples.length < 12, `${bytes.length / samples.length} bytes a sample`)
  t.same(decodeReadings(bytes), samples)
})
