import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto'
import { useCryptoBackend } from '../../src/crypto/backend.ts'

/**
 * For tests that verify thousands of certificates: node's Ed25519 is some fifteen times as fast as the pure one, and
 * held to the same verdict by the tests of the backends.
 */
export function useNodeCrypto(): void {
  const keys = new Map<string, KeyObject>()
  useCryptoBackend({
    sha256: bytes => new Uint8Array(hash('sha256', bytes, 'buffer')),
    verifyEd25519(publicKey, message, signature) {
      const x = Buffer.from(publicKey).toString('base64url')
      const known = keys.get(x)
      const key =
        known ?? createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
      keys.set(x, key)
      return verify(null, message, key, signature)
    }
  })
}
