import { equalBytes } from '../bytes.ts'
import type { BoundedCache } from '../crypto/bounded-cache.ts'
import {
  bytes,
  format,
  hash32,
  list,
  optional,
  tagged,
  tuple,
  uint,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError, type ErrorValues } from '../errors.ts'
import { verifyInclusions } from '../merkle/history-many.ts'
import { leafHash } from '../merkle/history.ts'
import type { StateProof } from '../merkle/state-proof.ts'
import {
  anchorFields,
  trustOfLeaf,
  verifyAnchor,
  type Anchor,
  type ProvenAnchor,
  type Trust,
  type TrustLevel
} from './anchor.ts'
import { verifySigned, type Signed } from './cose.ts'
import type { Header } from './header.ts'
import {
  decodeLaneRecord,
  followsIn,
  laneAfter,
  laneStateKey,
  type LaneEnd
} from './lane-record.ts'
import {
  COMPLETENESS_STATEMENTS_MAX,
  INCLUSION_PATH_MAX,
  RECEIPT_BYTES_MAX,
  TRANSACTION_BYTES_MAX
} from './limits.ts'
import { requireStateProof, stateProofCodec, stateValueCodec } from './state-proof-document.ts'
import { lostHistory, type GapStatement, type Place, type Statement } from './statement.ts'
import { decodeTransaction } from './transaction.ts'

/** A statement's transaction with its place in the history. */
export interface CompletenessStatement {
  readonly index: number
  /** The inclusion path, cut where it meets that of the statement before: see `inclusionProofs`. */
  readonly path: readonly Uint8Array[]
  readonly transaction: Uint8Array
}

/**
 * Everything that proves that a device sent exactly these statements in a lane between the first and the last of them,
 * and nothing is missing. spec F-23.
 */
export interface Completeness extends Anchor {
  /** In the order of the lane, which is that of the history. */
  readonly statements: readonly CompletenessStatement[]
  /** The lane's record with its state proof: shows that nothing came after the last. Undefined leaves that open. */
  readonly head: { readonly value: Uint8Array; readonly proof: StateProof } | undefined
}

/** The bytes of a completeness proof and back. Reading checks the form only: see {@link verifyCompleteness}. */
export const completenessFormat: Format<Completeness> = format(
  'completeness',
  RECEIPT_BYTES_MAX,
  tagged(['vitalchain/completeness', 1], {
    ...anchorFields,
    statements: list(
      tuple({
        index: uint(),
        path: list(hash32, INCLUSION_PATH_MAX),
        transaction: bytes(1, TRANSACTION_BYTES_MAX)
      }),
      COMPLETENESS_STATEMENTS_MAX,
      1
    ),
    head: optional(tuple({ value: stateValueCodec, proof: stateProofCodec }))
  })
)

/** A statement that a completeness proof shows. */
export interface ProvenStatement {
  readonly statement: Statement
  readonly id: Uint8Array
  /** Its position among all transactions since genesis. */
  readonly index: number
}

/** What a valid completeness proof proves. `trust` is what the statements, their places and `toHead` rest on. */
export interface ProvenCompleteness extends ProvenAnchor {
  /** What the header itself rests on, and so its time, as in a proven receipt. */
  readonly headerTrust: TrustLevel
  readonly device: Uint8Array
  readonly lane: 0 | 1
  /** Everything that the lane took from the first to the last place, in order. */
  readonly statements: readonly ProvenStatement[]
  /** The first place. */
  readonly from: Place
  /** The last place; for a gap at the end the last that it stands for. */
  readonly to: Place
  /** What the first statement names as the one before; 32 zero bytes at the start of the lane. */
  readonly previous: Uint8Array
  /** What the statement behind the last one must name as the one before. */
  readonly next: Uint8Array
  /** Where the device says that it dropped statements, and how many readings. */
  readonly gaps: readonly GapStatement[]
  /** Where the device went on after it lost its outbox: what it had not sent by then is unknown. */
  readonly historyLost: readonly Place[]
  /** Whether the lane begins with the first statement. */
  readonly fromStart: boolean
  /** Whether nothing came after the last up to the header's height. */
  readonly toHead: boolean
  /** The height at which the lane was closed, if a proof up to the head shows one. */
  readonly quarantinedHeight: number | undefined
}

/**
 * Verifies a completeness proof offline: pure, no I/O, no clock. spec F-23.
 *
 * @param good - certificates found good before, as for `verifyAnchor`
 * @throws VitalchainError for bytes that are no completeness proof and for its anchor as `verifyReceipt` does;
 * `ERR_INCLUSION`, `ERR_COMPLETENESS` when statements do not follow one another or the last is not the newest,
 * `ERR_SIGNATURE`, `ERR_OTHER_NETWORK`, `ERR_STATE_PROOF`
 */
