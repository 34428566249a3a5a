import type { Strategy } from './strategies.ts'
import type { KeyRing } from './keys.ts'
import type { Change } from './members.ts'
import type { Mutant } from './mutant.ts'
import type { TimerSettings } from './replica.ts'
import type { Watcher } from './trace.ts'

/**
 * How long messages take until the network heals: evenly spread; mostly short and sometimes very long; or with a tail
 * that has no end.
 */
export type Delays = 'uniform' | 'bimodal' | 'heavy-tail'

/**
 * What comes back when an honest machine lost its disk: nothing; everything as it was some time ago; or only the chain
 * as it was, with the newest vote state, which may be used again once the chain has caught up.
 */
export type DiskLoss = 'empty' | 'rolled-back' | 'chain-rolled-back'

/** One run: who takes part and what goes wrong until the network heals. */
export interface Scenario {
  readonly seed: number
  readonly validators: number
  /** Transactions to decide, one in a block. */
  readonly heights: number
  /** All transactions wait from the beginning, or come one by one until the network heals. */
  readonly load: 'sparse' | 'saturated'
  /** Faulty validators by index, each with everything that it does wrong. */
  readonly faulty: ReadonlyMap<number, readonly Strategy[]>
  /** Honest validators that lose their disk once; who lost its vote state follows and signs nothing from then on. */
  readonly lost: ReadonlyMap<number, DiskLoss>
  /** When they lose it, ms; each at a time of its own by default. */
  readonly lostAt?: number | undefined
  /** When all faults but those of the faulty validators end, ms. */
  readonly healsAt: number
  /** Fraction of messages lost until then. */
  readonly loss: number
  readonly delays: Delays
  /** Whether the network falls apart, ever anew. */
  readonly partitions: boolean
  /** Whether links fail in one direction, too. */
  readonly oneWay: boolean
  /** Single crashes until then. */
  readonly crashes: number
  /** Crashes in the middle of a write of the vote state until then. */
  readonly tornWrites: number
  /** Power losses of almost all machines until then. */
  readonly powerLosses: number
  /** Probability of a crash at each boundary of an effect until then. */
  readonly boundaryCrashes: number
  /** A machine that crashes at this boundary of an effect, counted from 1, and at no other. */
  readonly crashAt?: { readonly validator: number; readonly boundary: number } | undefined
  /** Validators whose operators take the risk, when the network heals, that they sign twice. spec C-39. */
  readonly overrides?: readonly number[] | undefined
  /** Times that a machine stands still for up to a second until then. */
  readonly pauses: number
  /** Times that a disk is full for up to a second until then. */
  readonly fullDisks: number
  /** Longest time that a write takes until then, ms. */
  readonly diskMs: number
  /** Clocks differ from the true time by up to this, always, ms. */
  readonly skew: number
  /** A clock that jumps by this much until the network heals, at one validator. */
  readonly clockJump?: { readonly validator: number; readonly ms: number } | undefined
  /** Validators whose machines are off until the network heals. */
  readonly absent?: readonly number[] | undefined
  /** When those are switched off, ms; from the beginning by default. */
  readonly absentFrom?: number | undefined
  /** How often machines tell where they stand, ms; 10 s by default. */
  readonly statusMs?: number | undefined
  /** The view of height 1 that these validators reached on their own before the run. */
  readonly startViews?: ReadonlyMap<number, number> | undefined
  /**
   * Until then COMMITs reach one validator of each height only, and nobody hears of its decision: the others must
   * decide the same in a later view by what they prepared.
   */
  readonly ambush?: boolean | undefined
  /** Times of the replicas; short ones make many views. */
  readonly timers?: Partial<TimerSettings> | undefined
  /** Transactions that come one by one after healing. */
  readonly workAfter?: number | undefined
  /** Once the network healed every message takes exactly this long and machines need no time, ms. */
  readonly unit?: number | undefined
  /** Changes of the validators, one after the other. */
  readonly changes?: readonly Change[] | undefined
  /** Breaks every honest replica or its host on purpose. */
  readonly mutant?: Mutant | undefined
  readonly keys?: KeyRing | undefined
  /** Sees every step of the honest replicas. */
  readonly watcher?: Watcher | undefined
  /** Keeps every line of the transcript, messages included, also of a good run. */
  readonly record?: boolean | undefined
}

/** How a run ended. */
export interface Outcome {
  readonly scenario: Scenario
  /** What must never happen and did; undefined for a good run. */
  readonly violation: string | undefined
  /** How long after healing the last honest replica had all blocks, ms. */
  readonly recovery: number
  /** How long after healing the first block above the highest before it was decided, ms; undefined for none. */
  readonly firstDecision: number | undefined
  /** Inputs that were given to replicas. */
  readonly steps: number
  readonly messages: number
  /** The bytes of these messages. */
  readonly bytes: number
  /** Heights decided. */
  readonly decided: number
  readonly highestView: number
  /** Changes of view, over all replicas. */
  readonly views: number
  /** How often each kind of fault was injected. */
  readonly faults: Readonly<Record<string, number>>
  /** How often each rule of the specification came into play. */
  readonly rules: Readonly<Record<string, number>>
  /** The last things that happened, for people; everything with `record`. */
  readonly transcript: readonly string[]
}
