import { VitalchainError } from '../errors.ts'
import { INCLUSION_PATH_MAX, TRANSACTION_BYTES_MAX } from '../ledger/limits.ts'
import { leafHash, verifyInclusion } from '../merkle/history.ts'
import { fromBase64, toBase64 } from './base64.ts'
import {
  verifyCheckpointNote,
  type CheckpointTrust,
  type ProvenCheckpoint
} from './checkpoint-note.ts'
import { parseDecimal } from './checkpoint.ts'
import { checkText, NOTE_CHARACTERS_MAX, unfit } from './signed-note.ts'

/** Bytes of a tlog-proof's extra data: a whole transaction. */
export const TLOG_EXTRA_BYTES_MAX: number = TRANSACTION_BYTES_MAX

/** Characters of a tlog-proof: a note, the extra data in base64 (88 kB), 53 hashes (2.4 kB). */
export const TLOG_PROOF_CHARACTERS_MAX: number = NOTE_CHARACTERS_MAX + 96 * 1024

const FIRST_LINE = 'c2sp.org/tlog-proof@v1'
const WHAT = 'tlog-proof'

/** The parts of a C2SP tlog-proof. */
export interface TlogProof {
  /** The leaf's place in the history tree. */
  readonly index: number
  /** The inclusion path, RFC 9162 section 2.1.3, at most 53 hashes. */
  readonly path: readonly Uint8Array[]
  /** The signed note of the checkpoint. */
  readonly checkpoint: string
  /** Bytes that nobody signed, at most 65 535: the transaction itself, to make the file complete. */
  readonly extra?: Uint8Array | undefined
}

/** What a tlog-proof proves: the checkpoint by a quorum of its validators, and the transaction's place in it. */
export interface ProvenTlog extends ProvenCheckpoint {
  readonly index: number
  /** Not authenticated. */
  readonly extra: Uint8Array | undefined
}

/** The text of a C2SP tlog-proof. It checks nothing. spec K-8. */
export function tlogProof({ index, path, checkpoint, extra }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...path.map(toBase64)
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/**
 * Takes a tlog-proof apart. It checks the form of everything in front of the checkpoint, and no signature.
 *
 * @throws VitalchainError `ERR_TOO_LARGE` or `ERR_SCHEMA`. spec K-8
 */
export function readTlogProof(text: string): TlogProof {
  checkText(text, WHAT, TLOG_PROOF_CHARACTERS_MAX)
  // The first empty line: the checkpoint has its own.
  const split = text.indexOf('\n\n')
  if (split < 0) throw unfit(WHAT, 'an empty line in front of the checkpoint')
  const lines = text.slice(0, split).split('\n')
  if (lines.shift() !== FIRST_LINE) throw unfit(WHAT, `"${FIRST_LINE}" as first line`)
  const extra = lines[0]?.startsWith('extra ') === true ? readExtra(lines.shift() ?? '') : undefined
  const place = lines.shift() ?? ''
  const index = place.startsWith('index ') ? parseDecimal(place.slice('index '.length)) : undefined
  if (index === undefined) throw unfit(WHAT, 'a line "index" with a number')
  if (lines.length > INCLUSION_PATH_MAX) throw unfit(WHAT, `at most ${INCLUSION_PATH_MAX} hashes`)
  return { index, path: lines.map(readHash), checkpoint: text.slice(split + 2), extra }
}

function readExtra(line: string): Uint8Array {
  const bytes = fromBase64(line.slice('extra '.length))
  if (bytes === undefined || bytes.length > TLOG_EXTRA_BYTES_MAX)
    throw unfit(WHAT, `at most ${TLOG_EXTRA_BYTES_MAX} bytes of extra data in base64`)
  return bytes
}

function readHash(line: string): Uint8Array {
  const bytes = fromBase64(line)
  if (bytes?.length !== 32) throw unfit(WHAT, 'hashes of 32 bytes in base64')
  return bytes
}

/**
 * Checks a tlog-proof: the checkpoint by {@link verifyCheckpointNote}, and that the transaction is at its place of that
 * tree. Pure. spec K-8.
 *
 * @param transaction - the transaction's bytes, the leaf
 * @throws VitalchainError as {@link readTlogProof} and {@link verifyCheckpointNote}, and `ERR_INCLUSION`
 */
export function verifyTlogProof(
  text: string,
  transaction: Uint8Array,
  trust: CheckpointTrust
): ProvenTlog {
  const { index, path, checkpoint, extra } = readTlogProof(text)
  const proven = verifyCheckpointNote(checkpoint, trust)
  if (!verifyInclusion(leafHash(transaction), index, proven.size, path, proven.root)) {
    throw new VitalchainError(
      'ERR_INCLUSION',
      `the transaction is not at ${index} of the tree of ${proven.size}`,
      { values: { index, size: proven.size } }
    )
  }
  return { ...proven, index, extra }
}
