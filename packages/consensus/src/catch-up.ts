import { equalBytes, type ValidatorSet } from '@vitalchain/core'
import { DECIDED_ANSWER_MS, SYNC_HINT_MS } from './limits.ts'
import type { SignedMessage, StatusMessage } from './messages.ts'
import { isAuthentic } from './checks.ts'
import { patch, withEntry, type Turn } from './state.ts'
import { baseTimeout } from './timers.ts'

/**
 * Answers a peer that still is at a height which is decided. Votes that were under way when the height ended get no
 * answer: a peer that is stuck will resend. spec C-21.
 */
export function answerBehind(turn: Turn, from: number | undefined): void {
  const { last, answered, latency, timers, round } = turn.state
  if (from === undefined || from === round.self || last === undefined) return
  const lately = answered.get(from)
  if (isRecent(turn.now, last.at, baseTimeout(latency, timers) / 2)) return
  if (lately !== undefined && isRecent(turn.now, lately, DECIDED_ANSWER_MS)) return
  patch(turn, { answered: withEntry(answered, from, turn.now) })
  turn.effects.push({
    type: 'send',
    to: [from],
    message: { type: 'decided', certificate: last.certificate }
  })
}

/** Asks the host to catch up with somebody who claims to have decided `height`. spec C-22. */
export function askSync(turn: Turn, from: number | undefined, height: number): void {
  const { syncAskedAt, round } = turn.state
  if (height < round.context.height) return
  if (syncAskedAt !== undefined && isRecent(turn.now, syncAskedAt, SYNC_HINT_MS)) return
  patch(turn, { syncAskedAt: turn.now })
  turn.effects.push({ type: 'sync', from, height })
}

/** Keeps a message of the next height, one of each kind for each validator; beyond, only its height counts. spec C-29. */
export function acceptAhead(turn: Turn, from: number | undefined, message: SignedMessage): void {
  const { round, next } = turn.state
  const { validators, height } = round.context
  if (message.height > height + 1) return askSync(turn, from, message.height - 1)
  // What others relay could fill a validator's place with forgeries. The next set is most often the same.
  const known =
    message.sender < validators.length && (from === message.sender || isAuthentic(turn, message))
  if (!known) {
    // By its own word of a set that is not known here: a newcomer that signed nothing yet would not hear of it otherwise.
    if (round.certified === undefined) askSync(turn, from, height)
    return
  }
  patch(turn, { next: withEntry(next, `${message.sender}/${message.type}`, { from, message }) })
}

/**
 * The index in a set of the member that has an index in the set before: indices move when the set changes, and what came
 * from a peer must not be held against another. spec C-29.
 */
export function indexAmong(
  validators: ValidatorSet,
  before: ValidatorSet,
  index: number | undefined
): number | undefined {
  const member = index === undefined ? undefined : before[index]?.member
  if (member === undefined) return undefined
  const found = validators.findIndex(validator => equalBytes(validator.member, member))
  return found < 0 ? undefined : found
}

/** Where another node stands. spec C-22. */
export function acceptStatus(turn: Turn, from: number | undefined, status: StatusMessage): void {
  const { height } = turn.state.round.context
  if (status.height >= height) askSync(turn, from, status.height)
  else if (status.height < height - 1) answerBehind(turn, from)
}

/** Tells where this node stands. spec C-22. */
export function sendStatus(turn: Turn, to: 'all' | readonly number[]): void {
  const { round, config } = turn.state
  const { height, parentHash } = round.context
  turn.effects.push({
    type: 'send',
    to,
    message: {
      type: 'status',
      height: height - 1,
      headHash: parentHash,
      view: round.view,
      clock: turn.now,
      version: config.version ?? 1
    }
  })
}

/** Whether something happened less than so long ago. A clock that was set back must not hold anything up. */
export function isRecent(now: number, then: number, ms: number): boolean {
  return now >= then && now - then < ms
}
