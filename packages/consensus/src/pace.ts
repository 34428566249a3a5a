import { askSync } from './catch-up.ts'
import { askAgain, isAsking } from './inquiry.ts'
import {
  maySpeak,
  mayVote,
  nextNumber,
  patch,
  patchRound,
  type RunningState,
  type Turn
} from './state.ts'
import { resend } from './speak.ts'
import { jittered, resendInterval, viewTimeout } from './timers.ts'
import { enterView } from './view-change.ts'
import { sentMessages } from './vote-state.ts'

/** Sets and cancels timers so that they follow the state: nothing runs while nothing is to be done. spec C-23. */
export function keepPace(turn: Turn): void {
  keepViewTimer(turn)
  keepResendTimer(turn)
}

/** A timer fired. One that was cancelled while it was under way is not known any more. */
export function acceptTimer(turn: Turn, id: string): void {
  const { viewTimer, resendTimer, round } = turn.state
  if (viewTimer?.id === id) {
    patch(turn, { viewTimer: undefined })
    if (round.view === viewTimer.view) enterView(turn, round.view + 1, 'timeout')
  } else if (resendTimer === id) {
    patch(turn, { resendTimer: undefined })
    repeat(turn)
  }
}

/** Cancels both timers, at the end of a height. */
export function stopTimers(turn: Turn): void {
  const { viewTimer, resendTimer } = turn.state
  for (const id of [viewTimer?.id, resendTimer]) {
    if (id !== undefined) turn.effects.push({ type: 'cancelTimer', id })
  }
  patch(turn, { viewTimer: undefined, resendTimer: undefined })
}

function keepViewTimer(turn: Turn): void {
  const { viewTimer, round } = turn.state
  const wanted = isViewTimed(turn.state)
  // spec C-18: a proposal gives its view a whole timeout more, once.
  const extend = wanted && round.view === 0 && round.proposals.has(0) && !round.extended
  if (viewTimer !== undefined && (!wanted || extend || viewTimer.view !== round.view)) {
    turn.effects.push({ type: 'cancelTimer', id: viewTimer.id })
    patch(turn, { viewTimer: undefined })
  }
  if (!wanted || turn.state.viewTimer !== undefined) return
  const { view, context, startedAt, faults } = round
  const id = `view/${context.height}/${view}/${nextNumber(turn)}`
  const ms = viewTimeout(view, faults, turn.state.latency, turn.state.timers)
  patch(turn, { viewTimer: { id, view } })
  patchRound(turn, { extended: round.extended || extend, startedAt: startedAt ?? turn.now })
  turn.effects.push({ type: 'setTimer', id, ms })
}

/** Whether the current view has a time to end by. */
function isViewTimed(state: RunningState): boolean {
  const { round, pending } = state
  if (!mayVote(state) || round.certified !== undefined) return false
  if (round.view === 0)
    return pending || round.proposals.has(0) || sentMessages(round.sent).length > 0
  // spec C-19: a quorum is at this view or above it. "Exactly at it" deadlocks; "always" lets a minority run away.
  const others = [...round.latestViews].filter(
    ([validator, view]) => validator !== round.self && view >= round.view
  )
  return others.length + 1 >= round.quorum
}

function keepResendTimer(turn: Turn): void {
  const { resendTimer, round, next, latency, timers } = turn.state
  const said =
    maySpeak(turn.state) && round.certified === undefined && sentMessages(round.sent).length > 0
  const wanted = said || isAsking(turn.state) || round.fetching.size > 0 || next.size > 0
  if (wanted === (resendTimer !== undefined)) return
  if (resendTimer !== undefined) {
    turn.effects.push({ type: 'cancelTimer', id: resendTimer })
    patch(turn, { resendTimer: undefined })
    return
  }
  const count = nextNumber(turn)
  const { height } = round.context
  const id = `resend/${height}/${count}`
  patch(turn, { resendTimer: id })
  turn.effects.push({
    type: 'setTimer',
    id,
    ms: jittered(resendInterval(latency, timers), round.self ?? -1, height, count)
  })
}

/** Says everything of this height once more, and asks again for what is missing. spec C-20. */
function repeat(turn: Turn): void {
  const { round, next } = turn.state
  const { height, validators } = round.context
  // Indices of the next height may name others: only who brought its own message is known to be there.
  const ahead = new Set(
    [...next.values()]
      .filter(({ from, message }) => from === message.sender)
      .map(({ from }) => from)
  )
  const behind = validators
    .map((_, index) => index)
    .filter(index => index !== round.self && !ahead.has(index))
  resend(turn, ahead.size === 0 ? 'all' : behind)
  askAgain(turn)
  patchRound(turn, { missing: new Set(round.fetching.keys()) })
  for (const { blockHash, from } of round.fetching.values()) {
    turn.effects.push({ type: 'fetch', height, blockHash, from })
  }
  const stuck = round.certified !== undefined && round.fetching.size > 0
  if (next.size === 0 && !stuck) return
  const [guide] = [...ahead, ...(round.certified?.signers ?? [])].filter(
    each => each !== round.self
  )
  askSync(turn, guide, height)
}