export function verifyCompleteness(
  encoded: Uint8Array,
  trust: Trust,
  good?: BoundedCache<true>
): ProvenCompleteness {
  const { statements: leaves, head, ...anchor } = completenessFormat.decode(encoded)
  const proven = verifyAnchor(anchor, trust, good)
  requireLeaves(leaves, proven.header)
  const opened = leaves.map(openLeaf)
  const first = opened[0]
  if (first === undefined) throw incomplete('no statement')
  for (const each of opened) requireSameLane(each.statement, first.statement, proven.network)
  const end = requireChain(opened)
  const { device, lane } = first.statement
  let quarantinedHeight: number | undefined
  if (head !== undefined) {
    const key = laneStateKey(device, lane)
    requireStateProof({ root: proven.header.stateRoot, key, ...head })
    const record = decodeLaneRecord(head.value)
    if (record.boot !== end.boot || record.seq !== end.seq || !equalBytes(record.head, end.head))
      throw incomplete('the lane has statements behind the last one', record)
    quarantinedHeight = record.quarantinedHeight
  }
  const statements = opened.map(({ statement, id, index }) => ({ statement, id, index }))
  return {
    ...proven,
    device,
    lane,
    statements,
    from: { boot: first.statement.boot, seq: first.statement.seq },
    to: { boot: end.boot, seq: end.seq },
    previous: first.statement.previous,
    next: end.head,
    gaps: statements.flatMap(({ statement }) => (statement.type === 'gap' ? [statement] : [])),
    historyLost: statements.flatMap(({ statement }) =>
      lostHistory(statement) ? [{ boot: statement.boot, seq: statement.seq }] : []
    ),
    fromStart: first.statement.previous.every(byte => byte === 0),
    toHead: head !== undefined,
    quarantinedHeight,
    // The statements are in the history, but the lane's record is only under the header's state root.
    trust:
      head === undefined ? trustOfLeaf(opened.at(-1)?.index ?? 0, proven, trust.pin) : proven.trust,
    headerTrust: proven.trust
  }
}

/**
 * Whether one proven range goes on where another ends: the same lane, nothing between. The two may be shown against
 * different headers of the network.
 */
export function rangesJoin(one: ProvenCompleteness, next: ProvenCompleteness): boolean {
  const last = one.statements.at(-1)
  const first = next.statements[0]
  return (
    last !== undefined &&
    first !== undefined &&
    last.index < first.index &&
    equalBytes(one.network, next.network) &&
    equalBytes(one.device, next.device) &&
    one.lane === next.lane &&
    followsIn({ ...one.to, head: one.next }, first.statement)
  )
}

interface OpenedLeaf extends ProvenStatement {
  readonly signed: Signed
}

function openLeaf({ index, transaction }: CompletenessStatement): OpenedLeaf {
  const opened = decodeTransaction(transaction)
  if (opened.type !== 'statement') throw incomplete('a transaction is no statement', { index })
  const { statement, id, signed } = opened
  return { statement, id, index, signed }
}

function requireLeaves(leaves: readonly CompletenessStatement[], header: Header): void {
  const { size, root } = header.history
  const placed = leaves.map(({ index, path, transaction }) => ({
    index,
    path,
    leafHash: leafHash(transaction)
  }))
  if (!verifyInclusions(placed, size, root)) {
    throw new VitalchainError(
      'ERR_INCLUSION',
      `a statement is not at its place of the history of height ${header.height}`,
      { values: { height: header.height } }
    )
  }
}

function requireSameLane(statement: Statement, first: Statement, network: Uint8Array): void {
  if (!equalBytes(statement.network, network))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'a statement was signed for another network')
  if (!equalBytes(statement.device, first.device) || statement.lane !== first.lane)
    throw incomplete('statements of two lanes', statement)
}

/**
 * Each statement follows the one before by D-4 and D-5. The next one's hash of it is as good as a signature, so those
 * are checked only where there is none: at the end, and of gaps, in whose place the next names what was dropped.
 */
function requireChain(opened: readonly OpenedLeaf[]): LaneEnd {
  let end: LaneEnd | undefined
  for (const [at, { statement, id, signed }] of opened.entries()) {
    if (end !== undefined && !followsIn(end, statement))
      throw incomplete('a statement does not follow the one before', statement)
    const isNamed = statement.type !== 'gap' && at < opened.length - 1
    if (!isNamed && !verifySigned(signed)) {
      throw new VitalchainError('ERR_SIGNATURE', 'a signature of a statement is not valid', {
        values: placeOf(statement)
      })
    }
    end = laneAfter(statement, id)
  }
  if (end === undefined) throw incomplete('no statement')
  return end
}

function placeOf({ boot, seq }: Place): ErrorValues {
  return { boot, seq }
}

function incomplete(why: string, at?: Place | { readonly index: number }): VitalchainError {
  const values = at === undefined ? {} : 'index' in at ? { index: at.index } : placeOf(at)
  return new VitalchainError('ERR_COMPLETENESS', `not shown to be complete: ${why}`, { values })
}
