import {
  equalBytes,
  faultTolerance,
  hash32,
  list,
  toHex,
  tuple,
  u32,
  uint,
  type Codec,
  type ValidatorSet
} from '@vitalchain/core'

/** A validator that led a view which decided nothing, as certificates on the chain show it. */
export interface LeaderFailure {
  readonly height: number
  readonly view: number
  /** The member, not the index: indices move when the set changes. */
  readonly member: Uint8Array
}

/**
 * What the chain says about leaders when height h begins: a value that every replica derives alike from blocks
 * below h, kept by the host beside them. spec C-4.
 */
export interface Leadership {
  /** The newest failure of each member at heights up to h - 2, and not older than twice the validators. */
  readonly failures: readonly LeaderFailure[]
  /** The members that led the first views of height h - 1, in order of view: block h will tell which of them failed. */
  readonly previousLeaders: readonly Uint8Array[]
}

/** The leadership of height 1: nothing is known. */
export const FIRST_LEADERSHIP: Leadership = { failures: [], previousLeaders: [] }

const MEMBERS_MAX = 256

/** The codec of a leadership, for hosts that keep it with the block it follows. */
export const leadershipCodec: Codec<Leadership> = tuple({
  failures: list(tuple({ height: uint(), view: u32, member: hash32 }), MEMBERS_MAX),
  previousLeaders: list(hash32, MEMBERS_MAX)
})

/**
 * The indices of the validators that lead, ascending: all but the up to f that failed most recently. At least
 * n - f remain, so that f + 1 leaders in a row include an honest one. spec C-3.
 */
export function eligibleLeaders(
  validators: ValidatorSet,
  leadership: Leadership
): readonly number[] {
  const members = new Map(validators.map((validator, index) => [toHex(validator.member), index]))
  const excluded = [...leadership.failures]
    .toSorted((a, b) => b.height - a.height || b.view - a.view)
    .map(failure => members.get(toHex(failure.member)))
    .filter(index => index !== undefined)
    .slice(0, faultTolerance(validators.length))
  return validators.map((_, index) => index).filter(index => !excluded.includes(index))
}

/**
 * The index of the leader of a view. Once every eligible validator had its view, all take turns: an exclusion
 * can cost a view but never progress. spec C-3.
 */
export function leaderOf(
  validators: number,
  eligible: readonly number[],
  height: number,
  view: number
): number {
  const turn = height + view
  if (view >= eligible.length) return turn % validators
  return eligible[turn % eligible.length] ?? turn % validators
}

/**
 * The leadership of the next height, from that of `height` and the certificate inside the block of `height`.
 *
 * @param decidedView - the view of the certificate of `height - 1` that the block of `height` holds; undefined at height 1
 */
export function advanceLeadership(
  leadership: Leadership,
  height: number,
  validators: ValidatorSet,
  decidedView: number | undefined
): Leadership {
  const { failures, previousLeaders } = leadership
  // When every leader failed, the network did: nobody is singled out for it.
  const failed =
    decidedView !== undefined && decidedView < previousLeaders.length
      ? previousLeaders.slice(0, decidedView)
      : []
  const older = failures.filter(
    failure =>
      failure.height > height - 2 * validators.length &&
      validators.some(validator => equalBytes(validator.member, failure.member)) &&
      !failed.some(member => equalBytes(member, failure.member))
  )
  const eligible = eligibleLeaders(validators, leadership)
  return {
    failures: [...older, ...failed.map((member, view) => ({ height: height - 1, view, member }))],
    previousLeaders: eligible.flatMap((_, view) => {
      const leader = validators[leaderOf(validators.length, eligible, height, view)]
      return leader === undefined ? [] : [leader.member]
    })
  }
}
