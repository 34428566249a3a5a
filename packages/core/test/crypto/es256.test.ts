import t from 'tap'
import * as fc from 'fast-check'
import { p256 } from '@noble/curves/nist.js'
import { concatBytes, fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import {
  es256FromDer,
  es256PublicKey,
  es256PublicKeyFromSec1,
  normalizeEs256,
  signEs256,
  verifyEs256
} from '../../src/crypto/es256.ts'
import { es256EquationHolds, isEs256PublicKey } from '../../src/crypto/es256-rule.ts'

const ORDER = p256.Point.Fn.ORDER

// RFC 6979, A.2.5: P-256 with SHA-256. The s of "sample" is high, that of "test" low.
const SECRET = fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')
const PUBLIC_X = '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6'
const PUBLIC_Y = '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299'
const RFC_6979 = [
  {
    message: 'sample',
    r: 'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716',
    s: 'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8'
  },
  {
    message: 'test',
    r: 'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367',
    s: '019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083'
  }
]

const KEY = es256PublicKey(SECRET)
const MESSAGE = utf8('one reading')
const SIGNATURE = signEs256(SECRET, MESSAGE)
const R = SIGNATURE.subarray(0, 32)
const S = SIGNATURE.subarray(32)

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}

function scalar(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0'))
}

t.test('keys and signatures are those of RFC 6979, with low S', async t => {
  t.equal(toHex(KEY), `03${PUBLIC_X}`)
  for (const vector of RFC_6979) {
    const published = fromHex(vector.r + vector.s)
    const message = utf8(vector.message)
    const signature = signEs256(SECRET, message)
    t.same(signature, normalizeEs256(published))
    t.equal(verifyEs256(KEY, message, signature), true)
    t.equal(verifyEs256(KEY, MESSAGE, signature), false)
  }
  const [high, low] = RFC_6979.map(vector => fromHex(vector.r + vector.s))
  t.not(toHex(normalizeEs256(high!)), toHex(high!))
  t.equal(verifyEs256(KEY, utf8('sample'), high!), false, 'high S is refused')
  t.same(normalizeEs256(low!), low)
})

t.test('numbers out of range are refused', async t => {
  t.equal(verifyEs256(KEY, MESSAGE, SIGNATURE), true)
  const bad: Record<string, Uint8Array> = {
    'high S': concatBytes([R, scalar(ORDER - number(S))]),
    'r = 0': concatBytes([scalar(0n), S]),
    's = 0': concatBytes([R, scalar(0n)]),
    'r = n': concatBytes([scalar(ORDER), S]),
    's = n': concatBytes([R, scalar(ORDER)]),
    'r = 2^256 - 1': concatBytes([scalar(2n ** 256n - 1n), S]),
    'all zero': new Uint8Array(64),
    'one byte short': SIGNATURE.subarray(0, 63),
    'one byte long': concatBytes([SIGNATURE, Uint8Array.of(0)]),
    DER: p256.Signature.fromBytes(SIGNATURE).toBytes('der')
  }
  for (const [name, signature] of Object.entries(bad)) {
    t.equal(verifyEs256(KEY, MESSAGE, signature), false, name)
  }
})

t.test('only a compressed point of the curve is a key', async t => {
  const uncompressed = fromHex(`04${PUBLIC_X}${PUBLIC_Y}`)
  const bad: Record<string, Uint8Array> = {
    uncompressed,
    hybrid: fromHex(`07${PUBLIC_X}${PUBLIC_Y}`),
    'a bare x': KEY.subarray(1),
    'the point at infinity': Uint8Array.of(0),
    'infinity, padded': new Uint8Array(33),
    'another prefix': KEY.with(0, 4),
    'x = p': concatBytes([Uint8Array.of(2), scalar(p256.Point.Fp.ORDER)]),
    'x off the curve': concatBytes([Uint8Array.of(2), scalar(1n)])
  }
  t.equal(isEs256PublicKey(KEY), true)
  for (const [name, key] of Object.entries(bad)) {
    t.equal(isEs256PublicKey(key), false, name)
    t.equal(verifyEs256(key, MESSAGE, SIGNATURE), false, name)
  }
  t.same(es256PublicKeyFromSec1(uncompressed), KEY)
  t.same(es256PublicKeyFromSec1(KEY), KEY)
  t.throws(() => es256PublicKeyFromSec1(uncompressed.with(64, 0)), { code: 'ERR_KEY_INVALID' })
})

