import { concatBytes, equalBytes, toHex, u64be, utf8 } from '../bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import { VitalchainError } from '../errors.ts'
import { VALIDATORS_MAX } from '../ledger/limits.ts'
import { quorum, type ValidatorSet } from '../ledger/validators.ts'
import type { TreeHead } from '../merkle/history.ts'
import {
  checkCheckpointNetwork,
  checkpointBody,
  checkpointOrigin,
  cosignerName,
  parseCheckpointBody,
  type Checkpoint
} from './checkpoint.ts'
import { cosignatureMessage, type CheckpointShare } from './share.ts'
import {
  formatNote,
  noteKeyId,
  parseNote,
  verifierKey,
  type NoteKey,
  type NoteSignature
} from './signed-note.ts'

/** Bytes of a cosignature: a time of 8 bytes, and the Ed25519 signature. C2SP tlog-cosignature. */
const COSIGNATURE_BYTES = 8 + 64

/** Whom a verifier of checkpoints trusts. */
export interface CheckpointTrust {
  /** The network id, 32 bytes. */
  readonly network: Uint8Array
  /** The validators whose checkpoint keys were in force when the checkpoint was signed. */
  readonly validators: ValidatorSet
}

/** A checkpoint that a quorum of validators cosigned. */
export interface ProvenCheckpoint extends TreeHead {
  /** The member ids of those who cosigned it, in the order of the validator set. */
  readonly signers: readonly Uint8Array[]
  /** When each of them did, by its own clock, seconds since 1970. */
  readonly times: readonly number[]
}

/** The two keys under which generic tools know one validator. spec K-2, K-3. */
function noteKeys(network: Uint8Array, member: Uint8Array, publicKey: Uint8Array) {
  const log: NoteKey = { name: checkpointOrigin(network), type: 'ed25519', publicKey }
  const cosigner: NoteKey = {
    name: cosignerName(network, member),
    type: 'cosignature',
    publicKey
  }
  return { log, cosigner }
}

/**
 * What a generic tool must be told to check a network's checkpoints, as "vkey" lines of C2SP signed-note: first each
 * validator's key as the log, then each validator's key as a cosigner, both in the order of the set. spec K-3.
 */
export function noteVerifierKeys(network: Uint8Array, validators: ValidatorSet): readonly string[] {
  const keys = validators.map(each => noteKeys(network, each.member, each.checkpointKey))
  return [...keys.map(each => each.log), ...keys.map(each => each.cosigner)].map(verifierKey)
}

/**
 * The signed note of one checkpoint: a log signature and a cosignature of each share whose member's key is known. It does
 * not check the signatures. spec K-5.
 *
 * @param keyOf - the checkpoint key of a member, 32 bytes; shares without one are left out
 * @throws VitalchainError `ERR_CHECKPOINT` when the shares are of different checkpoints, when none has a known key, and
 * when there are more than {@link VALIDATORS_MAX}
 */
export function checkpointNote(
  shares: readonly CheckpointShare[],
  keyOf: (member: Uint8Array) => Uint8Array | undefined
): string {
  const lines = shares.flatMap(share => {
    const key = keyOf(share.member)
    return key === undefined ? [] : [{ share, keys: noteKeys(share.network, share.member, key) }]
  })
  const first = lines[0]?.share
  if (first === undefined || lines.length > VALIDATORS_MAX)
    throw refusal(`a note needs 1 to ${VALIDATORS_MAX} shares of known members`, lines.length)
  const text = checkpointBody(first)
  if (lines.some(({ share }) => checkpointBody(share) !== text))
    throw refusal('the shares are of different checkpoints', first.size)
  return formatNote({
    text,
    signatures: [
      ...lines.map(({ share, keys }) => line(keys.log, share.note)),
      ...lines.map(({ share, keys }) =>
        line(keys.cosigner, concatBytes([u64be(share.time), share.cosignature]))
      )
    ]
  })
}

function line(key: NoteKey, signature: Uint8Array): NoteSignature {
  return { name: key.name, keyId: noteKeyId(key), signature }
}

/**
 * Checks a signed note against a validator set: a quorum's cosignatures and at least one log signature. Signatures by
 * unknown keys are ignored; one by a known key that is not valid, or stands twice, refuses the note. Pure. spec K-6.
 *
 * @throws VitalchainError `ERR_TOO_LARGE` or `ERR_SCHEMA` for a text of another form, `ERR_OTHER_NETWORK`, `ERR_CHECKPOINT`
 */
export function verifyCheckpointNote(text: string, trust: CheckpointTrust): ProvenCheckpoint {
  const note = parseNote(text)
  const checkpoint = parseCheckpointBody(note.text)
  checkCheckpointNetwork(checkpoint, trust.network)
  const votes = trust.validators.map(each => ({
    ...each,
    ...noteKeys(trust.network, each.member, each.checkpointKey)
  }))
  const asLog = matching(note.signatures, checkpoint, votes, 'log')
  const cosigned = matching(note.signatures, checkpoint, votes, 'cosigner')
  if (asLog.size === 0) throw refusal('no validator signed it as the log', checkpoint.size)
  const needed = quorum(trust.validators.length)
  if (cosigned.size < needed)
    throw refusal(`${cosigned.size} cosignatures where ${needed} make a quorum`, checkpoint.size)
  const signers = votes.flatMap(({ member }, index) => {
    const time = cosigned.get(index)
    return time === undefined ? [] : [{ member, time }]
  })
  return {
    size: checkpoint.size,
    root: checkpoint.root,
    signers: signers.map(each => each.member),
    times: signers.map(each => each.time)
  }
}

/** The validators, by index, whose signature of one kind is in the note, with the time of a cosignature. */
function matching(
  signatures: readonly NoteSignature[],
  checkpoint: Checkpoint,
  votes: readonly Readonly<Record<'log' | 'cosigner', NoteKey>>[],
  kind: 'log' | 'cosigner'
): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  // More than one key can have an id: a member can search for a key with the id of another's.
  const keys = votes.map((vote, index) => ({ ...vote[kind], id: noteKeyId(vote[kind]), index }))
  for (const signature of signatures) {
    const known = keys.filter(
      key => key.name === signature.name && equalBytes(key.id, signature.keyId)
    )
    if (known.length === 0) continue
    const signed = open(checkpoint, kind, signature.signature)
    const by = known.find(
      key => signed !== undefined && verifyEd25519(key.publicKey, signed.message, signed.signature)
    )
    if (by === undefined || signed === undefined)
      throw refusal(`a signature of ${toHex(signature.keyId)} is not valid`, checkpoint.size)
    if (found.has(by.index))
      throw refusal(`${toHex(signature.keyId)} signed twice`, checkpoint.size)
    found.set(by.index, signed.time)
  }
  return found
}

/** The message, signature and time of one signature line; undefined when it has not the form of its kind. */
function open(checkpoint: Checkpoint, kind: 'log' | 'cosigner', bytes: Uint8Array) {
  if (kind === 'log')
    return { message: utf8(checkpointBody(checkpoint)), signature: bytes, time: 0 }
  if (bytes.length !== COSIGNATURE_BYTES) return undefined
  const time = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0))
  if (!Number.isSafeInteger(time)) return undefined
  return { message: cosignatureMessage(checkpoint, time), signature: bytes.subarray(8), time }
}

function refusal(why: string, size: number): VitalchainError {
  return new VitalchainError('ERR_CHECKPOINT', `checkpoint: ${why}`, { values: { size } })
}
