import { blockHash, equalBytes } from '@vitalchain/core'
import { acceptVerdict, keepBuiltBlock, keepProposedBlock, wantBlock } from './blocks.ts'
import { authenticate, fitsHeight, isAuthentic, noteView, reject } from './checks.ts'
import { accuseOfNewView, weigh } from './evidence.ts'
import { withJustified } from './height-record.ts'
import type { BlockProposal, ProposalMessage } from './messages.ts'
import { voteOf } from './signing.ts'
import {
  blockKey,
  leaderAt,
  mayVote,
  patch,
  patchRound,
  report,
  withEntry,
  type Turn
} from './state.ts'
import { enterView, isJustified, justificationOf } from './view-change.ts'

/** A proposal of the current height from another validator. spec C-7. */
export function acceptProposal(
  turn: Turn,
  from: number | undefined,
  message: ProposalMessage
): void {
  const { config, round } = turn.state
  const { view, sender, block, justification } = message
  const hash = blockHash(block.header)
  const first = round.proposals.get(view)
  if (first !== undefined) {
    const differs =
      first.message.sender === sender && !equalBytes(first.message.signature, message.signature)
    if (differs && isAuthentic(turn, message)) weigh(turn, sender, voteOf(message))
    return
  }
  if (view < round.view) return
  if (sender !== leaderAt(round, view)) return reject(turn, from, message, 'leader')
  if (view === 0 && justification !== undefined) return reject(turn, from, message, 'justification')
  if (!authenticate(turn, from, message)) return
  if (view > 0 && !isJustified(turn, message, hash)) {
    accuseOfNewView(turn, message)
    return reject(turn, from, message, 'justification')
  }
  noteView(turn, sender, view)
  enterView(turn, view, 'justified')
  addProposal(turn, message, hash)
  const fresh = justification?.prepared === undefined
  const { header } = block
  if (
    fitsHeight(config, round, block) &&
    (!fresh || (header.originView === view && header.originProposer === sender))
  ) {
    keepProposedBlock(turn, block, hash)
  } else {
    reject(turn, from, message, 'block')
    complain(turn, 'ERR_BLOCK')
  }
}

/** Keeps a proposal that was checked. */
export function addProposal(turn: Turn, message: ProposalMessage, hash: Uint8Array): void {
  const { round } = turn.state
  const { view, sender, justification, signature } = message
  patchRound(turn, {
    proposals: withEntry(round.proposals, view, { message, blockHash: hash }),
    justified:
      justification === undefined
        ? round.justified
        : withJustified(round.justified, {
            view,
            sender,
            blockHash: hash,
            justification,
            signature
          }),
    proposedAt: turn.now,
    startedAt: round.startedAt ?? turn.now
  })
}

/** Gives the block of the current proposal to the host, unless that is done. spec C-8. */
export function inspectProposal(turn: Turn): void {
  const { round } = turn.state
  const proposal = round.proposals.get(round.view)
  if (proposal === undefined || round.certified !== undefined || !mayVote(turn.state)) return
  const key = blockKey(proposal.blockHash)
  if (!round.blocks.has(key)) return
  const { message, blockHash: hash } = proposal
  // What this replica prepared before a restart was in time then.
  const prepared =
    round.sent.prepare !== undefined && equalBytes(round.sent.prepare.blockHash, hash)
  const checkTime = message.justification?.prepared === undefined && !prepared
  wantBlock(turn, hash, [message.sender], { live: true, checkTime })
}

/** The host's answer to `validate`. spec C-11. */
export function acceptValidated(turn: Turn, request: number, valid: boolean, code: string): void {
  const known = acceptVerdict(turn, request, valid, code)
  const { round } = turn.state
  const proposal = round.proposals.get(round.view)
  if (known === undefined || valid || round.certified !== undefined) return
  if (proposal !== undefined && equalBytes(proposal.blockHash, known.blockHash))
    complain(turn, code)
}

/**
 * As the leader of the current view: gets a block to propose. In view 0 there must be work; above it the view
 * changes of a quorum say what to propose. spec C-6, C-16.
 */
export function prepareProposal(turn: Turn): void {
  const { round, pending } = turn.state
  const { view, self, certified, sent, candidate, building, nothingToBuild } = round
  const done = certified !== undefined || sent.proposal !== undefined || candidate !== undefined
  if (done || !mayVote(turn.state) || self !== leaderAt(round, view)) return
  if (view === 0) {
    if (pending && building === undefined) requestBlock(turn)
    return
  }
  if (building !== undefined || nothingToBuild === view) return
  const justification = justificationOf(round, view)
  if (justification === undefined) return
  const { prepared } = justification
  if (prepared === undefined) {
    requestBlock(turn)
    return
  }
  // Who claims the block keeps it on disk; who only prepared it may have lost it in a crash.
  const claimants = [...round.viewChanges.values()]
    .filter(({ preparedHash }) => equalBytes(preparedHash, prepared.blockHash))
    .map(({ sender }) => sender)
  const holders = [...new Set([...claimants, ...prepared.signers])]
  const block = wantBlock(turn, prepared.blockHash, holders, { live: true, checkTime: false })
  if (block !== undefined) patchRound(turn, { candidate: { block, justification } })
}

/** The host's answer to `build`. */
export function acceptBuilt(
  turn: Turn,
  height: number,
  view: number,
  block: BlockProposal | undefined
): void {
  const { config, round } = turn.state
  const { building, self } = round
  if (building === undefined || height !== round.context.height || view !== round.view) return
  patchRound(turn, { building: undefined })
  const usable =
    block !== undefined &&
    fitsHeight(config, round, block) &&
    block.header.originView === view &&
    block.header.originProposer === self
  if (!usable) {
    // Asked again in view 0 when `work` says so, above it in the next view.
    if (view === 0) patch(turn, { pending: false })
    patchRound(turn, { nothingToBuild: view })
    return
  }
  keepBuiltBlock(turn, block, blockHash(block.header))
  patchRound(turn, { candidate: { block, justification: building.justification } })
}

function requestBlock(turn: Turn): void {
  const { round } = turn.state
  const { view, context } = round
  // The proof is fixed now: a later view change may hold a certificate that a fresh block would contradict.
  patchRound(turn, {
    building: { view, justification: view === 0 ? undefined : justificationOf(round, view) }
  })
  turn.effects.push({
    type: 'build',
    height: context.height,
    view,
    minTime: context.parentTime + 1,
    allowEmpty: view > 0
  })
}

/** The rightful leader proposed what cannot be voted for: waiting for its timeout would serve nobody. spec C-11. */
function complain(turn: Turn, code: string): void {
  const { round } = turn.state
  const { height } = round.context
  report(turn, {
    name: 'invalid-block',
    height,
    view: round.view,
    leader: leaderAt(round, round.view),
    code
  })
  enterView(turn, round.view + 1, 'invalid-proposal')
}
