import { createHash } from 'node:crypto'
import { es256PublicKey, fromHex, signEs256, toHex, utf8 } from '@vitalchain/core'
import type { SignatureCase } from './ed25519-cases.ts'

/** The order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const message = utf8('one reading')
const secret = scalar(0x51f15eedn)
const key = es256PublicKey(secret)
const signature = signEs256(secret, message)
const r = number(signature.subarray(0, 32))
const s = number(signature.subarray(32))

// Secret and message chosen together: h + r d = 0, so the sum of the equation is the point at infinity.
const infinityR = 7n
const hash = BigInt(`0x${createHash('sha256').update(message).digest('hex')}`)
const infinityKey = es256PublicKey(scalar(((N - (hash % N)) * inverse(infinityR)) % N))

const cases: readonly (Partial<SignatureCase> & { name: string; valid: boolean })[] = [
  { name: 'an honest signature', valid: true },
  {
    // The key was computed for it: R lies at x = n + 3, so that r = x mod n = 3.
    name: 'the x of R exceeds n',
    key: fromHex('026f8a2a076d9bd689b127509d944a1e38d7e44c10357c39cdbed5c0c600ba94e9'),
    message: utf8('large x'),
    signature: pair(3n, 12345678901234567890n),
    valid: true
  },
  { name: 'high S', signature: pair(r, N - s), valid: false },
  { name: 'r = 0', signature: pair(0n, s), valid: false },
  { name: 's = 0', signature: pair(r, 0n), valid: false },
  { name: 'r = 0 and s = 0', signature: pair(0n, 0n), valid: false },
  { name: 'r = 1 and s = 1', signature: pair(1n, 1n), valid: false },
  { name: 'r = n', signature: pair(N, s), valid: false },
  { name: 's = n', signature: pair(r, N), valid: false },
  { name: 's = n - 1', signature: pair(r, N - 1n), valid: false },
  { name: 'r and s of all ones', signature: new Uint8Array(64).fill(0xff), valid: false },
  { name: 'r and s exchanged', signature: pair(s, r), valid: false },
  {
    name: 'the equation ends at infinity',
    key: infinityKey,
    signature: pair(infinityR, 9n),
    valid: false
  },
  { name: 'one byte short', signature: signature.subarray(0, 63), valid: false },
  { name: 'one byte long', signature: Uint8Array.from([...signature, 0]), valid: false },
  { name: 'empty', signature: new Uint8Array(), valid: false },
  { name: 'DER', signature: fromHex(`3044022000${toHex(signature)}`), valid: false },
  { name: 'another message', message: utf8('another'), valid: false },
  { name: 'the other point with this x', key: key.with(0, (key[0] ?? 0) ^ 1), valid: false },
  { name: 'a bare x', key: key.subarray(1), valid: false },
  { name: 'an uncompressed prefix', key: key.with(0, 4), valid: false },
  { name: 'a key off the curve', key: Uint8Array.from([2, ...scalar(1n)]), valid: false },
  { name: 'a key of zeros', key: new Uint8Array(33), valid: false },
  { name: 'an empty key', key: new Uint8Array(), valid: false }
]

/** Every case with the verdict of the rule. */
export const ES256_CASES: readonly SignatureCase[] = cases.map(item => ({
  key,
  message,
  signature,
  ...item
}))

function pair(r: bigint, s: bigint): Uint8Array {
  return Uint8Array.from([...scalar(r), ...scalar(s)])
}

function scalar(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0'))
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}

/** 1 / value mod n, by Fermat. */
function inverse(value: bigint): bigint {
  let result = 1n
  for (let rest = N - 2n, base = value; rest > 0n; rest >>= 1n, base = (base * base) % N) {
    if (rest % 2n === 1n) result = (result * base) % N
  }
  return result
}
