import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { equalBytes } from '../bytes.ts'
import { BoundedCache } from './bounded-cache.ts'

/** Length of an Ed25519 public key, in bytes (RFC 8032, 5.1.5). */
export const ED25519_PUBLIC_KEY_BYTES: number = 32

/** Length of an Ed25519 signature: R, then S little-endian, in bytes (RFC 8032, 5.1.6). */
export const ED25519_SIGNATURE_BYTES: number = 64

/**
 * How many public keys are remembered as checked. A check is a full scalar multiplication, a
 * remembered key about 200 bytes: enough for the devices of a large hospital in some 13 MB.
 */
export const CHECKED_KEYS_MAX: number = 65_536

/**
 * How many keys keep their decoded point, and after enough uses a table of multiples, in memory. A
 * table takes about 110 KB; validators and busy gateways fit, and the cache stays below 8 MB.
 */
const HOT_KEYS_MAX = 64

/** Uses after which a table pays: building one costs about as much as it saves in seven uses. */
const USES_BEFORE_TABLE = 8

/** Window of that table, in bits: wider ones grow faster than they speed up. */
const TABLE_WINDOW_BITS = 4

const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const FIELD_PRIME = Point.Fp.ORDER
const SIGN_BIT = 1n << 255n

const checkedKeys = new BoundedCache<true>(CHECKED_KEYS_MAX)

/**
 * Whether bytes are a public key the ledger accepts: the canonical encoding of a point of prime
 * order. Points of small or mixed order are refused: with them, correct libraries disagree about
 * signatures (Chalkias et al., "Taming the many EdDSAs", 2020), and replicas that disagree fork.
 */
export function isEd25519PublicKey(key: Uint8Array): boolean {
  if (key.length !== ED25519_PUBLIC_KEY_BYTES) return false
  if (checkedKeys.get(key) === true) return true
  try {
    const point = Point.fromBytes(key)
    // The neutral element is torsion-free too, yet of order one.
    if (point.is0() || !point.isTorsionFree()) return false
  } catch {
    return false
  }
  checkedKeys.set(key, true)
  return true
}

/**
 * The cheap part of the rule, which every verifier applies before any backend is asked: lengths,
 * S below the group order, R canonical and not the neutral point, and a public key of prime order
 * (checked once, then remembered).
 */
export function precheckEd25519(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    signature.length === ED25519_SIGNATURE_BYTES &&
    bytesToNumberLE(signature.subarray(32)) < ORDER &&
    isAcceptableR(signature.subarray(0, 32)) &&
    isEd25519PublicKey(publicKey)
  )
}

/**
 * The equation of the rule, after {@link precheckEd25519}: whether encode([S]B - [k]A) equals the
 * bytes of R, with k = SHA-512(R || A || message) mod L. No cofactor (RFC 8032, 5.1.7 allows both).
 */
export function ed25519EquationHolds(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array
): boolean {
  const r = signature.subarray(0, 32)
  const digest = sha512.create().update(r).update(publicKey).update(message).digest()
  const k = bytesToNumberLE(digest) % ORDER
  const s = bytesToNumberLE(signature.subarray(32))
  const sum = Point.BASE.multiplyUnsafe(s).add(negatedPoint(publicKey).multiplyUnsafe(k))
  return equalBytes(sum.toBytes(), r)
}

/** The encoding of the neutral point, y = 1, as a number. */
const NEUTRAL = 1n

/*
 * With a key of prime order the neutral point is the only R of small order that could satisfy the
 * equation. No honest signer makes it, and verifiers differ: RFC 8032 accepts it, libsodium, WebCrypto
 * and node:crypto refuse it, the latter only in newer releases.
 */
function isAcceptableR(encoded: Uint8Array): boolean {
  const value = bytesToNumberLE(encoded)
  return value !== NEUTRAL && value % SIGN_BIT < FIELD_PRIME
}

interface HotKey {
  readonly negated: EdwardsPoint
  uses: number
}

const hotKeys = new BoundedCache<HotKey>(HOT_KEYS_MAX)

function negatedPoint(publicKey: Uint8Array): EdwardsPoint {
  let hot = hotKeys.get(publicKey)
  if (hot === undefined) {
    hot = { negated: Point.fromBytes(publicKey).negate(), uses: 0 }
    hotKeys.set(publicKey, hot)
  }
  hot.uses += 1
  // The table hangs on this point object and goes with it when the cache drops the key.
  if (hot.uses === USES_BEFORE_TABLE) hot.negated.precompute(TABLE_WINDOW_BITS)
  return hot.negated
}
