import { sha256 } from '../crypto/hash.ts'
import type { PublicKey } from '../crypto/signatures.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { publicKeyCodec } from './public-key.ts'

/**
 * The identifier of a device, 32 bytes: the hash of its first public key. It stays when the key rotates, and a
 * device knows it before anybody registered it. spec F-4.
 */
export function deviceId(firstKey: PublicKey): Uint8Array {
  return sha256(encodeCbor(['vitalchain/device', publicKeyCodec.write(firstKey)]))
}

/** The identifier of a member, 32 bytes: the hash of its operator's first public key. spec F-4. */
export function memberId(operatorKey: PublicKey): Uint8Array {
  return sha256(encodeCbor(['vitalchain/member', publicKeyCodec.write(operatorKey)]))
}
