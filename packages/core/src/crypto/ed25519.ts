import { ed25519 } from '@noble/curves/ed25519.js'
import { VitalchainError } from '../errors.ts'
import { askBackend } from './backend.ts'
import { precheckEd25519 } from './ed25519-rule.ts'

/** Length of an Ed25519 secret key, the seed of RFC 8032, in bytes. */
export const ED25519_SECRET_KEY_BYTES: number = 32

/**
 * The public key of a secret key (RFC 8032, 5.1.5).
 *
 * @throws VitalchainError `ERR_KEY_INVALID` when the secret key is not 32 bytes.
 */
export function ed25519PublicKey(secretKey: Uint8Array): Uint8Array {
  assertSecretKey(secretKey)
  return ed25519.getPublicKey(secretKey)
}

/**
 * Signs a message: 64 bytes, the same for the same key and message (RFC 8032, 5.1.6).
 *
 * @throws VitalchainError `ERR_KEY_INVALID` when the secret key is not 32 bytes.
 */
export function signEd25519(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  assertSecretKey(secretKey)
  return ed25519.sign(message, secretKey)
}

/**
 * The one Ed25519 verdict of the ledger: S < L, A and R canonical, A of prime order, R not the
 * neutral point, and encode([S]B - [k]A) equal to the bytes of R. A wrong length is a refusal, not an error.
 */
export function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array
): boolean {
  return (
    precheckEd25519(publicKey, signature) &&
    askBackend(backend => backend.verifyEd25519(publicKey, message, signature))
  )
}

function assertSecretKey(secretKey: Uint8Array): void {
  if (secretKey.length !== ED25519_SECRET_KEY_BYTES) {
    throw new VitalchainError('ERR_KEY_INVALID', 'an Ed25519 secret key is 32 bytes', {
      values: { length: secretKey.length }
    })
  }
}
