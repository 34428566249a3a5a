import {
  coseReceipt,
  equalBytes,
  leafHash,
  tlogProof,
  toHex,
  verifyInclusion,
  VitalchainError
} from '@vitalchain/core'
import { signersAt } from '../checkpoints/certified-tree.ts'
import type { CosignedCheckpoint } from '../checkpoints/checkpoints.ts'
import { damaged } from './records.ts'
import type { LedgerReader } from './types.ts'

/** What the forms are made from. */
export interface CheckpointForms {
  readonly ledger: LedgerReader
  /** The newest checkpoint of a quorum; undefined before the first. */
  readonly latest: CosignedCheckpoint | undefined
}

/**
 * The C2SP tlog-proof of a committed transaction, with the transaction as its extra data, so that the file is complete.
 * spec K-8
 *
 * @throws VitalchainError `ERR_NO_CHECKPOINT` (retryable) until a quorum's checkpoint covers it, `ERR_DAMAGED`
 */
export function makeTlogProof(from: CheckpointForms, index: number): string {
  const { checkpoint, path, transaction } = covered(from, index)
  return tlogProof({ index, path, checkpoint: checkpoint.note, extra: transaction })
}

/**
 * The COSE Receipt (RFC 9942) of a committed transaction by one hospital. spec K-7
 *
 * @param preferred - whose it shall be; without it that of the first validator that signed
 * @throws VitalchainError `ERR_NO_CHECKPOINT` (retryable) until a quorum's checkpoint that this hospital signed covers it,
 * `ERR_DAMAGED`
 */
export function makeCoseReceipt(
  from: CheckpointForms,
  index: number,
  preferred?: Uint8Array
): Uint8Array {
  const { checkpoint, path } = covered(from, index)
  const share = checkpoint.shares.find(
    ({ member }) => preferred === undefined || equalBytes(member, preferred)
  )
  const signer = signersAt(from.ledger, checkpoint.size).find(
    ({ member }) => share !== undefined && equalBytes(member, share.member)
  )
  if (signer === undefined || share === undefined)
    throw new VitalchainError(
      'ERR_NO_CHECKPOINT',
      'this member did not sign the newest checkpoint',
      {
        values: preferred === undefined ? {} : { member: toHex(preferred) },
        retryable: true
      }
    )
  return coseReceipt({ share, index, path, checkpointKey: signer.checkpointKey })
}

function covered({ ledger, latest }: CheckpointForms, index: number) {
  if (latest === undefined || index >= latest.size)
    throw new VitalchainError(
      'ERR_NO_CHECKPOINT',
      'no checkpoint covers the transaction yet: one follows within about a second',
      { values: { index, size: latest?.size ?? 0 }, retryable: true }
    )
  const transaction = ledger.transaction(index)
  if (transaction === undefined) throw damaged('transaction', index)
  const path = ledger.inclusionProof(index, latest.size)
  if (!verifyInclusion(leafHash(transaction), index, latest.size, path, latest.root))
    throw damaged('proof', index)
  return { checkpoint: latest, path, transaction }
}
