import { equalBytes, voteSignBytes, type Certificate } from '@vitalchain/core'
import { askSync, isRecent } from './catch-up.ts'
import { INQUIRY_ANSWER_MS } from './limits.ts'
import type { AnswerMessage, InquiryMessage, PastVote, SignedMessage } from './messages.ts'
import { voteOf } from './signing.ts'
import {
  patch,
  patchRound,
  report,
  withEntry,
  type Inquiry,
  type RunningState,
  type Turn
} from './state.ts'
import type { HeightContext } from './types.ts'
import { enterView } from './view-change.ts'
import { compareWatermarks, sentMessages, watermarkOf, type VoteState } from './vote-state.ts'

/** Heights above the newest that the others had in which a lost vote may stand. spec C-38. */
const LOST_HEIGHTS = 2

/** A signature of the own key, wherever it was met. */
type OwnSignature = Pick<SignedMessage, 'type' | 'height' | 'view'>

/** Asks those who did not answer yet, or not in a way that helps. spec C-36. */
export function ask(turn: Turn): void {
  const { inquiry, round } = turn.state
  if (inquiry === undefined || round.self === undefined) return
  const to = round.context.validators
    .map((_, index) => index)
    .filter(index => index !== round.self && !isUsable(inquiry, index))
  askThese(turn, to)
}

/** Asks one validator, whose link came up, unless its answer is there. */
export function askPeer(turn: Turn, peer: number): void {
  const { inquiry, round } = turn.state
  if (inquiry === undefined || round.self === undefined || peer === round.self) return
  if (!isUsable(inquiry, peer)) askThese(turn, [peer])
}

function askThese(turn: Turn, to: readonly number[]): void {
  const { inquiry } = turn.state
  if (inquiry === undefined || to.length === 0) return
  turn.effects.push({ type: 'send', to, message: { type: 'inquiry', nonce: inquiry.nonce } })
}

/** Whether more answers are needed. */
export function isAsking(state: RunningState): boolean {
  return (
    state.inquiry !== undefined &&
    state.round.self !== undefined &&
    safeHeight(state, state.inquiry) === undefined
  )
}

/** Asks again, and says once who is waited for. spec C-36. */
export function askAgain(turn: Turn): void {
  const { state } = turn
  const { inquiry, round } = state
  if (inquiry === undefined || !isAsking(state)) return
  ask(turn)
  const others = round.context.validators.map((_, k) => k).filter(k => k !== round.self)
  const answered = others.filter(index => isUsable(inquiry, index))
  const withoutVotes = others.filter(k => inquiry.answers.has(k) && !isUsable(inquiry, k))
  const silent = others.filter(index => !inquiry.answers.has(index))
  tell(turn, `${answered.join()}/${withoutVotes.join()}`, () => {
    report(turn, {
      name: 'waits-for-answers',
      height: round.context.height,
      needed: neededAnswers(state, inquiry),
      answered,
      withoutVotes,
      silent
    })
  })
}

/**
 * Tells a validator that just started where this replica stands and what it last heard from it. Needs no vote, so that
 * all may start at once. spec C-36.
 */
export function answerInquiry(turn: Turn, from: number | undefined, asked: InquiryMessage): void {
  const { round, inquired, record, voting } = turn.state
  if (from === undefined || round.self === undefined || from === round.self) return
  const lately = inquired.get(from)
  if (lately !== undefined && isRecent(turn.now, lately, INQUIRY_ANSWER_MS)) return
  patch(turn, { inquired: withEntry(inquired, from, turn.now) })
  const message: AnswerMessage = {
    type: 'answer',
    nonce: asked.nonce,
    // The chain may have been put back beside votes that were kept: they tell how far it had come.
    height: Math.max(round.context.height, record?.height ?? 0) - 1,
    complete: voting && turn.state.inquiry?.override !== true,
    vote: newestVoteOf(turn.state, from)
  }
  turn.effects.push({ type: 'send', to: [from], message })
}

/** Takes in what another validator answered. spec C-36. */
export function acceptAnswer(turn: Turn, from: number | undefined, answer: AnswerMessage): void {
  const { inquiry, round } = turn.state
  if (from === undefined || from === round.self) return
  // One that comes late counts no more, but the vote in it proves itself all the same.
  if (inquiry === undefined) return inspectAnswer(turn, answer)
  if (!equalBytes(inquiry.nonce, answer.nonce)) return
  const known = inquiry.answers.get(from)
  const same = known !== undefined && known.complete === answer.complete
  // Each answer was given after this start, so the lowest counts: it is the least to wait for.
  const height = same ? Math.min(known.height, answer.height) : answer.height
  patch(turn, {
    inquiry: {
      ...inquiry,
      answers: withEntry(inquiry.answers, from, { height, complete: answer.complete })
    }
  })
  if (answer.height >= round.context.height) askSync(turn, from, answer.height)
  inspectAnswer(turn, answer)
}

