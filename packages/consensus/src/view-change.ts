import {
  equalBytes,
  isClaim,
  justificationFault,
  VIEW_MAX,
  type Certificate
} from '@vitalchain/core'
import { pruneBlocks } from './blocks.ts'
import { authenticate, isAuthentic, noteView, reject } from './checks.ts'
import { weigh, weighCertificate, weighJustification } from './evidence.ts'
import { CERTIFICATES_KEPT, VIEWS_KEPT } from './limits.ts'
import type {
  Justification,
  ProposalMessage,
  ViewChangeClaim,
  ViewChangeMessage
} from './messages.ts'
import { voteOf } from './signing.ts'
import {
  blockKey,
  filtered,
  leaderAt,
  patchRound,
  report,
  withEntry,
  type Round,
  type Turn
} from './state.ts'
import type { ReplicaEvent } from './types.ts'
import { isCertificate } from './votes.ts'

/**
 * Goes to a higher view: nothing is signed in a lower one any more. A view change is owed to the others unless a
 * justified proposal led here. spec C-12.
 */
export function enterView(
  turn: Turn,
  view: number,
  cause: Extract<ReplicaEvent, { name: 'view' }>['cause']
): void {
  const { round } = turn.state
  if (view <= round.view || view > VIEW_MAX) return
  const near = (each: number): boolean => Math.abs(each - view) <= VIEWS_KEPT
  patchRound(turn, {
    view,
    announce: cause !== 'justified',
    sent: {},
    proposals: filtered(round.proposals, near),
    prepares: filtered(round.prepares, near),
    commits: filtered(round.commits, near),
    building: undefined,
    candidate: undefined,
    proposedAt: undefined
  })
  pruneBlocks(turn)
  report(turn, {
    name: 'view',
    height: round.context.height,
    view,
    leader: leaderAt(round, view),
    cause
  })
}

/** A view change of the current height from another validator. spec C-13. */
export function acceptViewChange(
  turn: Turn,
  from: number | undefined,
  message: ViewChangeMessage
): void {
  const { round } = turn.state
  const known = round.viewChanges.get(message.sender)
  if (known !== undefined && known.view >= message.view) {
    const contradicts = known.view === message.view && !sameClaim(known, message)
    if (contradicts && isAuthentic(turn, message)) weigh(turn, message.sender, voteOf(message))
    return
  }
  if (!isClaim(message, message.view) || !authenticate(turn, from, message)) {
    if (!isClaim(message, message.view)) reject(turn, from, message, 'prepared')
    return
  }
  const prepared = provenCertificate(turn, message, message.prepared)
  if (prepared === undefined && message.preparedView >= 0) {
    reject(turn, from, message, 'prepared')
    return
  }
  weigh(turn, message.sender, voteOf(message))
  addViewChange(turn, { ...message, prepared })
}

/** Keeps a view change that was checked. */
export function addViewChange(turn: Turn, message: ViewChangeMessage): void {
  noteView(turn, message.sender, message.view)
  patchRound(turn, {
    viewChanges: withEntry(turn.state.round.viewChanges, message.sender, message)
  })
}

/**
 * Goes to the highest view that f + 1 others reached: one of them is honest, so the view is real. spec C-14.
 */
export function joinOthers(turn: Turn): void {
  const { latestViews, faults, self, certified, view } = turn.state.round
  if (certified !== undefined) return
  const ahead: number[] = []
  for (const [validator, each] of latestViews)
    if (validator !== self && each > view) ahead.push(each)
  const reached = ahead.toSorted((a, b) => b - a)[faults]
  if (reached !== undefined) enterView(turn, reached, 'behind')
}

/**
 * The proof that a proposal of this view needs, once there is one: a quorum's view changes to exactly this view,
 * the highest claims first. Claims of blocks that nobody gave out count only if there is no quorum without them: any
 * quorum will do, and a faulty validator may claim what it alone holds. spec C-15, C-16.
 */
export function justificationOf(round: Round, view: number): Justification | undefined {
  const matching = [...round.viewChanges.values()].filter(each => each.view === view)
  const held = matching.filter(({ preparedHash }) => !round.missing.has(blockKey(preparedHash)))
  const ordered = (held.length < round.quorum ? matching : held).toSorted(
    (a, b) => b.preparedView - a.preparedView || a.sender - b.sender
  )
  const [top] = ordered
  // With more than f faulty, two blocks may be prepared in one view: no justification holds claims of both. spec C-15
  const usable = ordered.filter(
    each =>
      each.preparedView !== top?.preparedView || equalBytes(each.preparedHash, top.preparedHash)
  )
  if (usable.length < round.quorum) return undefined
  const chosen = usable.slice(0, round.quorum)
  return {
    claims: chosen
      .toSorted((a, b) => a.sender - b.sender)
      .map(({ sender, preparedView, preparedHash, signature }) => ({
        sender,
        preparedView,
        preparedHash,
        signature
      })),
    prepared: chosen[0]?.prepared
  }
}

/**
 * Whether a proposal above view 0 is justified: a quorum went to exactly its view, and it proposes the block of the
 * highest prepared certificate among them, or a fresh one when there is none. spec C-15.
 */
export function isJustified(turn: Turn, message: ProposalMessage, blockHash: Uint8Array): boolean {
  const { justification, height, view } = message
  if (justification === undefined) return false
  const { quorum } = turn.state.round
  const fault = justificationFault(
    justification,
    { quorum, view, blockHash },
    {
      isSigned: claim => isSignedClaim(turn, claim, height, view),
      isProven: certificate =>
        provenCertificate(
          turn,
          { preparedView: certificate.view, preparedHash: certificate.blockHash },
          certificate
        ) !== undefined
    }
  )
  if (fault !== undefined) return false
  weighJustification(turn, view, justification)
  for (const { sender } of justification.claims) noteView(turn, sender, view)
  return true
}

function isSignedClaim(turn: Turn, claim: ViewChangeClaim, height: number, view: number): boolean {
  const known = turn.state.round.viewChanges.get(claim.sender)
  if (
    known?.view === view &&
    sameClaim(known, claim) &&
    equalBytes(known.signature, claim.signature)
  )
    return true
  return isAuthentic(turn, { type: 'view-change', height, view, prepared: undefined, ...claim })
}

/** A certificate that proves the claim: the given one when it is good, or one that was verified before. */
function provenCertificate(
  turn: Turn,
  claim: Pick<ViewChangeClaim, 'preparedView' | 'preparedHash'>,
  certificate: Certificate | undefined
): Certificate | undefined {
  if (claim.preparedView < 0 || certificate === undefined) return undefined
  const known = turn.state.round.certificates.get(claim.preparedView)
  if (known !== undefined && equalBytes(known.blockHash, claim.preparedHash)) return known
  const proves =
    certificate.phase === 'prepare' &&
    certificate.view === claim.preparedView &&
    equalBytes(certificate.blockHash, claim.preparedHash) &&
    isCertificate(turn, certificate)
  if (!proves) return undefined
  weighCertificate(turn, certificate)
  const all = withEntry(turn.state.round.certificates, certificate.view, certificate)
  const lowest = Math.min(...all.keys())
  patchRound(turn, {
    certificates: all.size > CERTIFICATES_KEPT ? filtered(all, view => view !== lowest) : all
  })
  return certificate
}

function sameClaim(
  a: Pick<ViewChangeClaim, 'preparedView' | 'preparedHash'>,
  b: Pick<ViewChangeClaim, 'preparedView' | 'preparedHash'>
): boolean {
  return a.preparedView === b.preparedView && equalBytes(a.preparedHash, b.preparedHash)
}
