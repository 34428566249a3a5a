import { p256 } from '@noble/curves/nist.js'
import { VitalchainError } from '../errors.ts'
import { askBackend } from './backend.ts'
import { ES256_SIGNATURE_BYTES, precheckEs256 } from './es256-rule.ts'

/** Length of an ES256 secret key, a big-endian number from 1 to n - 1, in bytes. */
export const ES256_SECRET_KEY_BYTES: number = 32

/**
 * The public key of a secret key: a compressed point, 33 bytes.
 *
 * @throws VitalchainError `ERR_KEY_INVALID` when the secret key is not 32 bytes within 1 .. n - 1.
 */
export function es256PublicKey(secretKey: Uint8Array): Uint8Array {
  assertSecretKey(secretKey)
  return p256.getPublicKey(secretKey, true)
}

/**
 * The ledger's form of a P-256 public key: compressed, 33 bytes. Secure elements and certificates
 * mostly hold the uncompressed form (65 bytes, SEC 1, 2.3.3), which is accepted here too.
 *
 * @throws VitalchainError `ERR_KEY_INVALID` when the bytes are no point of P-256.
 */
export function es256PublicKeyFromSec1(point: Uint8Array): Uint8Array {
  try {
    return p256.Point.fromBytes(point).toBytes(true)
  } catch (cause) {
    throw new VitalchainError('ERR_KEY_INVALID', 'not a point of P-256', {
      cause,
      values: { length: point.length }
    })
  }
}

/**
 * Signs a message with ECDSA P-256 and SHA-256: raw r || s with low S, 64 bytes, the same for the
 * same key and message (RFC 6979).
 *
 * @throws VitalchainError `ERR_KEY_INVALID` when the secret key is not 32 bytes within 1 .. n - 1.
 */
export function signEs256(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  assertSecretKey(secretKey)
  return p256.sign(message, secretKey, { lowS: true, prehash: true })
}

/**
 * The one ES256 verdict of the ledger: raw r || s, 0 < r < n, low S, a compressed key, and the ECDSA
 * equation. A wrong length or form is a refusal, not an error.
 */
export function verifyEs256(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array
): boolean {
  return (
    precheckEs256(publicKey, signature) &&
    askBackend(backend => backend.verifyEs256(publicKey, message, signature))
  )
}

/**
 * The low-S form of a raw r || s signature. Secure elements return high S every second time; (r, s)
 * and (r, n - s) are equally valid, and the ledger takes only the lower one.
 *
 * @throws VitalchainError `ERR_SIGNATURE_INVALID` when it is not 64 bytes, or r or s is out of range.
 */
export function normalizeEs256(signature: Uint8Array): Uint8Array {
  return lowS(signature, 'compact')
}

/**
 * The raw low-S signature of a DER one (ECDSA-Sig-Value, RFC 3279, 2.2.3), as WebAuthn, TPMs and
 * OpenSSL give it.
 *
 * @throws VitalchainError `ERR_SIGNATURE_INVALID` when it is not strict DER, or r or s is out of range.
 */
export function es256FromDer(der: Uint8Array): Uint8Array {
  return lowS(der, 'der')
}

function lowS(signature: Uint8Array, format: 'compact' | 'der'): Uint8Array {
  try {
    const { r, s } = p256.Signature.fromBytes(signature, format)
    const low = s > p256.Point.Fn.ORDER >> 1n ? p256.Point.Fn.ORDER - s : s
    return new p256.Signature(r, low).toBytes('compact')
  } catch (cause) {
    throw new VitalchainError('ERR_SIGNATURE_INVALID', 'not an ECDSA P-256 signature', {
      cause,
      values: { length: signature.length, expected: ES256_SIGNATURE_BYTES }
    })
  }
}

function assertSecretKey(secretKey: Uint8Array): void {
  if (!p256.utils.isValidSecretKey(secretKey)) {
    throw new VitalchainError('ERR_KEY_INVALID', 'not a P-256 secret key', {
      values: { length: secretKey.length }
    })
  }
}
