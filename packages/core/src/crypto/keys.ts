import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { ed25519PublicKey, signEd25519 } from './ed25519.ts'
import { es256PublicKey, signEs256 } from './es256.ts'
import type { Algorithm, PublicKey } from './signatures.ts'

/** Something that signs: a key in memory, or the door to a secure element or a remote signer. */
export interface Signer {
  readonly publicKey: PublicKey
  /** Signs a message; 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>
}

interface SecretScheme {
  readonly publicKey: (secretKey: Uint8Array) => Uint8Array
  readonly randomSecretKey: () => Uint8Array
  readonly sign: (secretKey: Uint8Array, message: Uint8Array) => Uint8Array
}

// Apart from the verdicts in signatures.ts, so that who only verifies does not load what makes keys and signatures.
const SECRET_SCHEMES: Readonly<Record<Algorithm, SecretScheme>> = {
  ed25519: {
    publicKey: ed25519PublicKey,
    randomSecretKey: () => ed25519.utils.randomSecretKey(),
    sign: signEd25519
  },
  es256: {
    publicKey: es256PublicKey,
    randomSecretKey: () => p256.utils.randomSecretKey(),
    sign: signEs256
  }
}

/** A new secret key of 32 bytes from the platform's random source (`crypto.getRandomValues`). */
export function generateSecretKey(algorithm: Algorithm): Uint8Array {
  return SECRET_SCHEMES[algorithm].randomSecretKey()
}

/**
 * A signer over a secret key in memory. It keeps a copy of the key.
 *
 * @throws VitalchainError `ERR_KEY_INVALID` when the secret key is not 32 bytes or out of range.
 */
export function createSigner(algorithm: Algorithm, secretKey: Uint8Array): Signer {
  const scheme = SECRET_SCHEMES[algorithm]
  const secret = Uint8Array.from(secretKey)
  return {
    publicKey: { algorithm, bytes: scheme.publicKey(secret) },
    sign: async message => scheme.sign(secret, message)
  }
}
