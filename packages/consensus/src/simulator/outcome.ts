import type { Strategy } from './adversary.ts'
import type { Mutant } from './host.ts'
import type { KeyRing } from './keys.ts'
import type { TimerSettings } from './replica.ts'

/** One run: who takes part and what goes wrong until the network heals. */
export interface Scenario {
  readonly seed: number
  readonly validators: number
  /** Blocks that everybody has work for. */
  readonly heights: number
  /** Faulty validators by index. */
  readonly faulty: ReadonlyMap<number, Strategy>
  /** When all faults but those of the faulty validators end, ms. */
  readonly healsAt: number
  /** Fraction of messages lost until then. */
  readonly loss: number
  /** Single crashes until then. */
  readonly crashes: number
  /** Power losses of almost all machines until then. */
  readonly powerLosses: number
  /** Probability of a crash at each boundary of an effect until then. */
  readonly boundaryCrashes: number
  /**
   * Until then COMMITs reach one validator of each height only, and nobody hears of its decision: the others must
   * decide the same in a later view by what they prepared.
   */
  readonly ambush?: boolean | undefined
  /** Times of the replicas; short ones make many views. */
  readonly timers?: Partial<TimerSettings> | undefined
  readonly mutant?: Mutant | undefined
  readonly keys?: KeyRing | undefined
}

/** How a run ended. */
export interface Outcome {
  readonly scenario: Scenario
  /** What must never happen and did; undefined for a good run. */
  readonly violation: string | undefined
  /** How long after healing the last honest replica had all blocks, ms. */
  readonly recovery: number
  readonly messages: number
  readonly highestView: number
  /** The last things that happened, for people. */
  readonly transcript: readonly string[]
}
