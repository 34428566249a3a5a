import { baseTimeout, type ReplicaState, type Round } from './replica.ts'
import { AMBUSH, CALM, HASTY } from './settings.ts'
import { changeEffects, withRound, type Mutant } from './mutant.ts'

/** View changes that some made on their own while the others stood at the beginning. */
function views(...each: readonly number[]): ReadonlyMap<number, number> {
  return new Map(each.map((view, validator) => [validator, view]))
}

/** Breaks what makes a network go on. */
export const PACE_MUTANTS: readonly Mutant[] = [
  {
    name: 'no-resend',
    rule: 'C-20: says everything once',
    within: 100,
    step: (step, state, input) =>
      changeEffects(step(state, input), effect =>
        effect.type === 'setTimer' && effect.id.startsWith('resend') ? undefined : effect
      )
  },
  {
    name: 'no-view-timer',
    rule: 'C-18: waits for a leader for ever',
    fixed: { validators: 4, faulty: new Map([[1, ['silent']]]), lost: new Map() },
    within: 20,
    step: (step, state, input) =>
      changeEffects(step(state, input), effect =>
        effect.type === 'setTimer' && effect.id.startsWith('view') ? undefined : effect
      )
  },
  {
    name: 'timeout-without-limit',
    rule: 'C-17: doubles the timeout in every view, in 32 bits',
    fixed: { validators: 4, timers: {}, startViews: views(14, 14, 14, 14) },
    within: 50,
    step: (step, state, input) => {
      const { latency, timers } = state
      const [after, effects] = step(state, input)
      return changeEffects([after, effects], effect =>
        effect.type === 'setTimer' && effect.id.startsWith('view')
          ? { ...effect, ms: Math.max(1, baseTimeout(latency, timers) << (after.round?.view ?? 0)) }
          : effect
      )
    }
  },
  {
    name: 'timer-of-exact-quorum',
    rule: 'C-19: the timer starts only when a quorum is at exactly this view',
    fixed: {
      validators: 4,
      faulty: new Map([[3, ['silent']]]),
      lost: new Map(),
      startViews: views(9, 7, 7)
    },
    within: 20,
    step: (step, state, input) => {
      const [after, effects] = step(state, input)
      if (!isTooEarly(after)) return [after, effects]
      return changeEffects([{ ...after, viewTimer: undefined }, effects], effect =>
        effect.type === 'setTimer' && effect.id.startsWith('view') ? undefined : effect
      )
    }
  },
  {
    name: 'timer-without-quorum',
    rule: 'C-19: the timer starts whoever else is at this view',
    fixed: {
      ...CALM,
      validators: 4,
      heights: 40,
      load: 'saturated',
      absent: [1, 2],
      absentFrom: 500,
      healsAt: 60_000
    },
    within: 20,
    step: (step, state, input) => {
      const [after, effects] = step(state, input)
      const { round, viewTimer } = after
      if (round === undefined || viewTimer !== undefined || round.view === 0)
        return [after, effects]
      const { view, context } = round
      const id = `view/${context.height}/${view}/alone`
      const ms = baseTimeout(after.latency, after.timers)
      return [{ ...after, viewTimer: { id, view } }, [...effects, { type: 'setTimer', id, ms }]]
    }
  },
  {
    name: 'never-joins',
    rule: 'C-14: goes to higher views by its own timer only',
    fixed: { ...CALM, validators: 4, heights: 3, startViews: views(1_000, 1_000) },
    within: 20,
    step: (step, state, input) => {
      const { round } = state
      if (round === undefined) return step(state, input)
      const [after, effects] = step(
        withRound(state, { faults: round.context.validators.length }),
        input
      )
      return [withRound(after, { faults: round.faults }), effects]
    }
  },
  {
    name: 'never-catches-up',
    rule: 'C-21, C-22: neither answers who is behind nor catches up',
    within: 20,
    step: (step, state, input) =>
      changeEffects(step(state, input), effect =>
        effect.type === 'sync' || (effect.type === 'send' && effect.message.type === 'decided')
          ? undefined
          : effect
      )
  },
  {
    name: 'restless',
    rule: 'C-23: believes that there is always work',
    fixed: { faulty: new Map(), timers: HASTY },
    within: 20,
    step: (step, state, input) =>
      step(state, input.type === 'work' ? { ...input, pending: true } : input)
  },
  {
    name: 'keeps-everything',
    rule: 'C-30: drops no old votes',
    fixed: { ...AMBUSH, healsAt: 20_000 },
    within: 50,
    step: (step, state, input) => {
      const [after, effects] = step(state, input)
      const { round } = state
      if (round === undefined || after.round?.context.height !== round.context.height)
        return [after, effects]
      return [withRound(after, merged(round, after.round)), effects]
    }
  },
  {
    name: 'checks-time-again',
    rule: 'C-16: checks the time of blocks that a quorum prepared',
    fixed: { timers: HASTY },
    within: 300,
    step: (step, state, input) =>
      changeEffects(step(state, input), effect =>
        effect.type === 'validate' ? { ...effect, checkTime: true } : effect
      )
  }
]

function isTooEarly({ round, viewTimer }: ReplicaState): boolean {
  if (round === undefined || viewTimer === undefined || round.view === 0) return false
  const here = [...round.latestViews].filter(
    ([validator, view]) => validator !== round.self && view === round.view
  )
  return here.length + 1 < round.quorum
}

function merged(before: Round, after: Round): Partial<Round> {
  return {
    proposals: new Map([...before.proposals, ...after.proposals]),
    prepares: new Map([...before.prepares, ...after.prepares]),
    commits: new Map([...before.commits, ...after.commits])
  }
}
