import {
  es256FromDer,
  es256PublicKeyFromSec1,
  normalizeEs256,
  sha256,
  type Signer
} from '@vitalchain/core'

/** What a secure element, TPM or key store does with its P-256 key. */
export interface SecureElement {
  /** The public key: a point of P-256, compressed (33 bytes) or not (65 bytes). */
  readonly publicKey: Uint8Array
  /**
   * ECDSA over what `input` says. It may be as slow as the element is.
   *
   * @returns the signature as r || s, 64 bytes, or in DER; of either S
   */
  sign(input: Uint8Array): Promise<Uint8Array>
  /** What `sign` takes: `digest` (default), the SHA-256 of the message, 32 bytes; or `message`, which the element hashes itself. */
  readonly input?: 'digest' | 'message'
}

const RAW_BYTES = 64

/**
 * A signer over the P-256 key of a secure element: hashes, and turns what the element returns into what the ledger takes.
 *
 * @throws VitalchainError `ERR_KEY_INVALID`; its `sign` also `ERR_SIGNATURE_INVALID` for what is no signature
 */
export function secureElementSigner(element: SecureElement): Signer {
  const { input = 'digest' } = element
  return {
    publicKey: { algorithm: 'es256', bytes: es256PublicKeyFromSec1(element.publicKey) },
    async sign(message) {
      const signature = await element.sign(input === 'digest' ? sha256(message) : message)
      // The shortest signature in DER that holds 64 bytes begins with a tag, so it is longer; others are shorter.
      return signature.length === RAW_BYTES && !isDer(signature)
        ? normalizeEs256(signature)
        : es256FromDer(signature)
    }
  }
}

/** A SEQUENCE whose length is that of the rest: by chance a raw signature has one in 2^16 times, so its first INTEGER counts too. */
function isDer(signature: Uint8Array): boolean {
  const [tag, length, integer] = signature
  return tag === 0x30 && length === signature.length - 2 && integer === 0x02
}
