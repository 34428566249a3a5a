import { createHash } from 'node:crypto'

/**
 * Ed25519 arithmetic written from RFC 8032, 5.1 and 6, and nothing else: slow, and independent of
 * every implementation under test. It makes the keys and signatures that no honest signer makes.
 */
export interface ReferencePoint {
  readonly x: bigint
  readonly y: bigint
  readonly z: bigint
  readonly t: bigint
}

/** The field prime. */
export const P: bigint = 2n ** 255n - 19n
/** The order of the base point. */
export const L: bigint = 2n ** 252n + 27742317777372353535851937790883648493n

const D = mod(-121665n * power(121666n, P - 2n))

/** The base point. */
export const BASE: ReferencePoint = affine(
  15112221349535400772501151409588531511454012693041857206046113283949847762202n,
  46316835694926478169428394003475163141307993866256225615783033603165251855960n
)
/** The neutral point. */
export const IDENTITY: ReferencePoint = affine(0n, 1n)

/** A point of order eight: its multiples are all the points of small order. */
export const ORDER_EIGHT: ReferencePoint = decode(
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
)

/** `value` in 0 .. modulus - 1. */
export function mod(value: bigint, modulus: bigint = P): bigint {
  const rest = value % modulus
  return rest < 0n ? rest + modulus : rest
}

/** Point addition (RFC 8032, 5.1.4). */
export function add(a: ReferencePoint, b: ReferencePoint): ReferencePoint {
  const A = mod((a.y - a.x) * (b.y - b.x))
  const B = mod((a.y + a.x) * (b.y + b.x))
  const C = mod(2n * a.t * b.t * D)
  const E = mod(2n * a.z * b.z)
  return {
    x: mod((B - A) * (E - C)),
    y: mod((E + C) * (B + A)),
    z: mod((E - C) * (E + C)),
    t: mod((B - A) * (B + A))
  }
}

/** Double and add; any scalar that is not negative. */
export function multiply(scalar: bigint, point: ReferencePoint): ReferencePoint {
  let sum = IDENTITY
  for (let rest = scalar, p = point; rest > 0n; rest >>= 1n, p = add(p, p)) {
    if (rest % 2n === 1n) sum = add(sum, p)
  }
  return sum
}

/** The canonical encoding (RFC 8032, 5.1.2). */
export function encode(point: ReferencePoint): Uint8Array {
  const inverse = power(point.z, P - 2n)
  const x = mod(point.x * inverse)
  return littleEndian(mod(point.y * inverse) + ((x % 2n) << 255n))
}

/** 32 bytes, little-endian. */
export function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex')).toReversed()
}

/** The number of little-endian bytes. */
export function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`)
}

/** k = SHA-512(R || A || message) mod L. */
export function challenge(r: Uint8Array, key: Uint8Array, message: Uint8Array): bigint {
  const digest = createHash('sha512').update(r).update(key).update(message).digest()
  return fromLittleEndian(digest) % L
}

function affine(x: bigint, y: bigint): ReferencePoint {
  return { x, y, z: 1n, t: mod(x * y) }
}

function decode(hex: string): ReferencePoint {
  const value = fromLittleEndian(Buffer.from(hex, 'hex'))
  const y = value % 2n ** 255n
  const square = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n))
  let x = power(square, (P + 3n) / 8n)
  if (mod(x * x - square) !== 0n) x = mod(x * power(2n, (P - 1n) / 4n))
  return affine(x % 2n === value >> 255n ? x : P - x, y)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let rest = exponent, b = mod(base); rest > 0n; rest >>= 1n, b = mod(b * b)) {
    if (rest % 2n === 1n) result = mod(result * b)
  }
  return result
}
