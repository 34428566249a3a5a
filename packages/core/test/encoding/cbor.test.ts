import * as fc from 'fast-check'
import t from 'tap'
import { concatBytes, fromHex, toHex, u32be, u8, utf8 } from '../../src/bytes.ts'
import {
  CBOR_DEPTH_MAX,
  CBOR_ITEMS_MAX,
  decodeCbor,
  encodeCbor,
  tagSign1,
  untagSign1,
  type CborValue
} from '../../src/encoding/cbor.ts'
import { errorCode, isVitalchainError } from '../../src/errors.ts'
import { referenceVerdict } from './cbor-reference.ts'

const BYTES_MAX = 100_000

const scalar: fc.Arbitrary<CborValue> = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 })
)
const { value } = fc.letrec<{ value: CborValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 30 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(fc.maxSafeInteger(), fc.string()), tie('value')), {
        selector: ([key]) => key,
        maxLength: 8
      })
      .map(entries => new Map(entries)),
    tie('value').map(tagSign1)
  )
}))

t.test('every value comes back from its encoding', async t => {
  fc.assert(
    fc.property(value, value => {
      const encoded = encodeCbor(value)
      t.same(toHex(encodeCbor(decodeCbor(encoded, BYTES_MAX))), toHex(encoded))
      t.strictSame(decodeCbor(encoded, BYTES_MAX), withKeysSorted(value))
    }),
    { numRuns: 300, seed: 1 }
  )
})

function isMap(value: CborValue): value is ReadonlyMap<CborValue, CborValue> {
  return value instanceof Map
}

/** A decoded map is in the order of its keys' encodings. */
function withKeysSorted(value: CborValue): CborValue {
  const inner = untagSign1(value)
  if (inner !== undefined) return tagSign1(withKeysSorted(inner))
  if (Array.isArray(value)) return value.map(withKeysSorted)
  if (!isMap(value)) return Object.is(value, -0) ? 0 : value
  const sorted = [...value].toSorted(([a], [b]) =>
    toHex(encodeCbor(a)) < toHex(encodeCbor(b)) ? -1 : 1
  )
  return new Map(sorted.map(([key, each]) => [key, withKeysSorted(each)]))
}

t.test('the encodings of RFC 8949 appendix A come out', async t => {
  const examples: readonly (readonly [CborValue, string])[] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1_000_000, '1a000f4240'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-1_000, '3903e7'],
    [fromHex('01020304'), '4401020304'],
    ['\u00fc', '62c3bc'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [
      Array.from({ length: 25 }, (_, k) => k + 1),
      '98190102030405060708090a0b0c0d0e0f101112131415161718181819'
    ],
    [
      new Map<CborValue, CborValue>([
        [3, 4],
        [1, 2]
      ]),
      'a201020304'
    ],
    [null, 'f6'],
    [true, 'f5']
  ]
  for (const [value, hex] of examples) t.equal(toHex(encodeCbor(value)), hex)
})

t.test('map keys are sorted by their encoding, not by their length first', async t => {
  const map = new Map<CborValue, CborValue>([
    ['z', 1],
    [-1, 2],
    [100, 3],
    [10, 4],
    ['aa', 5]
  ])
  t.equal(toHex(encodeCbor(map)), 'a50a041864032002617a0162616105')
})

