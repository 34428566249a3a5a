import { list, text, tuple, uint, verifyEvidence, VitalchainError } from '@vitalchain/core'
import type { BlockContext, EvidenceTransaction, State, StateReader } from './contract.ts'
import { EVIDENCE_BLOCKS_MAX, validatorsAt } from './member-records.ts'
import { table, type Table } from './table.ts'

/** Proofs that are kept of one member at a time. One convicts it; the rest show how often, and must not fill the state. */
export const EVIDENCE_KEPT_MAX: number = 64

/** Heights by which evidence may be ahead of a block and is worth keeping for a later one: its sender may be a few blocks ahead. */
const AHEAD_MAX = 10

/** A misdeed of a member in consensus that was proved on the ledger. */
export interface ProvedFault {
  /** What the member did, such as `duplicate`: the kind of the evidence. */
  readonly kind: string
  /** The height at which it did it. */
  readonly height: number
  /** The height of the block that has the proof. */
  readonly recordedHeight: number
}

/** What is proved against a member. */
export interface EvidenceAgainst {
  /** Proofs since genesis. */
  readonly count: number
  /** The newest proofs, oldest first, at most 64; those that could come again stay longest. */
  readonly newest: readonly ProvedFault[]
}

const records: Table<EvidenceAgainst> = table(
  'members',
  'evidence',
  tuple({
    count: uint(),
    newest: list(
      tuple({ kind: text(32), height: uint(), recordedHeight: uint() }),
      EVIDENCE_KEPT_MAX
    )
  })
)

/** What was proved against a member, or a former one. */
export function evidenceAgainst(state: StateReader, member: Uint8Array): EvidenceAgainst {
  return records.get(state, member) ?? { count: 0, newest: [] }
}

/**
 * Takes a proof that a validator broke the rules of consensus, once for each height and kind. It is recorded and nothing
 * else: what follows is for the members to decide. spec M-14
 *
 * @throws VitalchainError `ERR_EVIDENCE_AHEAD` (retryable for the next few heights), `ERR_EVIDENCE_OLD`, `ERR_EVIDENCE_KNOWN`,
 * `ERR_EVIDENCE_ENOUGH` or `ERR_NO_EVIDENCE`
 */
export function applyEvidence(
  state: State,
  { evidence }: EvidenceTransaction,
  block: BlockContext
): void {
  const { height, kind } = evidence
  const refused = (code: string, message: string, retryable = false): VitalchainError =>
    new VitalchainError(code, message, { retryable, values: { height, kind } })
  if (height > block.height) {
    const isNear = height <= block.height + AHEAD_MAX
    throw refused('ERR_EVIDENCE_AHEAD', 'the evidence is of a height that is yet to come', isNear)
  }
  const validators = validatorsAt(state, height)
  if (height < block.height - EVIDENCE_BLOCKS_MAX || validators === undefined)
    throw refused('ERR_EVIDENCE_OLD', 'the evidence is of a height that is too far back')
  const accused = validators[evidence.validator]?.member
  // What costs no signature check comes first: a known proof may be sent again by anybody.
  if (accused !== undefined) requireNew(state, accused, block.height, { height, kind }, refused)
  const { member } = verifyEvidence(evidence, {
    network: block.network,
    recoveryEpoch: 0,
    validators
  })
  const { count, newest } = evidenceAgainst(state, member)
  const all = [...newest, { kind, height, recordedHeight: block.height }]
  // The oldest that cannot come again makes room: there is one, as fewer than the maximum can.
  if (all.length > EVIDENCE_KEPT_MAX)
    all.splice(
      all.findIndex(each => !isLive(each, block.height)),
      1
    )
  records.put(state, member, { count: count + 1, newest: all })
}

/** Whether a proof of this fault could still come again. */
function isLive(fault: ProvedFault, now: number): boolean {
  return fault.height >= now - EVIDENCE_BLOCKS_MAX
}

/** A proof whose height is out of reach can be forgotten: it cannot come again. */
function requireNew(
  state: StateReader,
  member: Uint8Array,
  now: number,
  { height, kind }: Pick<ProvedFault, 'height' | 'kind'>,
  refused: (code: string, message: string) => VitalchainError
): void {
  const live = evidenceAgainst(state, member).newest.filter(each => isLive(each, now))
  if (live.some(each => each.height === height && each.kind === kind))
    throw refused('ERR_EVIDENCE_KNOWN', 'this is proved already')
  if (live.length >= EVIDENCE_KEPT_MAX)
    throw refused('ERR_EVIDENCE_ENOUGH', `${live.length} proofs against the member stand already`)
}
