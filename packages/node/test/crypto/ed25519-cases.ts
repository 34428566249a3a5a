import {
  add,
  BASE,
  challenge,
  encode,
  fromLittleEndian,
  IDENTITY,
  L,
  littleEndian,
  mod,
  multiply,
  ORDER_EIGHT,
  P
} from './ed25519-reference.ts'
import { SPECCHECK } from './speccheck.ts'

/** One signature and what the rule says about it. */
export interface SignatureCase {
  readonly name: string
  readonly key: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
  /** The verdict of the ledger's rule. */
  readonly valid: boolean
}

interface Forgery {
  /** The secret scalar. */
  readonly a?: bigint
  /** The nonce. */
  readonly r?: bigint
  /** Which point of small order is added to A, as a multiple of one of order eight. */
  readonly torsionA?: number
  /** The same for R. */
  readonly torsionR?: number
  /** How R is written, when not canonically. */
  readonly writtenR?: Uint8Array
  readonly message?: Uint8Array
}

const SECRET_SCALAR = 0x1d5f3a9c2b7e4d6081f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e2b4d6f8a0c2e4b6n
const NONCE = 0x0b4e6d8f1a3c5e7092b4d6f8a1c3e5d7f9b0d2e4a6c8f1b3d5e7a9c0b2d4f6e8n
/** One for each point of small order but the neutral one. */
const TORSION = [1, 2, 3, 4, 5, 6, 7]

/** A signature that satisfies the equation with the cofactor, whatever is added to A and R. */
function forge(forgery: Forgery): Omit<SignatureCase, 'name' | 'valid'> {
  const { a = SECRET_SCALAR, r = NONCE, torsionA = 0, torsionR = 0 } = forgery
  const { message = Uint8Array.of(0) } = forgery
  const key = encode(add(multiply(a, BASE), multiply(BigInt(torsionA), ORDER_EIGHT)))
  const pointR = add(multiply(r, BASE), multiply(BigInt(torsionR), ORDER_EIGHT))
  const writtenR = forgery.writtenR ?? encode(pointR)
  const s = mod(r + challenge(writtenR, key, message) * a, L)
  return { key, message, signature: Uint8Array.from([...writtenR, ...littleEndian(s)]) }
}

/** Tries messages until the parts of small order cancel: then it also holds without the cofactor. */
function forgeCancelling(
  torsionA: number,
  torsionR: number
): Omit<SignatureCase, 'name' | 'valid'> {
  for (let i = 0; i < 256; i += 1) {
    const forged = forge({ torsionA, torsionR, message: Uint8Array.of(i) })
    const k = challenge(forged.signature.subarray(0, 32), forged.key, forged.message)
    if ((k * BigInt(torsionA) + BigInt(torsionR)) % 8n === 0n) return forged
  }
  throw new Error('no message cancels')
}

function withS(signature: Uint8Array, change: (s: bigint) => bigint): Uint8Array {
  const s = fromLittleEndian(signature.subarray(32))
  return Uint8Array.from([...signature.subarray(0, 32), ...littleEndian(change(s))])
}

const honest = forge({})
const SIGN = 1n << 255n

const VALID = [
  { name: 'an honest signature', ...honest },
  { name: 'A is the base point', ...forge({ a: 1n }) },
  { name: 'A is the negated base point', ...forge({ a: L - 1n }) },
  { name: 'R is the base point', ...forge({ r: 1n }) },
  { name: 'A and R are the base point', ...forge({ a: 1n, r: 1n }) }
]

/** Refused by the rule, and accepted by a library that checks only the equation without the cofactor. */
export const CANCELLING: readonly SignatureCase[] = TORSION.flatMap(i => [
  { name: `A shifted by ${i}, R not, k cancels`, ...forgeCancelling(i, 0), valid: false },
  { name: `A and R shifted by ${i}, k cancels`, ...forgeCancelling(i, i), valid: false }
])

const INVALID = [
  ...TORSION.map(i => ({ name: `R shifted by ${i}`, ...forge({ torsionR: i }) })),
  ...TORSION.map(i => ({ name: `A shifted by ${i}`, ...forge({ torsionA: i }) })),
  ...TORSION.map(i => ({ name: `A of small order ${i}`, ...forge({ a: 0n, torsionA: i }) })),
  ...TORSION.map(i => ({ name: `R of small order ${i}`, ...forge({ r: 0n, torsionR: i }) })),
  // It satisfies the equation, and Node.js began to refuse it only in 2026.
  { name: 'R is the neutral point', ...forge({ r: 0n }) },
  { name: 'A is the neutral point', ...forge({ a: 0n }) },
  { name: 'A and R are the neutral point', ...forge({ a: 0n, r: 0n }) },
  { name: 'R = 0 written as y + p', ...forge({ r: 0n, writtenR: littleEndian(1n + P) }) },
  { name: 'R = 0 written with a sign', ...forge({ r: 0n, writtenR: littleEndian(1n + SIGN) }) },
  { name: 'R off the curve', ...forge({ writtenR: littleEndian(2n) }) },
  { name: 'R beyond the field', ...forge({ writtenR: littleEndian(SIGN - 1n) }) },
  { name: 'R all ones', ...forge({ writtenR: littleEndian(2n * SIGN - 1n) }) },
  ...[1n, 2n, 8n, 15n].map(i => ({
    name: `S + ${i} L`,
    ...honest,
    signature: withS(honest.signature, s => s + i * L)
  })),
  ...[L - 1n, L, L + 1n, SIGN, 2n * SIGN - 1n, 0n].map(value => ({
    name: `S = ${value}`,
    ...honest,
    signature: withS(honest.signature, () => value)
  })),
  { name: 'S with its top bit set', ...honest, signature: withS(honest.signature, s => s + SIGN) },
  { name: 'S negated', ...honest, signature: withS(honest.signature, s => L - s) },
  { name: 'the sign of R turned', ...honest, signature: turn(honest.signature, 31) },
  { name: 'the sign of A turned', ...honest, key: turn(honest.key, 31) },
  { name: 'another message', ...honest, message: Uint8Array.of(1) },
  { name: 'A written beyond the field', ...honest, key: littleEndian(P + 1n) },
  { name: 'A off the curve', ...honest, key: littleEndian(2n) },
  { name: 'the neutral point as everything', ...honest, key: encode(IDENTITY) },
  ...SPECCHECK.map(({ name, key, message, signature }) => ({
    name,
    key: fromHex(key),
    message: fromHex(message),
    signature: fromHex(signature)
  }))
]

/** Every case with the verdict of the rule. */
export const ED25519_CASES: readonly SignatureCase[] = [
  ...VALID.map(item => ({ ...item, valid: true })),
  ...CANCELLING,
  ...INVALID.map(item => ({ ...item, valid: false }))
]

function turn(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ 0x80)
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