const refused: readonly (readonly [why: string, hex: string, code: string])[] = [
  ['an integer in one byte too many', '1817', 'ERR_NOT_CANONICAL'],
  ['an integer in two bytes for one', '1900ff', 'ERR_NOT_CANONICAL'],
  ['an integer in four bytes for two', '1a0000ffff', 'ERR_NOT_CANONICAL'],
  ['an integer in eight bytes for four', '1b00000000ffffffff', 'ERR_NOT_CANONICAL'],
  ['a negative integer that is too long', '3800', 'ERR_NOT_CANONICAL'],
  ['an integer above 2^53 - 1', '1b0020000000000000', 'ERR_ENCODING'],
  ['an integer below -(2^53 - 1)', '3b001fffffffffffff', 'ERR_ENCODING'],
  ['a byte string with a long length', '580100', 'ERR_NOT_CANONICAL'],
  ['a text with a long length', '780161', 'ERR_NOT_CANONICAL'],
  ['an array with a long length', '980100', 'ERR_NOT_CANONICAL'],
  ['a map with a long length', 'b8010000', 'ERR_NOT_CANONICAL'],
  ['a tag with a long number', 'd81200', 'ERR_NOT_CANONICAL'],
  ['an array of indefinite length', '9f00ff', 'ERR_ENCODING'],
  ['a map of indefinite length', 'bf0000ff', 'ERR_ENCODING'],
  ['bytes of indefinite length', '5f4100ff', 'ERR_ENCODING'],
  ['a text of indefinite length', '7f6161ff', 'ERR_ENCODING'],
  ['keys out of order', 'a203040102', 'ERR_NOT_CANONICAL'],
  ['keys sorted by length first, as in RFC 7049', 'a22000186400', 'ERR_NOT_CANONICAL'],
  ['an integer key twice', 'a201020103', 'ERR_ENCODING'],
  ['a text key twice', 'a2616100616101', 'ERR_ENCODING'],
  ['a byte string key twice', 'a2410100410100', 'ERR_ENCODING'],
  ['a half float', 'f93e00', 'ERR_ENCODING'],
  ['a single float', 'fa47c35000', 'ERR_ENCODING'],
  ['a double', 'fb3ff199999999999a', 'ERR_ENCODING'],
  ['a whole number as a float', 'f93c00', 'ERR_ENCODING'],
  ['negative zero', 'f98000', 'ERR_ENCODING'],
  ['infinity', 'f97c00', 'ERR_ENCODING'],
  ['not a number', 'f97e00', 'ERR_ENCODING'],
  ['undefined', 'f7', 'ERR_ENCODING'],
  ['a simple value', 'e0', 'ERR_ENCODING'],
  ['a simple value in two bytes', 'f8ff', 'ERR_ENCODING'],
  ['a tag other than 18: a time', 'c100', 'ERR_ENCODING'],
  ['a tag other than 18: a large integer', 'c249010000000000000000', 'ERR_ENCODING'],
  ['a tag other than 18: self-described CBOR', 'd9d9f700', 'ERR_ENCODING'],
  ['a break on its own', 'ff', 'ERR_ENCODING'],
  ['a reserved length', '1c', 'ERR_ENCODING'],
  ['a text that is not UTF-8', '61ff', 'ERR_NOT_CANONICAL'],
  ['a text in overlong UTF-8', '62c080', 'ERR_NOT_CANONICAL'],
  ['a text with half of a surrogate pair', '63eda080', 'ERR_NOT_CANONICAL'],
  ['a byte behind the item', '0000', 'ERR_ENCODING'],
  ['nothing', '', 'ERR_ENCODING'],
  ['a tag with nothing in it', 'd2', 'ERR_ENCODING'],
  ['an array of 2^53 - 1 items', '9b001fffffffffffff', 'ERR_ENCODING'],
  ['an array of 2^64 - 1 items', '9bffffffffffffffff', 'ERR_ENCODING'],
  ['an array of 2^32 - 1 items', '9affffffff00', 'ERR_ENCODING'],
  ['a map of 2^53 - 1 pairs', 'bb001fffffffffffff', 'ERR_ENCODING'],
  ['a byte string of 2^53 - 1 bytes', '5b001fffffffffffff00', 'ERR_ENCODING'],
  ['a text of 2^32 - 1 bytes', '7affffffff61', 'ERR_ENCODING']
]

for (const [why, hex, code] of refused) {
  t.test(`refused: ${why}`, async t => {
    t.throws(() => decodeCbor(fromHex(hex), BYTES_MAX), { name: 'VitalchainError', code })
  })
}

t.test('every beginning of an encoding is refused', async t => {
  const whole = encodeCbor([
    1,
    'two',
    fromHex('03'.repeat(40)),
    new Map([[4, [5, null, true]]]),
    -600
  ])
  for (let length = 0; length < whole.length; length++)
    t.throws(() => decodeCbor(whole.subarray(0, length), BYTES_MAX), { code: 'ERR_ENCODING' })
})

function nested(depth: number): Uint8Array {
  return concatBytes([new Uint8Array(depth).fill(0x81), u8(0)])
}

t.test('nesting is allowed up to the limit and refused beyond it', async t => {
  t.doesNotThrow(() => decodeCbor(nested(CBOR_DEPTH_MAX), BYTES_MAX))
  t.throws(() => decodeCbor(nested(CBOR_DEPTH_MAX + 1), BYTES_MAX), { code: 'ERR_ENCODING' })
})

t.test('many items side by side are not nesting', async t => {
  const flat = Array.from({ length: 5_000 }, (_, k) => [k, [k], new Map([[k, []]])])
  t.strictSame(decodeCbor(encodeCbor(flat), BYTES_MAX), flat)
})

function flat(items: number): Uint8Array {
  return concatBytes([u8(0x9a), u32be(items), new Uint8Array(items).fill(0xa0)])
}

