import { p256 } from '@noble/curves/nist.js'
import { bytesToNumberBE } from '@noble/curves/utils.js'
import { BoundedCache } from './bounded-cache.ts'
import { CHECKED_KEYS_MAX } from './ed25519-rule.ts'

/** Length of an ES256 public key: a compressed P-256 point, in bytes (SEC 1, 2.3.3). */
export const ES256_PUBLIC_KEY_BYTES: number = 33

/** Length of an ES256 signature: r, then s, big-endian, in bytes (RFC 9053, 2.1). */
export const ES256_SIGNATURE_BYTES: number = 64

const ORDER = p256.Point.Fn.ORDER
const HALF_ORDER = ORDER >> 1n

const checkedKeys = new BoundedCache<true>(CHECKED_KEYS_MAX)

/** Whether bytes are a compressed point of P-256, the one form the ledger accepts (one key, one name). */
export function isEs256PublicKey(key: Uint8Array): boolean {
  if (key.length !== ES256_PUBLIC_KEY_BYTES) return false
  if (checkedKeys.get(key) === true) return true
  try {
    p256.Point.fromBytes(key)
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
  const r = bytesToNumberBE(signature.subarray(0, 32))
  const s = bytesToNumberBE(signature.subarray(32))
  return r > 0n && r < ORDER && s > 0n && s <= HALF_ORDER && isEs256PublicKey(publicKey)
}

/** The ECDSA equation over SHA-256 (FIPS 186-5, 6.4.2), after {@link precheckEs256}. */
export function es256EquationHolds(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array
): boolean {
  return p256.verify(signature, message, publicKey, { lowS: true, prehash: true })
}
