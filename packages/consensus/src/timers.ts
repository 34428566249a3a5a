import {
  BASE_TIMEOUT_MAX_MS,
  BASE_TIMEOUT_MIN_MS,
  FIRST_LATENCY_MS,
  LATENCY_WEIGHT,
  RESEND_JITTER,
  RESEND_MAX_MS,
  RESEND_MIN_MS,
  TIMEOUT_DOUBLINGS_MAX,
  TIMEOUT_PER_LATENCY,
  VIEWS_PER_DOUBLING,
  VIEW_TIMEOUT_MAX_MS
} from './limits.ts'

/** The times that a host may set; all in ms. They are local and need not be the same everywhere. */
export interface TimerSettings {
  /** Shortest base of the view timeout. */
  readonly baseMin: number
  /** Longest base of the view timeout. */
  readonly baseMax: number
  /** Longest view timeout. */
  readonly viewMax: number
  /** Shortest and longest time between two resends. */
  readonly resendMin: number
  readonly resendMax: number
  /** The time to commit that is assumed before one was measured. */
  readonly firstLatency: number
}

/** The settings of a host that sets nothing. */
export const DEFAULT_TIMERS: TimerSettings = {
  baseMin: BASE_TIMEOUT_MIN_MS,
  baseMax: BASE_TIMEOUT_MAX_MS,
  viewMax: VIEW_TIMEOUT_MAX_MS,
  resendMin: RESEND_MIN_MS,
  resendMax: RESEND_MAX_MS,
  firstLatency: FIRST_LATENCY_MS
}

/** The base of all timeouts: four times the usual time to commit, within bounds. spec C-17. */
export function baseTimeout(latency: number, settings: TimerSettings): number {
  return Math.round(clamp(TIMEOUT_PER_LATENCY * latency, settings.baseMin, settings.baseMax))
}

/**
 * How long a view may take, ms: the base for the first f + 1 views, of which one has an honest leader, so that f
 * failed leaders cost f times the base and not 2^f times; then twice as long every second view. The exponent is
 * clamped before it is used: a shift by an unbounded view overflows. spec C-17.
 */
export function viewTimeout(
  view: number,
  faults: number,
  latency: number,
  settings: TimerSettings
): number {
  const beyond = Math.max(0, view - faults)
  const doublings = Math.min(Math.floor(beyond / VIEWS_PER_DOUBLING), TIMEOUT_DOUBLINGS_MAX)
  return Math.min(baseTimeout(latency, settings) * 2 ** doublings, settings.viewMax)
}

/** The time between two resends, before jitter. spec C-20. */
export function resendInterval(latency: number, settings: TimerSettings): number {
  return clamp(2 * baseTimeout(latency, settings), settings.resendMin, settings.resendMax)
}

/** An interval moved by up to a fifth either way, the same each time for the same numbers. */
export function jittered(interval: number, ...numbers: readonly number[]): number {
  let hash = 0x811c_9dc5
  for (const number of numbers) hash = Math.imul(hash ^ (number >>> 0), 0x0100_0193) ^ (hash >>> 13)
  const fraction = ((Math.imul(hash, 0x9e37_79b1) >>> 0) / 0x1_0000_0000) * 2 - 1
  return Math.round(interval * (1 + RESEND_JITTER * fraction))
}

/**
 * The moving average of the time to commit, after one more measurement. A longer time than the longest base can
 * express says no more than that: a clock that jumped ahead must not slow down the next thirty heights.
 */
export function averageLatency(average: number, sample: number, settings: TimerSettings): number {
  const bounded = Math.min(sample, settings.baseMax / TIMEOUT_PER_LATENCY)
  return average + LATENCY_WEIGHT * (bounded - average)
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max)
}
