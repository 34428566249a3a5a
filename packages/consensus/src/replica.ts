import { acceptFetched } from './blocks.ts'
import {
  acceptAhead,
  acceptStatus,
  answerBehind,
  askSync,
  indexAmong,
  sendStatus
} from './catch-up.ts'
import { isAuthentic, reject } from './checks.ts'
import { recordOf } from './height-record.ts'
import type { Message, SignedMessage } from './messages.ts'
import {
  acceptAnswer,
  answerInquiry,
  ask,
  askPeer,
  hearOwnSignature,
  inquireAtHeight,
  inspectCertificate,
  inspectParent,
  settleInquiry
} from './inquiry.ts'
import { acceptTimer, keepPace, stopTimers } from './pace.ts'
import {
  acceptBuilt,
  acceptProposal,
  acceptValidated,
  inspectProposal,
  prepareProposal
} from './proposals.ts'
import { acceptSigned, hearOwn, isOwn, resend, speak } from './speak.ts'
import {
  createReplica,
  createRound,
  filtered,
  patch,
  type ReplicaState,
  type RunningState,
  type Turn
} from './state.ts'
import type { Effect, Input } from './types.ts'
import { acceptViewChange, joinOthers } from './view-change.ts'
import { sentMessages } from './vote-state.ts'
import { acceptDecided, acceptVote, finishHeight } from './votes.ts'

/**
 * The replica: what one input changes, and what the host is to do for it, in order. Pure: the same state and input
 * give the same answer, the given state is left as it is, and no message of a peer can make it throw.
 */
export function step(state: ReplicaState, input: Input): [ReplicaState, readonly Effect[]] {
  const running = input.type === 'start' ? started(state, input) : state
  if (running.round === undefined) return [state, []]
  const turn: Turn = { now: input.now, state: { ...running, round: running.round }, effects: [] }
  accept(turn, input)
  settle(turn)
  return [turn.state, turn.effects]
}

/** What follows from the state, whatever input changed it. The order matters: a decision ends everything else. */
function settle(turn: Turn): void {
  settleInquiry(turn)
  joinOthers(turn)
  finishHeight(turn)
  prepareProposal(turn)
  inspectProposal(turn)
  speak(turn)
  keepPace(turn)
}

function accept(turn: Turn, input: Input): void {
  switch (input.type) {
    case 'start':
      for (const message of sentMessages(turn.state.round.sent)) hearOwn(turn, message)
      ask(turn)
      inspectParent(turn)
      return resend(turn, 'all')
    case 'message':
      return acceptMessage(turn, input.from, input.message)
    case 'work':
      return patch(turn, { pending: input.pending })
    case 'built':
      return acceptBuilt(turn, input.height, input.view, input.proposal)
    case 'validated':
      return acceptValidated(turn, input.request, input.valid, input.code ?? '')
    case 'signed':
      return acceptSigned(turn, input.votes)
    case 'timer':
      return acceptTimer(turn, input.id)
    case 'committed':
      return acceptCommitted(turn, input)
    case 'fetched':
      return acceptFetched(turn, input.proposal)
    case 'connected':
      sendStatus(turn, [input.peer])
      patch(turn, { inquired: filtered(turn.state.inquired, peer => peer !== input.peer) })
      askPeer(turn, input.peer)
      return resend(turn, [input.peer])
    case 'status':
      return sendStatus(turn, 'all')
  }
}

function started(state: ReplicaState, input: Extract<Input, { type: 'start' }>): RunningState {
  const { context, voteState, begunAt = 0, observe = false, override = false, nonce, now } = input
  const { config } = state
  // Votes that are not whole are as good as none.
  const record = observe && nonce !== undefined ? undefined : voteState
  const certificate = context.parentCertificate
  return {
    ...createReplica(config),
    voting: (!observe || override) && config.self !== undefined,
    inquiry:
      nonce === undefined || config.self === undefined
        ? undefined
        : {
            nonce,
            complete: !observe || override,
            override: observe && override,
            answers: new Map(),
            since: context.height - 1,
            heard: undefined,
            told: ''
          },
    forgotten: observe ? 0 : begunAt,
    record,
    round: createRound(context, config, record),
    last: certificate === undefined ? undefined : { certificate, at: now },
    pending: state.pending
  }
}

function acceptMessage(turn: Turn, sender: number | undefined, message: Message): void {
  const { context } = turn.state.round
  const from = sender !== undefined && sender < context.validators.length ? sender : undefined
  if (message.type === 'status') {
    // Its link to here is up: an answer that was given before may have gone nowhere. spec C-36
    if (from !== undefined) askPeer(turn, from)
    return acceptStatus(turn, from, message)
  }
  if (message.type === 'inquiry') return answerInquiry(turn, from, message)
  if (message.type === 'answer') return acceptAnswer(turn, from, message)
  const height = message.type === 'decided' ? message.certificate.height : message.height
  if (message.type === 'decided') {
    if (height > context.height) askSync(turn, from, height)
    else if (height === context.height) acceptDecided(turn, from, message)
  } else if (height < context.height) {
    answerBehind(turn, from)
  } else if (height > context.height) {
    acceptAhead(turn, from, message)
  } else {
    acceptCurrent(turn, from, message)
  }
}

function acceptCurrent(turn: Turn, from: number | undefined, message: SignedMessage): void {
  const { round } = turn.state
  if (round.certified !== undefined) return
  if (message.sender >= round.context.validators.length)
    return reject(turn, from, message, 'signer')
  if (message.sender === round.self) {
    if (!isOwn(turn.state, message) && isAuthentic(turn, message))
      hearOwnSignature(turn, message, message.signature)
    return
  }
  switch (message.type) {
    case 'proposal':
      return acceptProposal(turn, from, message)
    case 'prepare':
    case 'commit':
      return acceptVote(turn, from, message)
    case 'view-change':
      return acceptViewChange(turn, from, message)
  }
}

function acceptCommitted(turn: Turn, input: Extract<Input, { type: 'committed' }>): void {
  const { context } = input
  const { round, config, record, next } = turn.state
  if (context.height <= round.context.height) return
  const kept = recordOf(round)
  if (kept !== undefined) turn.effects.push({ type: 'record', record: kept })
  stopTimers(turn)
  const certificate =
    round.context.height === context.height - 1
      ? (round.certified ?? context.parentCertificate)
      : context.parentCertificate
  if (certificate?.height === round.context.height) inspectCertificate(turn, certificate)
  patch(turn, {
    round: createRound(context, config, record),
    last: certificate === undefined ? undefined : { certificate, at: turn.now },
    next: new Map(),
    answered: new Map(),
    inquired: new Map(),
    syncAskedAt: undefined
  })
  for (const message of sentMessages(turn.state.round.sent)) hearOwn(turn, message)
  for (const { from, message } of next.values())
    acceptMessage(turn, indexAmong(context.validators, round.context.validators, from), message)
  inquireAtHeight(turn, round.context)
}