t.test('more items than any document has are refused, however few bytes they take', async t => {
  const bytesMax = 2 * CBOR_ITEMS_MAX
  t.doesNotThrow(() => decodeCbor(flat(CBOR_ITEMS_MAX - 1), bytesMax))
  t.throws(() => decodeCbor(flat(CBOR_ITEMS_MAX), bytesMax), { code: 'ERR_ENCODING' })
})

t.test(
  '60 000 levels of arrays, maps or tags are refused at once, without exhausting the stack',
  async t => {
    for (const byte of [0x81, 0xa1, 0xd2, 0x82]) {
      const before = performance.now()
      t.throws(() => decodeCbor(new Uint8Array(60_000).fill(byte), BYTES_MAX), {
        code: 'ERR_ENCODING'
      })
      t.ok(performance.now() - before < 250, 'it stopped at the limit, not at the end')
    }
  }
)

t.test('a decoded value does not change when the memory of its input is used again', async t => {
  const input = Buffer.from(encodeCbor(fromHex('010203')))
  const value = decodeCbor(input, BYTES_MAX)
  input.fill(9)
  t.strictSame(value, fromHex('010203'))
})

t.test('an input above the limit is refused before it is read', async t => {
  t.throws(() => decodeCbor(utf8('not even CBOR'), 12), {
    code: 'ERR_TOO_LARGE',
    values: { bytes: 13, bytesMax: 12 }
  })
})

t.test(
  'whatever the bytes, the answer is a value with exactly these bytes or an error of ours',
  async t => {
    const seeds = refused.map(([, hex]) => fromHex(hex))
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.tuple(fc.constantFrom(...seeds), fc.uint8Array({ maxLength: 8 })).map(concatBytes)
    )
    let values = 0
    fc.assert(
      fc.property(input, bytes => {
        try {
          const value = decodeCbor(bytes, BYTES_MAX)
          values += 1
          return toHex(encodeCbor(value)) === toHex(bytes)
        } catch (error) {
          return isVitalchainError(error)
        }
      }),
      { numRuns: 5_000, seed: 2 }
    )
    t.ok(values > 50, `${values} of the inputs were valid`)
  }
)

t.test('a general library that decodes and encodes again gives the same verdict', async t => {
  const damaged = fc
    .tuple(value, fc.nat(), fc.nat(255), fc.constantFrom('set', 'insert', 'remove', 'keep'))
    .map(([value, position, byte, how]) => {
      const bytes = [...encodeCbor(value)]
      const at = position % bytes.length
      if (how === 'set') bytes[at] = byte
      if (how === 'insert') bytes.splice(at, 0, byte)
      if (how === 'remove') bytes.splice(at, 1)
      return Uint8Array.from(bytes)
    })
  const seeds = refused.map(([, hex]) => fromHex(hex))
  // Maps of few keys in random order: the fault that needs the most luck.
  const key = fc.nat(3).map(key => [Uint8Array.of(key), Uint8Array.of(0x18, key), utf8(`A${key}`)])
  const map = fc
    .array(fc.tuple(key, fc.nat(2)), { maxLength: 4 })
    .map(keys => concatBytes([u8(0xa0 + keys.length), ...keys.flatMap(([k, v]) => [k[v]!, u8(v)])]))
  const input = fc.oneof(damaged, fc.constantFrom(...seeds), map, fc.uint8Array({ maxLength: 12 }))
  const counts = new Map<string, number>()
  fc.assert(
    fc.property(input, bytes => {
      const expected = referenceVerdict(bytes)
      if (expected === undefined) return true
      counts.set(expected, (counts.get(expected) ?? 0) + 1)
      let found = 'valid'
      try {
        decodeCbor(bytes, BYTES_MAX)
      } catch (error) {
        found = errorCode(error)
      }
      return found === expected
    }),
    { numRuns: 10_000, seed: 3 }
  )
  for (const verdict of ['valid', 'ERR_ENCODING', 'ERR_NOT_CANONICAL'])
    t.ok((counts.get(verdict) ?? 0) > 400, `${counts.get(verdict)} were ${verdict}`)
})

t.test('what is no value of the ledger is not written', async t => {
  for (const number of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)])
    t.throws(() => encodeCbor([number]), RangeError)
  t.throws(() => encodeCbor([undefined as never]), TypeError)
  t.throws(
    () =>
      encodeCbor(
        new Map([
          [u8(1), 1],
          [u8(1), 2]
        ])
      ),
    RangeError
  )
  t.equal(toHex(encodeCbor([1])), '8101', 'and the next value is written as ever')
})

t.test('a text may begin with a byte order mark', async t => {
  const marked = fromHex('64efbbbf61')
  t.equal(decodeCbor(marked, BYTES_MAX), '\uFEFFa')
  t.same(encodeCbor('\uFEFFa'), marked)
})