t.test('a DER signature becomes raw and low', async t => {
  for (const s of [number(S), ORDER - number(S)]) {
    const der = new p256.Signature(number(R), s).toBytes('der')
    t.same(es256FromDer(der), SIGNATURE)
    t.throws(() => es256FromDer(der.subarray(0, -1)), { code: 'ERR_SIGNATURE_INVALID' })
    t.throws(() => es256FromDer(concatBytes([der, Uint8Array.of(0)])), {
      code: 'ERR_SIGNATURE_INVALID'
    })
  }
  t.throws(() => es256FromDer(fromHex('3006020100020101')), { code: 'ERR_SIGNATURE_INVALID' })
})

t.test('only a signature can be normalised', async t => {
  t.throws(() => normalizeEs256(SIGNATURE.subarray(1)), { code: 'ERR_SIGNATURE_INVALID' })
  t.throws(() => normalizeEs256(concatBytes([R, scalar(ORDER)])), { code: 'ERR_SIGNATURE_INVALID' })
})

t.test('a secret key out of range is an error', async t => {
  for (const secret of [scalar(0n), scalar(ORDER), new Uint8Array(31)]) {
    t.throws(() => es256PublicKey(secret), { code: 'ERR_KEY_INVALID' })
    t.throws(() => signEs256(secret, MESSAGE), { code: 'ERR_KEY_INVALID' })
  }
  t.same(es256PublicKey(scalar(ORDER - 1n)), p256.Point.BASE.negate().toBytes())
})

t.test('a flipped bit anywhere makes a signature invalid', async () => {
  fc.assert(
    fc.property(
      fc.bigInt(1n, ORDER - 1n),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      (secret, message, at) => {
        const key = es256PublicKey(scalar(secret))
        const signature = signEs256(scalar(secret), message)
        const all = concatBytes([key, message, signature])
        const bit = at % (all.length * 8)
        const bad = all.with(bit >> 3, all[bit >> 3]! ^ (1 << (bit & 7)))
        const end = 33 + message.length
        return (
          verifyEs256(key, message, signature) &&
          !verifyEs256(bad.subarray(0, 33), bad.subarray(33, end), bad.subarray(end))
        )
      }
    ),
    { seed: 6979, numRuns: 40 }
  )
})

t.test('the equation has the verdict of the library that it leaves out', async t => {
  const small = fc.bigInt(1n, 3n)
  const scalars = fc.oneof(
    small,
    fc.bigInt(1n, ORDER - 1n),
    small.map(each => ORDER - each)
  )
  let valid = 0
  fc.assert(
    fc.property(
      scalars,
      scalars,
      scalars,
      fc.uint8Array({ maxLength: 80 }),
      (secret, r, s, text) => {
        const key = es256PublicKey(scalar(secret))
        const signed = signEs256(scalar(secret), text)
        // Signed ones, their high twins, both numbers on their own, and no signature at all.
        const tries = [
          signed,
          concatBytes([signed.subarray(0, 32), scalar(ORDER - number(signed.subarray(32)))]),
          concatBytes([scalar(r), signed.subarray(32)]),
          concatBytes([signed.subarray(0, 32), scalar(s)]),
          concatBytes([scalar(r), scalar(s)])
        ]
        return tries.every(signature => {
          const expected = p256.verify(signature, text, key, { lowS: false, prehash: true })
          if (expected) valid += 1
          return es256EquationHolds(key, text, signature) === expected
        })
      }
    ),
    { seed: 186, numRuns: 40 }
  )
  t.ok(valid >= 80, `${valid} signatures were valid`)
})

t.test(
  'a signature for a chosen R has the verdict of the library, at the edges of R too',
  async t => {
    // From r and u1, u2: Q = (R - u1 G) / u2, s = r / u2, h = u1 s. The hash cannot be chosen, so u1 follows from it.
    const { Point } = p256
    const h = Point.Fn.create(number(sha256(MESSAGE)))
    for (const k of [1n, 2n, 3n, ORDER - 1n, ORDER - 2n, 0x51f15eedn]) {
      const R = Point.BASE.multiply(k)
      const r = Point.Fn.create(R.x)
      for (const s of [1n, 2n, 5n, ORDER >> 1n]) {
        const inverse = Point.Fn.inv(s)
        const Q = R.subtract(Point.BASE.multiplyUnsafe(Point.Fn.mul(h, inverse))).multiplyUnsafe(
          Point.Fn.inv(Point.Fn.mul(r, inverse))
        )
        const signature = concatBytes([scalar(r), scalar(s)])
        t.equal(verifyEs256(Q.toBytes(), MESSAGE, signature), true)
        t.equal(p256.verify(signature, MESSAGE, Q.toBytes()), true)
        t.equal(verifyEs256(Q.negate().toBytes(), MESSAGE, signature), false)
      }
    }
  }
)
