import { toHex } from '../../src/bytes.ts'
import { checkpointNote, noteVerifierKeys } from '../../src/checkpoint/checkpoint-note.ts'
import { checkpointBody } from '../../src/checkpoint/checkpoint.ts'
import { coseReceipt } from '../../src/checkpoint/cose-receipt.ts'
import { checkpointShareFormat, type CheckpointShare } from '../../src/checkpoint/share.ts'
import { formatNote, parseNote, type NoteSignature } from '../../src/checkpoint/signed-note.ts'
import { tlogProof } from '../../src/checkpoint/tlog-proof.ts'
import { isVitalchainError } from '../../src/errors.ts'
import { seed } from '../ledger/small-ledger.ts'
import type { Json } from '../ledger/vector-json.ts'
import {
  berlin,
  berlinKey,
  checkpoint,
  INDEX,
  leaf,
  note,
  noteOf,
  one,
  path,
  SIZE,
  transaction,
  trust,
  type Case
} from './checkpoint-case.ts'
import { shareCases, noteCases } from './checkpoint-damaged.ts'
import { checkpointVerdict } from './checkpoint-verdict.ts'
import { keysOf, NAMES, sharesOf } from './checkpoint-fixture.ts'
import { coseCases, tlogCases } from './proof-damaged.ts'

/** Checkpoints in their four forms, whole and damaged. Each case is checked before it becomes a vector. */
export async function checkpointVectors(): Promise<Json> {
  const cases = [
    ...(await validCases()),
    ...(await shareCases()),
    ...(await noteCases()),
    ...tlogCases(),
    ...coseCases()
  ]
  return {
    purpose:
      'Checkpoints (checkpoints.md) and the verdict on each by K-4, K-6, K-7 and K-8, with this network and these validators as what is trusted. A share and a COSE receipt are given in hexadecimal, a note and a tlog-proof as text, the leaf that the last two prove as `transaction`. A verifier takes every valid one and refuses every invalid one with its code.',
    network: toHex(checkpoint.network),
    validators: trust.validators.map(({ member, checkpointKey }, at) => ({
      name: NAMES[at]!,
      member: toHex(member),
      checkpointKey: toHex(checkpointKey)
    })),
    body: checkpointBody(checkpoint),
    verifierKeys: noteVerifierKeys(checkpoint.network, trust.validators),
    valid: cases
      .filter(each => each.code === undefined)
      .map(each => ({ ...each, proves: checkpointVerdict(each, trust) })),
    invalid: cases.filter(each => each.code !== undefined).map(checked)
  }
}

function checked(each: Case): Json {
  try {
    checkpointVerdict(each, trust)
  } catch (error) {
    if (isVitalchainError(error) && error.code === each.code) return { ...each }
    throw new Error(`${each.form}, ${each.why}: expected ${each.code ?? ''}`, { cause: error })
  }
  throw new Error(`${each.form}, ${each.why}: not refused`)
}

function hexOf(share: CheckpointShare): string {
  return toHex(checkpointShareFormat.encode(share))
}

function valid(form: Case['form'], why: string, input: string, leafHex?: string): Case {
  return {
    form,
    kind: 'valid',
    why,
    input,
    ...(leafHex === undefined ? {} : { transaction: leafHex })
  }
}

async function validCases(): Promise<readonly Case[]> {
  const alone = await sharesOf(one.checkpoint)
  const witness: NoteSignature = {
    name: 'witness.example/w1',
    keyId: seed('w1').slice(0, 4),
    signature: seed('signature of a witness')
  }
  const parsed = parseNote(note)
  return [
    valid('share', 'a share', hexOf(berlin)),
    valid('share', 'a share of a tree of one leaf', hexOf(alone[0]!)),
    valid('note', 'signed by all four', note),
    valid('note', 'a quorum of cosignatures and one log signature', noteOf(7, 8, 10, 11)),
    valid('note', 'its signatures in another order', noteOf(11, 4, 9, 8)),
    valid(
      'note',
      'with the signature of an unknown witness',
      formatNote({ ...parsed, signatures: [witness, ...parsed.signatures] })
    ),
    ...[0, INDEX, SIZE - 1].map(index =>
      valid(
        'tlog-proof',
        `leaf ${index} of ${SIZE}`,
        tlogProof({ index, path: path(index), checkpoint: note }),
        toHex(leaf(index))
      )
    ),
    valid(
      'tlog-proof',
      'with the transaction as extra data',
      tlogProof({ index: INDEX, path: path(INDEX), checkpoint: note, extra: leaf(INDEX) }),
      transaction
    ),
    valid(
      'tlog-proof',
      'a tree of one leaf: no path',
      tlogProof({ index: 0, path: [], checkpoint: checkpointNote(alone, keysOf(trust)) }),
      toHex(one.leaf(0))
    ),
    ...[0, INDEX, SIZE - 1].map(index =>
      valid(
        'cose-receipt',
        `leaf ${index} of ${SIZE}`,
        toHex(coseReceipt({ share: berlin, index, path: path(index), checkpointKey: berlinKey })),
        toHex(leaf(index))
      )
    ),
    valid(
      'cose-receipt',
      'a tree of one leaf: no path',
      toHex(coseReceipt({ share: alone[1]!, index: 0, path: [], checkpointKey: berlinKey })),
      toHex(one.leaf(0))
    )
  ]
}
