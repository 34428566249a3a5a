import { equalBytes, fromHex } from '../../src/bytes.ts'
import { verifyCheckpointNote, type CheckpointTrust } from '../../src/checkpoint/checkpoint-note.ts'
import { verifyCoseReceipt } from '../../src/checkpoint/cose-receipt.ts'
import { checkpointShareFormat, verifyCheckpointShare } from '../../src/checkpoint/share.ts'
import { verifyTlogProof } from '../../src/checkpoint/tlog-proof.ts'
import { toJson, type Json } from '../ledger/vector-json.ts'
import type { Case } from './checkpoint-case.ts'

/** What a verifier finds in a case, as JSON. @throws VitalchainError with the code of the refusal */
export function checkpointVerdict(
  { form, input, transaction = '' }: Pick<Case, 'form' | 'input' | 'transaction'>,
  trusted: CheckpointTrust
): Json {
  switch (form) {
    case 'share': {
      const share = checkpointShareFormat.decode(fromHex(input))
      verifyCheckpointShare(share, keyOf(share.member, trusted))
      return toJson({ size: share.size, root: share.root, member: share.member, time: share.time })
    }
    case 'note':
      return toJson(verifyCheckpointNote(input, trusted))
    case 'tlog-proof':
      return toJson(verifyTlogProof(input, fromHex(transaction), trusted))
    case 'cose-receipt':
      return toJson(verifyCoseReceipt(fromHex(input), fromHex(transaction), trusted))
  }
}

/** The checkpoint key of a member; of none, bytes that are nobody's key. */
function keyOf(member: Uint8Array, { validators }: CheckpointTrust): Uint8Array {
  const found = validators.find(each => equalBytes(each.member, member))
  return found?.checkpointKey ?? new Uint8Array(32)
}
