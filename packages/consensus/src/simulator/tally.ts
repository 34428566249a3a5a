import { faultTolerance } from '@vitalchain/core'
import type { Outcome } from './outcome.ts'

/** What many runs came to. Plain data, so that it can cross from one thread to another. */
export interface Tally {
  readonly runs: number
  readonly steps: number
  readonly messages: number
  readonly decided: number
  readonly views: number
  readonly highestView: number
  /** Runs with as many faulty validators as are tolerated. */
  readonly byzantine: number
  /** Runs in which the validators change, and those in which no write was torn. */
  readonly changing: number
  readonly untorn: number
  /** Runs by the number of validators. */
  readonly sizes: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
  readonly rules: Readonly<Record<string, number>>
  /** From healing to the first new block and to the last transaction, ms, for each run that had one. */
  readonly firstDecisions: readonly number[]
  readonly recoveries: readonly number[]
  /** The run that took longest after healing. */
  readonly slowest: { readonly seed: number; readonly ms: number }
  /** Seeds that failed. */
  readonly failed: readonly number[]
}

/** No runs. */
export const EMPTY_TALLY: Tally = {
  runs: 0,
  steps: 0,
  messages: 0,
  decided: 0,
  views: 0,
  highestView: 0,
  byzantine: 0,
  changing: 0,
  untorn: 0,
  sizes: {},
  faults: {},
  rules: {},
  firstDecisions: [],
  recoveries: [],
  slowest: { seed: 0, ms: 0 },
  failed: []
}

/** A tally with one run more. */
export function addOutcome(tally: Tally, outcome: Outcome): Tally {
  const { scenario, violation, firstDecision } = outcome
  return addTally(tally, {
    runs: 1,
    steps: outcome.steps,
    messages: outcome.messages,
    decided: outcome.decided,
    views: outcome.views,
    highestView: outcome.highestView,
    byzantine: scenario.faulty.size === faultTolerance(scenario.validators) ? 1 : 0,
    changing: (scenario.changes ?? []).length > 0 ? 1 : 0,
    untorn: outcome.faults['torn write'] === undefined ? 1 : 0,
    sizes: { [scenario.validators]: 1 },
    faults: outcome.faults,
    rules: outcome.rules,
    firstDecisions: firstDecision === undefined ? [] : [firstDecision],
    recoveries: [outcome.recovery],
    slowest: { seed: scenario.seed, ms: outcome.recovery },
    failed: violation === undefined ? [] : [scenario.seed]
  })
}

/** Two tallies in one. */
export function addTally(a: Tally, b: Tally): Tally {
  return {
    runs: a.runs + b.runs,
    steps: a.steps + b.steps,
    messages: a.messages + b.messages,
    decided: a.decided + b.decided,
    views: a.views + b.views,
    highestView: Math.max(a.highestView, b.highestView),
    byzantine: a.byzantine + b.byzantine,
    changing: a.changing + b.changing,
    untorn: a.untorn + b.untorn,
    sizes: addCounts(a.sizes, b.sizes),
    faults: addCounts(a.faults, b.faults),
    rules: addCounts(a.rules, b.rules),
    firstDecisions: [...a.firstDecisions, ...b.firstDecisions],
    recoveries: [...a.recoveries, ...b.recoveries],
    slowest: a.slowest.ms >= b.slowest.ms ? a.slowest : b.slowest,
    failed: [...a.failed, ...b.failed]
  }
}

function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...a }
  for (const [key, count] of Object.entries(b)) sum[key] = (sum[key] ?? 0) + count
  return sum
}
