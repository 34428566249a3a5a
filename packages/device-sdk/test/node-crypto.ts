import { createPublicKey, hash, verify } from 'node:crypto'
import { useCryptoBackend } from '@vitalchain/core'

/** For tests that verify many signatures: node's functions, which core's tests hold to the same verdicts. */
export function useNodeCrypto(): void {
  useCryptoBackend({
    sha256: bytes => new Uint8Array(hash('sha256', bytes, 'buffer')),
    verifyEd25519(publicKey, message, signature) {
      const x = Buffer.from(publicKey).toString('base64url')
      const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
      return verify(null, message, key, signature)
    }
  })
}
