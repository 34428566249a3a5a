import t from 'tap'
import * as fc from 'fast-check'
import { ed25519 } from '@noble/curves/ed25519.js'
import { concatBytes, fromHex, toHex } from '../../src/bytes.ts'
import { ed25519EquationHolds, isEd25519PublicKey } from '../../src/crypto/ed25519-rule.ts'
import { ed25519PublicKey, signEd25519, verifyEd25519 } from '../../src/crypto/ed25519.ts'

const { Point } = ed25519
const FIELD_PRIME = 2n ** 255n - 19n

// RFC 8032, section 7.1: TEST 1, 2, 3 and SHA(abc).
const RFC_8032 = [
  {
    secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    public: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
  },
  {
    secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    public: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
  },
  {
    secret: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    public: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
  },
  {
    secret: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    public: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704'
  }
]

// The eight points of small order, as multiples of one of order eight.
const ORDER_EIGHT = Point.fromHex(
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
)
const SMALL_ORDER = Array.from({ length: 8 }, (_, i) => ORDER_EIGHT.multiplyUnsafe(BigInt(i)))

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).toReversed()
}

t.test('keys and signatures are those of RFC 8032', async t => {
  for (const vector of RFC_8032) {
    const secret = fromHex(vector.secret)
    const message = fromHex(vector.message)
    const publicKey = ed25519PublicKey(secret)
    const signature = signEd25519(secret, message)
    t.equal(toHex(publicKey), vector.public)
    t.equal(toHex(signature), vector.signature)
    t.equal(verifyEd25519(publicKey, message, signature), true)
    t.equal(verifyEd25519(publicKey, concatBytes([message, message, secret]), signature), false)
  }
})

t.test('no point of small order is a key', async t => {
  t.equal(new Set(SMALL_ORDER.map(point => point.toHex())).size, 8)
  for (const point of SMALL_ORDER) t.equal(isEd25519PublicKey(point.toBytes()), false)
})

t.test('no point of mixed order is a key', async t => {
  const key = Point.fromBytes(ed25519PublicKey(new Uint8Array(32).fill(3)))
  SMALL_ORDER.forEach((torsion, i) =>
    t.equal(isEd25519PublicKey(key.add(torsion).toBytes()), i === 0)
  )
})

t.test('no key has a second encoding', async t => {
  // Only y < 19 leaves room for y + p in 255 bits.
  for (let y = 0n; y < 19n; y += 1n) {
    for (const sign of [0n, 1n << 255n]) {
      t.equal(isEd25519PublicKey(littleEndian(y + FIELD_PRIME + sign)), false)
    }
  }
  // x = 0 has no sign: y = 1 and y = -1 with the sign bit set.
  t.equal(isEd25519PublicKey(littleEndian(1n + (1n << 255n))), false)
  t.equal(isEd25519PublicKey(littleEndian(FIELD_PRIME - 1n + (1n << 255n))), false)
})

t.test('bytes off the curve or of another length are no key', async t => {
  t.equal(isEd25519PublicKey(littleEndian(2n)), false)
  const key = ed25519PublicKey(new Uint8Array(32).fill(3))
  t.equal(isEd25519PublicKey(key), true)
  t.equal(isEd25519PublicKey(key), true, 'also when remembered')
  t.equal(isEd25519PublicKey(key.subarray(1)), false)
  t.equal(isEd25519PublicKey(concatBytes([key, Uint8Array.of(0)])), false)
})

t.test('a signature of another length is refused', async t => {
  const secret = new Uint8Array(32).fill(3)
  const key = ed25519PublicKey(secret)
  const signature = signEd25519(secret, key)
  t.equal(verifyEd25519(key, key, signature), true)
  t.equal(verifyEd25519(key, key, signature.subarray(0, 63)), false)
  t.equal(verifyEd25519(key, key, concatBytes([signature, Uint8Array.of(0)])), false)
  t.equal(verifyEd25519(key, key, new Uint8Array()), false)
})

t.test('the verdict stays the same when a key gets its table', async t => {
  const secret = new Uint8Array(32).fill(5)
  const key = ed25519PublicKey(secret)
  for (let i = 0; i < 20; i += 1) {
    const message = Uint8Array.of(i)
    const signature = signEd25519(secret, message)
    t.equal(ed25519EquationHolds(key, message, signature), true)
    t.equal(ed25519EquationHolds(key, Uint8Array.of(i + 1), signature), false)
  }
})

t.test('a flipped bit anywhere makes a signature invalid', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      (secret, message, at) => {
        const key = ed25519PublicKey(secret)
        const signature = signEd25519(secret, message)
        const all = concatBytes([key, message, signature])
        const bit = at % (all.length * 8)
        const bad = all.with(bit >> 3, all[bit >> 3]! ^ (1 << (bit & 7)))
        const end = 32 + message.length
        return (
          verifyEd25519(key, message, signature) &&
          !verifyEd25519(bad.subarray(0, 32), bad.subarray(32, end), bad.subarray(end))
        )
      }
    ),
    { seed: 8032, numRuns: 60 }
  )
})

t.test('a secret key of another length is an error', async t => {
  t.throws(() => ed25519PublicKey(new Uint8Array(31)), { code: 'ERR_KEY_INVALID' })
  t.throws(() => signEd25519(new Uint8Array(64), new Uint8Array()), { code: 'ERR_KEY_INVALID' })
})
