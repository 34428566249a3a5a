import { blockHash, equalBytes } from '@vitalchain/core'
import { addProposal } from './proposals.ts'
import type { SignedMessage } from './messages.ts'
import { unsignedVote } from './signing.ts'
import {
  blockKey,
  maySpeak,
  mayVote,
  patch,
  patchRound,
  report,
  type RunningState,
  type Turn
} from './state.ts'
import type { UnsignedVote } from './types.ts'
import { addViewChange } from './view-change.ts'
import {
  addSent,
  sentMessages,
  withSigned,
  type PreparedBlock,
  type VoteState
} from './vote-state.ts'
import { addVote, certificateOf } from './votes.ts'

const NO_HASH = new Uint8Array(32)

/**
 * Asks the host to sign what the rules now call for. What to sign follows from the state alone, and only one request
 * is open at a time, so two votes that contradict each other cannot be under way together. spec C-24, C-25.
 */
export function speak(turn: Turn): void {
  const { state } = turn
  if (state.signing !== undefined || state.round.certified !== undefined || !mayVote(state)) return
  const { votes, prepared } = owedVotes(turn)
  if (votes.length === 0) return
  const { context, view, sent } = state.round
  const record: VoteState = { height: context.height, view, sent, prepared }
  patch(turn, { signing: record })
  turn.effects.push({ type: 'sign', votes, record })
}

/** The host signed what it was asked to, and it is durable: now it may be said. spec C-24. */
export function acceptSigned(turn: Turn, signed: readonly SignedMessage[]): void {
  const { signing } = turn.state
  if (signing === undefined) return
  const record = withSigned(signing, signed)
  patch(turn, { signing: undefined, record })
  const { round } = turn.state
  if (record.height !== round.context.height) return
  // The view may have moved on meanwhile: what was signed before is still said, and the certificate still held.
  patchRound(turn, {
    prepared: record.prepared,
    sent: record.view === round.view ? addSent(round.sent, signed) : round.sent
  })
  for (const message of signed) {
    hearOwn(turn, message)
    turn.effects.push({ type: 'send', to: 'all', message })
  }
}

/** Sends again, byte for byte, what was signed in the current view. spec C-20, C-26. */
export function resend(turn: Turn, to: 'all' | readonly number[]): void {
  const { round } = turn.state
  if (round.certified !== undefined || !maySpeak(turn.state) || to.length === 0) return
  for (const message of sentMessages(round.sent)) turn.effects.push({ type: 'send', to, message })
}

/** Takes part in the own counts: a replica is one of its validators. */
export function hearOwn(turn: Turn, message: SignedMessage): void {
  const { view } = turn.state.round
  switch (message.type) {
    case 'proposal':
      if (message.view === view) addProposal(turn, message, blockHash(message.block.header))
      return
    case 'view-change':
      return addViewChange(turn, message)
    case 'prepare':
    case 'commit':
      return addVote(turn, message)
  }
}

function owedVotes(turn: Turn): { votes: UnsignedVote[]; prepared: PreparedBlock | undefined } {
  const { state } = turn
  const { round } = state
  const { prepared, sent, view } = round
  if (round.announce && sent['view-change'] === undefined) {
    return { votes: [viewChangeVote(state)], prepared }
  }
  const votes: UnsignedVote[] = []
  if (round.candidate !== undefined && sent.proposal === undefined)
    votes.push(proposalVote(state, round.candidate))
  const target = preparable(state)
  // spec C-8: once in a view, and never after a commit in it.
  if (target !== undefined && sent.prepare === undefined && sent.commit === undefined) {
    votes.push(blockVote(state, 'prepare', target))
  }
  if (votes.length > 0) return { votes, prepared }
  const now = committable(turn)
  if (now === undefined) return { votes, prepared }
  report(turn, {
    name: 'prepared',
    height: round.context.height,
    view,
    blockHash: now.certificate.blockHash
  })
  return { votes: [blockVote(state, 'commit', now.certificate.blockHash)], prepared: now }
}

function place({ round }: RunningState): { height: number; view: number; sender: number } {
  // mayVote holds, so the own key is in the set.
  return { height: round.context.height, view: round.view, sender: round.self ?? -1 }
}

function viewChangeVote(state: RunningState): UnsignedVote {
  const prepared = state.round.prepared?.certificate
  return unsignedVote(state.config, {
    type: 'view-change',
    ...place(state),
    preparedView: prepared?.view ?? -1,
    preparedHash: prepared?.blockHash ?? NO_HASH,
    prepared
  })
}

function proposalVote(
  state: RunningState,
  candidate: NonNullable<RunningState['round']['candidate']>
): UnsignedVote {
  const { block, justification } = candidate
  return unsignedVote(state.config, { type: 'proposal', ...place(state), block, justification })
}

function blockVote(
  state: RunningState,
  type: 'prepare' | 'commit',
  blockHash: Uint8Array
): UnsignedVote {
  return unsignedVote(state.config, { type, ...place(state), blockHash })
}

/** The block that may be prepared in the current view: proposed by its leader, held and executed. spec C-8. */
function preparable({ round }: RunningState): Uint8Array | undefined {
  const { candidate, proposals, view, blocks } = round
  const proposed =
    candidate === undefined ? proposals.get(view)?.blockHash : blockHash(candidate.block.header)
  if (proposed === undefined) return undefined
  return blocks.get(blockKey(proposed))?.status === 'valid' ? proposed : undefined
}

/** The block that may be committed to: prepared by this replica and by a quorum, in the current view. spec C-9. */
function committable(turn: Turn): PreparedBlock | undefined {
  const { view, sent, prepares, blocks } = turn.state.round
  if (sent.prepare === undefined || sent.commit !== undefined) return undefined
  const known = blocks.get(blockKey(sent.prepare.blockHash))
  const certificate = certificateOf(turn, prepares.get(view), sent.prepare)
  if (certificate === undefined || known?.status !== 'valid') return undefined
  return { certificate, block: known.block }
}

/** Whether a message that carries the own index is one that this replica made. spec C-27. */
export function isOwn(state: RunningState, message: SignedMessage): boolean {
  const { round, record } = state
  const newest = round.sent[message.type]
  if (message.view < round.view) return true
  if (newest?.view === message.view) return equalBytes(newest.signature, message.signature)
  // A vote that was signed just before the view moved on is in the record only.
  return record?.height === message.height && record.view > message.view
}
