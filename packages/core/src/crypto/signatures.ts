import { VitalchainError } from '../errors.ts'
import { isEd25519PublicKey, precheckEd25519 } from './ed25519-rule.ts'
import { verifyEd25519 } from './ed25519.ts'
import { isEs256PublicKey, precheckEs256 } from './es256-rule.ts'
import { verifyEs256 } from './es256.ts'

/** A signature algorithm of the ledger: EdDSA over Ed25519, or ECDSA over P-256 with SHA-256. */
export type Algorithm = 'ed25519' | 'es256'

/** A public key with its algorithm: 32 bytes for Ed25519, a compressed point of 33 bytes for ES256. */
export interface PublicKey {
  readonly algorithm: Algorithm
  readonly bytes: Uint8Array
}

interface Scheme {
  readonly coseId: number
  readonly isPublicKey: (key: Uint8Array) => boolean
  readonly precheck: (publicKey: Uint8Array, signature: Uint8Array) => boolean
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
}

// COSE numbers: RFC 9053, 2.1 and 2.2.
const SCHEMES: Readonly<Record<Algorithm, Scheme>> = {
  ed25519: {
    coseId: -8,
    isPublicKey: isEd25519PublicKey,
    precheck: precheckEd25519,
    verify: verifyEd25519
  },
  es256: {
    coseId: -7,
    isPublicKey: isEs256PublicKey,
    precheck: precheckEs256,
    verify: verifyEs256
  }
}

/** The COSE number of an algorithm: -8 (EdDSA) or -7 (ES256). */
export function coseAlgorithm(algorithm: Algorithm): number {
  return SCHEMES[algorithm].coseId
}

/**
 * The algorithm of a COSE number.
 *
 * @throws VitalchainError `ERR_ALGORITHM_UNKNOWN` for any other number.
 */
export function algorithmFromCose(id: number): Algorithm {
  if (id === SCHEMES.ed25519.coseId) return 'ed25519'
  if (id === SCHEMES.es256.coseId) return 'es256'
  throw new VitalchainError('ERR_ALGORITHM_UNKNOWN', 'unknown COSE signature algorithm', {
    values: { id }
  })
}

/**
 * Refuses a public key that the ledger must not bind: a wrong length or form, a point off the curve,
 * and for Ed25519 a point that is not of prime order.
 *
 * @throws VitalchainError `ERR_KEY_INVALID`.
 */
export function checkPublicKey(key: PublicKey): void {
  if (!SCHEMES[key.algorithm].isPublicKey(key.bytes)) {
    throw new VitalchainError('ERR_KEY_INVALID', 'not an acceptable public key', {
      values: { algorithm: key.algorithm, length: key.bytes.length }
    })
  }
}

/**
 * The part of {@link verifySignature} that comes before the equation. For code that asks a verifier
 * of its own, such as a thread pool: it must refuse what this refuses.
 */
export function precheckSignature(key: PublicKey, signature: Uint8Array): boolean {
  return SCHEMES[key.algorithm].precheck(key.bytes, signature)
}

/** Whether a signature is valid. Never throws: malformed keys and signatures are not valid. */
export function verifySignature(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array
): boolean {
  return SCHEMES[key.algorithm].verify(key.bytes, message, signature)
}
