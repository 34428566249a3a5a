import {
  equalBytes,
  format,
  hash32,
  bytes,
  integer,
  justificationCodec,
  list,
  tagged,
  tuple,
  u32,
  uint,
  VALIDATORS_MAX,
  PREPARED_VIEW_MAX,
  type Certificate,
  type Format,
  type Justification
} from '@vitalchain/core'
import { RECORD_PROPOSALS_MAX, RECORD_BYTES_MAX, VIEWS_KEPT } from './limits.ts'
import type { CommitMessage } from './messages.ts'
import type { Round } from './state.ts'

interface Recorded {
  readonly view: number
  /** Index of the signer in the validator set of the height. */
  readonly sender: number
  readonly signature: Uint8Array
}

/** A proposal above view 0 that was found justified, without its block. */
export interface JustifiedProposal extends Recorded {
  readonly blockHash: Uint8Array
  readonly justification: Justification
}

/** A COMMIT that somebody heard. */
export interface RecordedCommit extends Recorded {
  readonly blockHash: Uint8Array
}

/** A view change that somebody heard, without the certificate behind it. */
export interface RecordedViewChange extends Recorded {
  readonly preparedView: number
  readonly preparedHash: Uint8Array
}

/**
 * What a replica heard at a height and a block does not tell: kept for `blame`, should two certificates of this height
 * ever turn up. Every part carries its signature; nothing in it is believed without. spec C-34.
 */
export interface HeightRecord {
  readonly height: number
  readonly proposals: readonly JustifiedProposal[]
  readonly commits: readonly RecordedCommit[]
  readonly viewChanges: readonly RecordedViewChange[]
}

const recorded = { view: u32, sender: uint(VALIDATORS_MAX - 1) }
const signature = bytes(64)

/** The bytes of a record and back. A format of one node's disk: nothing in it is agreed upon. */
export const heightRecordFormat: Format<HeightRecord> = format(
  'height-record',
  RECORD_BYTES_MAX,
  tagged(['vitalchain/height-record', 1], {
    height: uint(Number.MAX_SAFE_INTEGER, 1),
    proposals: list(
      tuple({ ...recorded, blockHash: hash32, justification: justificationCodec, signature }),
      RECORD_PROPOSALS_MAX
    ),
    commits: list(
      tuple({ ...recorded, blockHash: hash32, signature }),
      (2 * VIEWS_KEPT + 1) * VALIDATORS_MAX
    ),
    viewChanges: list(
      tuple({
        ...recorded,
        preparedView: integer(-1, PREPARED_VIEW_MAX),
        preparedHash: hash32,
        signature
      }),
      VALIDATORS_MAX
    )
  })
)

/** What is to be kept of a round that is over; undefined when its certificate says it all, as after most heights. */
export function recordOf(round: Round): HeightRecord | undefined {
  const { certified } = round
  const proposals = [...round.justified.values()]
  const commits = [...round.commits.values()]
    .flatMap(votes => [...votes.values()])
    // Those that are in the certificate are kept with the block.
    .filter(vote => certified === undefined || !isIn(certified, vote))
    .map(({ view, sender, blockHash, signature: signed }) => ({
      view,
      sender,
      blockHash,
      signature: signed
    }))
  const viewChanges = [...round.viewChanges.values()].map(
    ({ view, sender, preparedView, preparedHash, signature: signed }) => ({
      view,
      sender,
      preparedView,
      preparedHash,
      signature: signed
    })
  )
  if (proposals.length === 0 && viewChanges.length === 0 && commits.length === 0) return undefined
  return { height: round.context.height, proposals, commits, viewChanges }
}

function isIn(certificate: Certificate, { view, sender, blockHash }: CommitMessage): boolean {
  return (
    view === certificate.view &&
    certificate.signers.includes(sender) &&
    equalBytes(blockHash, certificate.blockHash)
  )
}

/**
 * Adds a justified proposal to those that are kept. When there are too many, those in the middle go: the first that
 * dropped a block names its culprits, and so does the one that was decided.
 */
export function withJustified(
  kept: ReadonlyMap<number, JustifiedProposal>,
  proposal: JustifiedProposal
): ReadonlyMap<number, JustifiedProposal> {
  const all = [...new Map(kept).set(proposal.view, proposal)].toSorted(([a], [b]) => a - b)
  if (all.length > RECORD_PROPOSALS_MAX) all.splice(RECORD_PROPOSALS_MAX / 2, 1)
  return new Map(all)
}
