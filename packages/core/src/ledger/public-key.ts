import { algorithmFromCose, coseAlgorithm, type PublicKey } from '../crypto/signatures.ts'
import { bytes, integer, mapped, tuple, type Codec } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'

/** `[COSE algorithm, key bytes]`: Ed25519 (-8) with 32 bytes, ES256 (-7) with a compressed point of 33 bytes. */
export const publicKeyCodec: Codec<PublicKey> = mapped(
  tuple({ algorithm: integer(-8, -7), key: bytes(32, 33) }),
  ({ algorithm, key }, path): PublicKey => {
    const name = algorithmFromCose(algorithm)
    if (key.length !== publicKeyBytes(name)) {
      throw new VitalchainError(
        'ERR_SCHEMA',
        `${path}: expected ${publicKeyBytes(name)} bytes of key`,
        { values: { path } }
      )
    }
    return { algorithm: name, bytes: key }
  },
  key => ({ algorithm: coseAlgorithm(key.algorithm), key: key.bytes })
)

function publicKeyBytes(algorithm: PublicKey['algorithm']): number {
  return algorithm === 'ed25519' ? 32 : 33
}
