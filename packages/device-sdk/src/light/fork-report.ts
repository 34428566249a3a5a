import {
  anchorFields,
  equalBytes,
  format,
  RECEIPT_BYTES_MAX,
  tagged,
  tuple,
  verifyAnchor,
  VitalchainError,
  type Anchor,
  type Format,
  type ProvenAnchor
} from '@vitalchain/core'

/** A certified header with the hand-overs that lead to its validators. */
export type Branch = Pick<Anchor, 'handOvers' | 'header' | 'certificate'>

/** Two certified headers at one height, and all that is needed to see that they are. spec L-6. */
export interface ForkReport {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  readonly first: Branch
  readonly second: Branch
}

/** Bytes of a fork report: it holds the anchors of two receipts. */
export const FORK_REPORT_BYTES_MAX: number = 2 * RECEIPT_BYTES_MAX

const { genesis, handOvers, header, certificate } = anchorFields
const branch = tuple({ handOvers, header, certificate })

/** The bytes of a fork report and back. Reading checks the form only: see {@link verifyForkReport}. */
export const forkReportFormat: Format<ForkReport> = format(
  'fork report',
  FORK_REPORT_BYTES_MAX,
  tagged(['vitalchain/fork-report', 1], { genesis, first: branch, second: branch })
)

/** What a fork report proves: more validators than the network tolerates broke the rules, or lost their keys. */
export interface ProvenFork {
  /** The network id. */
  readonly network: Uint8Array
  /** The height at which two blocks are certified. */
  readonly height: number
  readonly first: ProvenAnchor
  readonly second: ProvenAnchor
  /** Whether both have the same parent: the ledger split at this very height, and not before. */
  readonly splitHere: boolean
  /**
   * Identifiers of the members that certified both. Not each of them broke a rule: one that signed in two views may have
   * had a reason, which what they signed before shows (`vitalchain blame`).
   */
  readonly signedBoth: readonly Uint8Array[]
}

/**
 * Verifies a fork report offline: pure, no I/O, no clock. spec L-6.
 *
 * @param trust - the genesis document's bytes, or the network id
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL`, `ERR_SCHEMA`, `ERR_OTHER_NETWORK`,
 * `ERR_HANDOVER`, `ERR_CERTIFICATE`; `ERR_NO_FORK` when both headers are one, or of two heights
 */
export function verifyForkReport(
  encoded: Uint8Array,
  trust: { readonly genesis: Uint8Array }
): ProvenFork {
  const report = forkReportFormat.decode(encoded)
  const prove = (branch: Branch): ProvenAnchor =>
    verifyAnchor(
      { genesis: report.genesis, ...branch, consistency: undefined },
      { genesis: trust.genesis }
    )
  const first = prove(report.first)
  const second = prove(report.second)
  const { height } = first.header
  if (second.header.height !== height || equalBytes(first.blockHash, second.blockHash))
    throw new VitalchainError('ERR_NO_FORK', 'the two headers do not contradict each other', {
      values: { first: height, second: second.header.height }
    })
  return {
    network: first.network,
    height,
    first,
    second,
    splitHere: equalBytes(first.header.previous, second.header.previous),
    signedBoth: first.certifiedBy
      .filter(({ member }) => second.certifiedBy.some(each => equalBytes(each.member, member)))
      .map(({ member }) => member)
  }
}
