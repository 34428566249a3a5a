import { equalBytes, verifyCertificate, type Certificate } from '@vitalchain/core'
import {
  blockKey,
  patch,
  patchRound,
  report,
  withEntry,
  type ReplicaState,
  type Turn
} from './state.ts'
import { reportDivergence, wantBlock } from './blocks.ts'
import { authenticate, isAuthentic, noteView, reject } from './checks.ts'
import { weigh, weighCertificate } from './evidence.ts'
import { VIEWS_KEPT } from './limits.ts'
import type { CommitMessage, DecidedMessage, Message, PrepareMessage } from './messages.ts'
import { voteOf } from './signing.ts'
import { averageLatency } from './timers.ts'

type Vote = PrepareMessage | CommitMessage
type VotesOf<V extends Vote> = ReadonlyMap<number, ReadonlyMap<number, V>>

/** A PREPARE or COMMIT of the current height from another validator. spec C-30, C-31. */
export function acceptVote(turn: Turn, from: number | undefined, vote: Vote): void {
  const { round } = turn.state
  const kept = Math.abs(vote.view - round.view) <= VIEWS_KEPT
  const votes: VotesOf<Vote> = vote.type === 'prepare' ? round.prepares : round.commits
  const first = votes.get(vote.view)?.get(vote.sender)
  if (first !== undefined) {
    if (!equalBytes(first.blockHash, vote.blockHash) && isAuthentic(turn, vote))
      weigh(turn, vote.sender, voteOf(vote))
    return
  }
  // Outside the window a vote still tells where its signer is, which takes one number.
  if (!kept && vote.view <= (round.latestViews.get(vote.sender) ?? -1)) return
  if (!authenticate(turn, from, vote)) return
  noteView(turn, vote.sender, vote.view)
  weigh(turn, vote.sender, voteOf(vote))
  if (kept) addVote(turn, vote)
}

/** Counts a vote whose signature is known to be good. */
export function addVote(turn: Turn, vote: Vote): void {
  const { round } = turn.state
  if (vote.type === 'prepare') {
    patchRound(turn, { prepares: withVote(round.prepares, vote) })
    return
  }
  const commits = withVote(round.commits, vote)
  patchRound(turn, { commits })
  // spec C-10: a quorum of any view decides, at any time.
  const certificate = certificateOf(turn, commits.get(vote.view), vote)
  if (certificate !== undefined) certify(turn, certificate, true)
}

/** The certificate of the votes that agree with this one, once they are a quorum. spec C-2. */
export function certificateOf(
  turn: Turn,
  votes: ReadonlyMap<number, Vote> | undefined,
  like: Pick<Vote, 'type' | 'height' | 'view' | 'blockHash'>
): Certificate | undefined {
  const { quorum } = turn.state.round
  const agreeing = [...(votes?.values() ?? [])].filter(vote =>
    equalBytes(vote.blockHash, like.blockHash)
  )
  if (agreeing.length < quorum) return undefined
  const chosen = agreeing.toSorted((a, b) => a.sender - b.sender).slice(0, quorum)
  return {
    phase: like.type,
    height: like.height,
    view: like.view,
    blockHash: like.blockHash,
    signers: chosen.map(vote => vote.sender),
    signatures: chosen.map(vote => vote.signature)
  }
}

/** A certificate from somebody who saw the end of this height. spec C-10, C-21. */
export function acceptDecided(turn: Turn, from: number | undefined, message: DecidedMessage): void {
  if (turn.state.round.certified !== undefined) return
  if (message.certificate.phase === 'commit' && isCertificate(turn, message.certificate)) {
    weighCertificate(turn, message.certificate)
    certify(turn, message.certificate, false)
  } else {
    reject(turn, from, message, 'certificate')
  }
}

/** Whether this is a quorum's certificate of the current height. */
export function isCertificate(turn: Turn, certificate: Certificate): boolean {
  const { config, round } = turn.state
  if (certificate.height !== round.context.height) return false
  try {
    verifyCertificate(certificate, round.context.validators, config, config.verify)
    return true
  } catch {
    return false
  }
}

/** Hands the decided block to the host, once it is held and found valid. spec C-10. */
export function finishHeight(turn: Turn): void {
  const { certified, finished } = turn.state.round
  if (certified === undefined || finished) return
  const proposal = wantBlock(turn, certified.blockHash, certified.signers, {
    live: false,
    checkTime: false
  })
  if (proposal !== undefined) {
    patchRound(turn, { finished: true })
    turn.effects.push({
      type: 'commit',
      blockHash: certified.blockHash,
      proposal,
      certificate: certified
    })
    return
  }
  const known = turn.state.round.blocks.get(blockKey(certified.blockHash))
  if (known?.status === 'invalid') reportDivergence(turn, known)
}

function certify(turn: Turn, certificate: Certificate, byVotes: boolean): void {
  const { round, latency, timers } = turn.state
  if (round.certified !== undefined) return
  patchRound(turn, { certified: certificate })
  const { view, height, blockHash } = certificate
  // Above view 0 the time spent in failed views says nothing about how long a commit takes.
  const since = view === 0 ? round.startedAt : view === round.view ? round.proposedAt : undefined
  const elapsed = byVotes && since !== undefined ? Math.max(0, turn.now - since) : undefined
  if (elapsed !== undefined) patch(turn, { latency: averageLatency(latency, elapsed, timers) })
  report(turn, { name: 'decided', height, view, blockHash, elapsed })
}

function withVote<V extends Vote>(votes: VotesOf<V>, vote: V): VotesOf<V> {
  return withEntry(
    votes,
    vote.view,
    withEntry(votes.get(vote.view) ?? new Map<number, V>(), vote.sender, vote)
  )
}

/** Whether a replica holds this very vote, whose signature it has checked: there is nothing new in it. */
export function holdsVote({ round }: ReplicaState, message: Message): boolean {
  if (message.type !== 'prepare' && message.type !== 'commit') return false
  if (round?.context.height !== message.height) return false
  const votes = message.type === 'prepare' ? round.prepares : round.commits
  const held = votes.get(message.view)?.get(message.sender)
  return (
    held !== undefined &&
    equalBytes(held.signature, message.signature) &&
    equalBytes(held.blockHash, message.blockHash)
  )
}
