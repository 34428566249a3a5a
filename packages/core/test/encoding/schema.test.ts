import t, { type Test } from 'tap'
import { fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import {
  boolean,
  bytes,
  format,
  hash32,
  integer,
  list,
  literal,
  mapped,
  milliseconds,
  optional,
  tagged,
  text,
  tuple,
  u32,
  uint,
  union,
  type Codec
} from '../../src/encoding/schema.ts'

function refuses<T>(t: Test, codec: Codec<T>, values: readonly CborValue[]): void {
  for (const value of values)
    t.throws(() => codec.read(value, 'here'), { code: 'ERR_SCHEMA', values: { path: 'here' } })
}

t.test('integers are taken within their bounds, both included', async t => {
  for (const value of [-3, 0, 9]) t.equal(integer(-3, 9).read(value, ''), value)
  refuses(t, integer(-3, 9), [-4, 10, '1', null, true, fromHex('01'), [1]])
  for (const value of [0, 0xffff_ffff]) t.equal(u32.read(value, ''), value)
  refuses(t, u32, [-1, 0x1_0000_0000])
  t.equal(uint().read(Number.MAX_SAFE_INTEGER, ''), Number.MAX_SAFE_INTEGER)
  refuses(t, uint(), [-1, Number.MAX_SAFE_INTEGER + 1, 0.5, Number.NaN])
  t.equal(milliseconds.read(Number.MIN_SAFE_INTEGER, ''), Number.MIN_SAFE_INTEGER)
})

t.test('byte strings are taken at their exact length or within two lengths', async t => {
  t.same(bytes(2).read(fromHex('0102'), ''), fromHex('0102'))
  refuses(t, bytes(2), [fromHex('01'), fromHex('010203'), 'ab', [1, 2], null])
  for (const hex of ['01', '0102', '010203'])
    t.same(bytes(1, 3).read(fromHex(hex), ''), fromHex(hex))
  refuses(t, bytes(1, 3), [fromHex(''), fromHex('01020304')])
  refuses(t, hash32, [new Uint8Array(31), new Uint8Array(33)])
})

t.test('texts hold 1 to the limit of characters and nothing that could forge a line', async t => {
  t.equal(text(5).read('Köln ', ''), 'Köln ')
  refuses(t, text(5), ['', 'abcdef', 'a\nb', 'a\u001bb', 'a\u007f', 'a\u0085b', 'a\u0000', 5, null])
})

t.test('booleans, literals and optional values are taken as they are and nothing else', async t => {
  t.equal(boolean.read(false, ''), false)
  refuses(t, boolean, [0, 1, null, 'true'])
  t.equal(literal('a').read('a', ''), 'a')
  refuses(t, literal('a'), ['b', 1, null])
  refuses(t, literal(1), ['1', 2])
  t.equal(optional(u32).read(null, ''), undefined)
  t.equal(optional(u32).write(undefined), null)
  t.equal(optional(u32).read(7, ''), 7)
  refuses(t, optional(u32), ['7', -1])
})

t.test('an error names the path of its fault', async t => {
  const codec = tuple({ name: text(9), places: list(tuple({ boot: u32, seq: uint() }), 3, 1) })
  const at = (value: CborValue, path: string): void => {
    t.throws(() => codec.read(value, 'log'), { code: 'ERR_SCHEMA', values: { path } })
  }
  t.same(codec.read(['a', [[1, 2]]], 'log'), { name: 'a', places: [{ boot: 1, seq: 2 }] })
  at(5, 'log')
  at(['a'], 'log')
  at(['a', [[1, 2]], 1], 'log')
  at([1, [[1, 2]]], 'log.name')
  at(['a', []], 'log.places')
  at(['a', Array.from({ length: 4 }, () => [1, 2])], 'log.places')
  at(['a', [[1, 2], [1]]], 'log.places[1]')
  at(
    [
      'a',
      [
        [1, 2],
        [1, -2]
      ]
    ],
    'log.places[1].seq'
  )
})

t.test('a document of another kind or version is refused', async t => {
  const codec = tagged(['vitalchain/test', 1], { value: u32 })
  t.same(codec.write({ value: 5 }), ['vitalchain/test', 1, 5])
  t.same(codec.read(['vitalchain/test', 1, 5], ''), { value: 5 })
  refuses(t, codec, [
    ['vitalchain/test', 2, 5],
    ['vitalchain/other', 1, 5],
    ['vitalchain/test', 1],
    [1],
    5
  ])
  refuses(t, codec, [['vitalchain/test', 1, 5, 5]])
})

type Shape = { readonly type: 'dot' } | { readonly type: 'line'; readonly length: number }

t.test('a union takes its known cases and fails closed on others', async t => {
  const codec = union<Shape>({ dot: [1, {}], line: [4, { length: u32 }] })
  for (const value of [{ type: 'dot' }, { type: 'line', length: 3 }] as const)
    t.same(codec.read(codec.write(value), ''), value)
  t.same(codec.write({ type: 'line', length: 3 }), [4, 3])
  refuses(t, codec, [[2], [], 1, ['1'], [1, 1], [4], null])
  t.throws(() => codec.read([4, 'a'], 'shape'), {
    code: 'ERR_SCHEMA',
    values: { path: 'shape.length' }
  })
})

t.test(
  'the names of fields come from the format, so an input cannot reach a prototype',
  async t => {
    const codec = tuple({ value: u32 })
    const read = codec.read([1], '')
    t.strictSame(Object.keys(read), ['value'])
    refuses(t, codec as Codec<unknown>, [new Map<CborValue, CborValue>([['__proto__', 1]])])
  }
)

t.test('a mapped codec converts both ways and knows its path', async t => {
  const paths: string[] = []
  const codec = mapped(
    u32,
    (value, path) => {
      paths.push(path)
      return `${value}`
    },
    value => Number(value)
  )
  t.equal(codec.read(5, 'here'), '5')
  t.equal(codec.write('5'), 5)
  t.same(paths, ['here'])
})

t.test('a format has a size limit and a name', async t => {
  const doc = format('doc', 4, tuple({ value: text(9) }))
  t.equal(toHex(doc.encode({ value: 'ab' })), '81626162')
  t.same(doc.decode(fromHex('81626162')), { value: 'ab' })
  t.throws(() => doc.decode(doc.encode({ value: 'abc' })), { code: 'ERR_TOO_LARGE' })
  t.throws(() => doc.decode(encodeCbor([1])), { code: 'ERR_SCHEMA', values: { path: 'doc.value' } })
  t.throws(() => doc.decode(utf8('abc')), { code: 'ERR_ENCODING' })
  t.same(decodeCbor(doc.encode({ value: 'ab' }), doc.bytesMax), ['ab'])
})
