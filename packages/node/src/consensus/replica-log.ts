import { VitalchainError, type ErrorValues } from '@vitalchain/core'
import type { Effect, RejectReason } from '@vitalchain/consensus'

/**
 * Puts what a replica reports where it belongs: into the log, to the peer that brought what was refused, or, when this node must
 * not go on, to its end.
 *
 * @param to.namesOf - validators for a log
 */
export function reportEvent(
  effect: Extract<Effect, { readonly type: 'event' }>,
  to: {
    readonly log: (event: string, values: ErrorValues) => void
    readonly namesOf: (indices: readonly number[]) => string
    readonly onRejected: (reason: RejectReason) => void
    readonly onFatal: (error: VitalchainError) => void
  }
): void {
  const { log, namesOf, onRejected, onFatal } = to

  switch (effect.name) {
    case 'view':
      return log('view change', {
        height: effect.height,
        view: effect.view,
        leader: effect.leader,
        cause: effect.cause
      })
    case 'rejected':
      onRejected(effect.reason)
      return log('message rejected', {
        reason: effect.reason,
        height: effect.height,
        message: effect.message,
        from: effect.from ?? -1
      })
    case 'invalid-block':
      return log('leader proposed an invalid block', {
        height: effect.height,
        view: effect.view,
        leader: effect.leader,
        code: effect.code
      })
    case 'foreign-vote':
      return onFatal(
        new VitalchainError(
          'ERR_KEY_IN_USE',
          'a vote signed with this key did not come from this node: the key runs elsewhere too',
          { values: { height: effect.height, view: effect.view } }
        )
      )
    case 'diverged':
      return onFatal(
        new VitalchainError(
          'ERR_DIVERGED',
          'a certified block does not give the state that it states: the state here differs from the others',
          { values: { height: effect.height, code: effect.code } }
        )
      )
    case 'vote-state-old':
      return log('a vote of this key is missing here: this node follows and does not vote', {
        height: effect.height,
        view: effect.view
      })
    case 'waits-for-answers':
      return log('this node does not vote: too few others tell what they heard from it', {
        needed: effect.needed,
        answered: namesOf(effect.answered),
        'without votes': namesOf(effect.withoutVotes),
        silent: namesOf(effect.silent)
      })
    case 'observes-until':
      return log('this node votes again at a later height', { height: effect.height })
    case 'votes-again':
      return log('this node votes again', {
        height: effect.height,
        override: String(effect.override)
      })
    case 'prepared':
    case 'decided':
      return undefined
  }
}
