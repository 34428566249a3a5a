import { weierstrass } from '@noble/curves/abstract/weierstrass.js'
import { bytesToNumberBE } from '@noble/curves/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { BoundedCache } from './bounded-cache.ts'
import { CHECKED_KEYS_MAX } from './ed25519-rule.ts'

/** Length of an ES256 public key: a compressed P-256 point, in bytes (SEC 1, 2.3.3). */
export const ES256_PUBLIC_KEY_BYTES: number = 33

/** Length of an ES256 signature: r, then s, big-endian, in bytes (RFC 9053, 2.1). */
export const ES256_SIGNATURE_BYTES: number = 64

/**
 * P-256 (SP 800-186, 3.2.1.3). Only its points are made here: the library's whole ECDSA, with signing, DER and key
 * agreement, would be a sixth of the verifier that a page downloads.
 */
const Point = weierstrass({
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  h: 1n,
  a: 0xffffffff00000001000000000000000000000000fffffffffffffffffffffffcn,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  Gx: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  Gy: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n
})
const { Fn } = Point
const HALF_ORDER = Fn.ORDER >> 1n

const checkedKeys = new BoundedCache<true>(CHECKED_KEYS_MAX)

/** Whether bytes are a compressed point of P-256, the one form the ledger accepts (one key, one name). */
export function isEs256PublicKey(key: Uint8Array): boolean {
  if (key.length !== ES256_PUBLIC_KEY_BYTES) return false
  if (checkedKeys.get(key) === true) return true
  try {
    Point.fromBytes(key)
  } catch {
    return false
  }
  checkedKeys.set(key, true)
  return true
}

/**
 * The cheap part of the rule, which every verifier applies before any backend is asked: lengths,
 * 0 < r < n, 0 < s <= n/2 (low-S, so that nobody else can make a second signature out of a valid
 * one), and a compressed public key on the curve (checked once, then remembered).
 */
export function precheckEs256(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== ES256_SIGNATURE_BYTES) return false
  const [r, s] = numbers(signature)
  return r > 0n && r < Fn.ORDER && s > 0n && s <= HALF_ORDER && isEs256PublicKey(publicKey)
}

/**
 * The ECDSA equation over SHA-256 (FIPS 186-5, 6.4.2), after {@link precheckEs256}: whether the point
 * (h / s) G + (r / s) Q is not the one at infinity and its x, modulo n, is r.
 */
export function es256EquationHolds(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array
): boolean {
  const [r, s] = numbers(signature)
  const h = Fn.create(bytesToNumberBE(sha256(message)))
  const inverse = Fn.inv(s)
  const sum = Point.BASE.mulAddUnsafe(
    Fn.mul(h, inverse),
    Point.fromBytes(publicKey),
    Fn.mul(r, inverse)
  )
  return !sum.is0() && Fn.create(sum.x) === r
}

/** r and s of a signature. */
function numbers(signature: Uint8Array): readonly [r: bigint, s: bigint] {
  return [bytesToNumberBE(signature.subarray(0, 32)), bytesToNumberBE(signature.subarray(32))]
}
