import { utf8 } from '../bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import type { Signer } from '../crypto/keys.ts'
import { bytes, format, hash32, tagged, uint, type Format } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { checkpointBody, type Checkpoint } from './checkpoint.ts'
import { coseReceiptMessage } from './cose-message.ts'

/** Bytes of a share: about 350 are used. */
const SHARE_BYTES_MAX = 512

/** What one validator says of one checkpoint: three signatures of its checkpoint key over the same (size, root). spec K-4. */
export interface CheckpointShare extends Checkpoint {
  /** The member id, 32 bytes. It is not signed: the key says who it is. */
  readonly member: Uint8Array
  /** When it was signed, by the signer's clock, seconds since 1970. */
  readonly time: number
  /** C2SP cosignature/v1, 64 bytes. */
  readonly cosignature: Uint8Array
  /** The log's signature of the note, 64 bytes: each validator signs as the log. */
  readonly note: Uint8Array
  /** The signature of a COSE Receipt (RFC 9942) over the root, 64 bytes. */
  readonly cose: Uint8Array
}

/** The bytes of a share, for the wire and the store. Reading checks the form only: see {@link verifyCheckpointShare}. spec K-4. */
export const checkpointShareFormat: Format<CheckpointShare> = format(
  'checkpoint-share',
  SHARE_BYTES_MAX,
  tagged(['vitalchain/checkpoint-share', 1], {
    network: hash32,
    size: uint(),
    root: hash32,
    member: hash32,
    time: uint(),
    cosignature: bytes(64),
    note: bytes(64),
    cose: bytes(64)
  })
)

/** The text under a cosignature: C2SP tlog-cosignature, "Ed25519 signed message". spec K-2. */
export function cosignatureMessage(checkpoint: Checkpoint, time: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${checkpointBody(checkpoint)}`)
}

/** The three messages of a share, none of which can pass for another or for a consensus signature. */
function messages(
  checkpoint: Checkpoint,
  time: number,
  checkpointKey: Uint8Array
): Readonly<Record<'cosignature' | 'note' | 'cose', Uint8Array>> {
  const { network, size } = checkpoint
  return {
    cosignature: cosignatureMessage(checkpoint, time),
    note: utf8(checkpointBody(checkpoint)),
    cose: coseReceiptMessage({ network, size, time, checkpointKey }, checkpoint.root)
  }
}

/**
 * Signs a checkpoint. It does not check that the tree continues what the key signed before: the caller must.
 *
 * @param by.member - the member id, 32 bytes
 * @param by.time - seconds since 1970
 * @param by.signer - the member's checkpoint key
 * @throws VitalchainError `ERR_KEY_INVALID` when the key is not an Ed25519 key, and what the signer throws. spec K-4
 */
export async function signCheckpoint(
  checkpoint: Checkpoint,
  by: { readonly member: Uint8Array; readonly time: number; readonly signer: Signer }
): Promise<CheckpointShare> {
  const { member, time, signer } = by
  if (signer.publicKey.algorithm !== 'ed25519') {
    throw new VitalchainError('ERR_KEY_INVALID', 'a checkpoint key is an Ed25519 key', {
      values: { algorithm: signer.publicKey.algorithm }
    })
  }
  const { network, size, root } = checkpoint
  const message = messages(checkpoint, time, signer.publicKey.bytes)
  const [cosignature, note, cose] = await Promise.all([
    signer.sign(message.cosignature),
    signer.sign(message.note),
    signer.sign(message.cose)
  ])
  return { network, size, root, member, time, cosignature, note, cose }
}

/**
 * Checks the three signatures of a share.
 *
 * @param checkpointKey - the checkpoint key of the share's member, 32 bytes
 * @throws VitalchainError `ERR_CHECKPOINT` that names the one that is not valid. spec K-4
 */
export function verifyCheckpointShare(share: CheckpointShare, checkpointKey: Uint8Array): void {
  const message = messages(share, share.time, checkpointKey)
  for (const kind of ['cosignature', 'note', 'cose'] as const) {
    if (!verifyEd25519(checkpointKey, message[kind], share[kind])) {
      throw new VitalchainError(
        'ERR_CHECKPOINT',
        `the ${kind} signature of the checkpoint at ${share.size} is not its member's`,
        { values: { size: share.size, signature: kind } }
      )
    }
  }
}