/** Looks at the own vote in an answer. spec C-37. */
function inspectAnswer(turn: Turn, { vote }: AnswerMessage): void {
  const { config } = turn.state
  if (vote === undefined || config.self === undefined) return
  const { network, recoveryEpoch } = config
  const { view, content, signature } = vote
  const bytes = voteSignBytes({ network, recoveryEpoch, height: vote.height, view }, content)
  if (config.verify(config.self, bytes, signature))
    hearOwnSignature(turn, { type: content.type, height: vote.height, view }, signature)
}

/** A block is certified: a signature of the own key in it is one that this replica must know. spec C-37. */
export function inspectCertificate(turn: Turn, certificate: Certificate): void {
  const { self } = turn.state.round
  if (self === undefined || !certificate.signers.includes(self)) return
  const { height, view } = certificate
  hearOwnSignature(turn, { type: 'commit', height, view }, undefined)
}

/**
 * The newest certificate on the own disk may hold a signature of the own key. Whose set it was is not known here, so the
 * signature is checked. spec C-37.
 */
export function inspectParent(turn: Turn): void {
  const { config, round, inquiry } = turn.state
  const certificate = round.context.parentCertificate
  if (inquiry === undefined || config.self === undefined || certificate === undefined) return
  const signature = certificate.signatures[certificate.signers.indexOf(round.self ?? -1)]
  if (signature === undefined) return
  const { height, view, blockHash } = certificate
  const { network, recoveryEpoch } = config
  const place = { network, recoveryEpoch, height, view }
  const bytes = voteSignBytes(place, { type: 'commit', blockHash })
  if (config.verify(config.self, bytes, signature))
    hearOwnSignature(turn, { type: 'commit', height, view }, undefined)
}

/**
 * A valid signature of the own key came from outside. One that the vote state does not hold shows that the vote state is
 * old, or that the key is in use elsewhere too. spec C-27, C-37.
 */
export function hearOwnSignature(
  turn: Turn,
  vote: OwnSignature,
  signature: Uint8Array | undefined
): void {
  const { inquiry, record, forgotten, voting } = turn.state
  if (voting && (vote.height <= forgotten || !isLater(record, vote, signature))) return
  if (inquiry === undefined) return reportForeign(turn, vote)
  const { height, view } = vote
  const heard = inquiry.heard
  const newest =
    heard === undefined || height > heard.height || (height === heard.height && view > heard.view)
  if (newest) patch(turn, { inquiry: { ...inquiry, heard: { height, view } } })
  if (inquiry.complete && !inquiry.override) return distrust(turn, vote)
  const safe = safeHeight(turn.state, inquiry)
  // A lost vote stands no higher than this: another replica cast it.
  if (!inquiry.complete && safe !== undefined && height > safe) reportForeign(turn, vote)
}

/** Keeps the answers as long as they are about the validators of the height; asks again where they do not help. */
export function inquireAtHeight(turn: Turn, before: HeightContext): void {
  const { inquiry, round } = turn.state
  if (inquiry === undefined) return
  const { height, validators } = round.context
  if (height !== before.height + 1 || !isSameSet(before.validators, validators))
    patch(turn, { inquiry: { ...inquiry, answers: new Map(), since: height - 1 } })
  ask(turn)
}

/** Votes, once the answers say that nothing can be signed twice. spec C-37, C-38. */
export function settleInquiry(turn: Turn): void {
  const { inquiry, round } = turn.state
  if (inquiry === undefined || round.self === undefined) return
  const safe = safeHeight(turn.state, inquiry)
  if (safe === undefined) return
  const { height } = round.context
  const { heard, complete, override } = inquiry
  if (!complete)
    tell(turn, `above ${safe}`, () => {
      report(turn, { name: 'observes-until', height: safe + 1 })
    })
  // A certificate just below holds a signature of the own key: if the key is in use elsewhere, the next block shows it.
  const busy = heard !== undefined && heard.height >= (complete ? height + 1 : height - 1)
  if (height <= safe || busy) return
  patch(turn, { inquiry: undefined, voting: true })
  if (complete && !override) return
  patch(turn, { record: undefined, forgotten: height })
  turn.effects.push({ type: 'begin', height, override })
  report(turn, { name: 'votes-again', height, override })
  // What may have been signed in the views up to here is lost: they are left.
  if (heard?.height === height) enterView(turn, heard.view + 1, 'behind')
}

