import { createPrivateKey, sign } from 'node:crypto'
import { concatBytes, ed25519PublicKey, fromHex, type Signer } from '@vitalchain/core'

// RFC 8410: the DER of a PrivateKeyInfo with an Ed25519 seed, up to the seed.
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420')

/** A software Ed25519 signer on OpenSSL: the same bytes as core's, about twenty times faster. */
export function createNodeSigner(secretKey: Uint8Array): Signer {
  const key = createPrivateKey({
    key: Buffer.from(concatBytes([PKCS8_PREFIX, secretKey])),
    format: 'der',
    type: 'pkcs8'
  })
  return {
    publicKey: { algorithm: 'ed25519', bytes: ed25519PublicKey(secretKey) },
    // Ed25519 is deterministic (RFC 8032): a repeated vote has the same bytes.
    sign: async message => new Uint8Array(sign(null, message, key))
  }
}
