import type { Signer } from '../crypto/keys.ts'
import { verifySignature, type PublicKey } from '../crypto/signatures.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { bytes, tagged, uint, type Codec } from '../encoding/schema.ts'
import { placeFields, type StatementPlace } from './place.ts'
import { publicKeyCodec } from './public-key.ts'

/**
 * The change of a device's key, in the device's own chain: signed by the old key like any statement there, and by the
 * new one in `proof`. From the next place of the lane on the new key signs. spec F-27.
 */
export interface RotationStatement extends StatementPlace {
  readonly type: 'rotation'
  /** Bits of `STATEMENT_FLAG`, of which only `historyLost` is allowed. */
  readonly flags: number
  readonly newKey: PublicKey
  /** The new key's signature over {@link rotationProofBytes}, 64 bytes. */
  readonly proof: Uint8Array
}

/** The first item of a rotation. */
export const ROTATION: string = 'vitalchain/rotation'

/** How a rotation is written. */
export const rotationCodec: Codec<Omit<RotationStatement, 'type'>> = tagged([ROTATION], {
  ...placeFields,
  flags: uint(1),
  newKey: publicKeyCodec,
  proof: bytes(64)
})

/** What the new key signs: where the rotation stands and between which keys. It is of no use at another place. spec F-27. */
export function rotationProofBytes(
  { network, device, lane, boot, seq, previous }: StatementPlace,
  oldKey: PublicKey,
  newKey: PublicKey
): Uint8Array {
  return encodeCbor([
    'vitalchain/rotation-proof',
    network,
    device,
    lane,
    boot,
    seq,
    previous,
    publicKeyCodec.write(oldKey),
    publicKeyCodec.write(newKey)
  ])
}

/** The rotation from one key to another at a place. Its statement is to be signed by the old key. */
export async function makeRotation(
  place: StatementPlace,
  flags: number,
  oldKey: PublicKey,
  newSigner: Signer
): Promise<RotationStatement> {
  const newKey = newSigner.publicKey
  const proof = await newSigner.sign(rotationProofBytes(place, oldKey, newKey))
  return { type: 'rotation', ...place, flags, newKey, proof }
}

/** Whether the new key agreed to follow this old one at this place. spec D-11 */
export function verifyRotationProof(rotation: RotationStatement, oldKey: PublicKey): boolean {
  const { newKey, proof } = rotation
  return verifySignature(newKey, rotationProofBytes(rotation, oldKey, newKey), proof)
}