/**
 * The height above which it is safe to vote, once enough others answered. The lowest answers count, so that a liar
 * holds nobody up while others answer. spec C-37, C-38.
 */
function safeHeight(state: RunningState, inquiry: Inquiry): number | undefined {
  const needed = neededAnswers(state, inquiry)
  const heights = [...inquiry.answers]
    .filter(([index]) => isUsable(inquiry, index))
    .map(([, answer]) => answer.height)
    .toSorted((a, b) => a - b)
  if (heights.length < needed) return undefined
  const reached = heights[needed - 1] ?? 0
  return inquiry.complete ? reached : Math.max(reached, inquiry.since) + LOST_HEIGHTS
}

/** Answers that are needed: with the own vote state a quorum, without it a quorum of others. */
function neededAnswers({ round }: RunningState, inquiry: Inquiry): number {
  return inquiry.complete ? round.quorum - 1 : round.quorum
}

/** Whether a validator answered, and with its votes where that matters: who lost its own knows nothing of mine. */
function isUsable(inquiry: Inquiry, index: number): boolean {
  const answer = inquiry.answers.get(index)
  return answer !== undefined && (inquiry.complete || answer.complete)
}

/** The vote state is older than what its key signed: it is worth nothing any more. spec C-37. */
function distrust(turn: Turn, { height, view }: OwnSignature): void {
  const { inquiry, round } = turn.state
  if (inquiry === undefined) return
  patch(turn, {
    voting: false,
    record: undefined,
    inquiry: { ...inquiry, complete: false, since: round.context.height - 1 }
  })
  patchRound(turn, { sent: {}, prepared: undefined, announce: round.view > 0 })
  turn.effects.push({ type: 'distrust' })
  report(turn, { name: 'vote-state-old', height, view })
  ask(turn)
}

function reportForeign(turn: Turn, { height, view }: OwnSignature): void {
  report(turn, { name: 'foreign-vote', height, view })
}

/** Whether a signature is not one of those that this vote state stands for. */
function isLater(
  record: VoteState | undefined,
  vote: OwnSignature,
  signature: Uint8Array | undefined
): boolean {
  if (record === undefined) return true
  const kept = record.sent[vote.type]
  // Also below the newest step: one view holds one message of each kind, so any other is of somebody else.
  const isHere = vote.height === record.height && vote.view === record.view
  if (isHere && signature !== undefined)
    return kept === undefined || !equalBytes(kept.signature, signature)
  const place = { height: record.height, view: record.view, step: -1 }
  const newest = sentMessages(record.sent).at(-1)
  const order = compareWatermarks(
    watermarkOf(vote),
    newest === undefined ? place : watermarkOf(newest)
  )
  return order > 0
}

/** The newest thing that a validator signed and this replica holds. */
function newestVoteOf(state: RunningState, sender: number): PastVote | undefined {
  const { proposals, prepares, commits, viewChanges } = state.round
  const held: readonly (SignedMessage | undefined)[] = [
    viewChanges.get(sender),
    ...[...proposals.values()].map(({ message }) => message),
    ...[...prepares.values()].map(votes => votes.get(sender)),
    ...[...commits.values()].map(votes => votes.get(sender)),
    ...[...state.next.values()].map(({ message }) => message)
  ]
  const newest = held
    .filter(message => message?.sender === sender)
    .filter(message => message !== undefined)
    .toSorted((a, b) => compareWatermarks(watermarkOf(a), watermarkOf(b)))
    .at(-1)
  if (newest === undefined) return undefined
  return { height: newest.height, ...voteOf(newest) }
}

/** Reports something once, until it changes. */
function tell(turn: Turn, what: string, say: () => void): void {
  const { inquiry } = turn.state
  if (inquiry === undefined || inquiry.told === what) return
  patch(turn, { inquiry: { ...inquiry, told: what } })
  say()
}

function isSameSet(a: HeightContext['validators'], b: HeightContext['validators']): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every((each, index) => {
        const other = b[index]
        return other !== undefined && equalBytes(each.consensusKey, other.consensusKey)
      }))
  )
}
