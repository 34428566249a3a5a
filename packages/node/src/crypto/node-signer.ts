import { createPrivateKey, sign, type KeyObject } from 'node:crypto'
import {
  concatBytes,
  ed25519PublicKey,
  fromHex,
  VitalchainError,
  type Signer
} from '@vitalchain/core'

// RFC 8410: the DER of a PrivateKeyInfo with an Ed25519 seed, up to the seed.
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420')

/** A signer whose key can be given up before the process ends. */
export interface NodeSigner extends Signer {
  /** Lets go of the key: it signs no more. OpenSSL wipes its copy when the last reference is collected. */
  destroy(): void
}

/** A software Ed25519 signer on OpenSSL: the same bytes as core's, about twenty times faster. */
export function createNodeSigner(secretKey: Uint8Array): NodeSigner {
  const der = Buffer.from(concatBytes([PKCS8_PREFIX, secretKey]))
  let key: KeyObject | undefined = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return {
    publicKey: { algorithm: 'ed25519', bytes: ed25519PublicKey(secretKey) },
    // Ed25519 is deterministic (RFC 8032): a repeated vote has the same bytes.
    async sign(message) {
      if (key === undefined) throw new VitalchainError('ERR_KEY_RETIRED', 'the key was destroyed')
      return new Uint8Array(sign(null, message, key))
    },
    destroy() {
      key = undefined
    }
  }
}
