import type { TreeHead } from '@vitalchain/core'

/** Length of the steps of block time in each of which one checkpoint is signed, ms: under load one a second. spec K-9 */
export const CHECKPOINT_STEP_MS: number = 1_000

/** How long the newest block must stay the newest until its checkpoint is signed in any case, ms. spec K-9 */
export const CHECKPOINT_QUIET_MS: number = 400

/**
 * How old a block may be, ms of the own clock, so that it counts as load and not as catching up. A node that is behind
 * signs where it arrives, not each second of the past.
 */
export const CHECKPOINT_FRESH_MS: number = 10_000

/** What of a block the schedule looks at. */
export interface ScheduledHead {
  readonly history: TreeHead
  /** ms since 1970. */
  readonly time: number
}

/**
 * Decides which heads are signed, by the blocks alone where there is load, so that all validators sign the same sizes.
 * spec K-9
 */
export interface CheckpointSchedule {
  /** A block is durable. Times are the own clocks': `now` ms since 1970, `clock` ms that never go back. */
  committed(head: ScheduledHead, now: number, clock: number): void
  /** The head to sign now, once. */
  take(clock: number): TreeHead | undefined
  /** How long until there may be another one to take, ms; Infinity when only a block can bring one. */
  wait(clock: number): number
}

/** Makes the schedule of a node that stands at this head. */
export function createCheckpointSchedule(head: ScheduledHead, clock: number): CheckpointSchedule {
  let newest = head
  let due: TreeHead | undefined
  let quietAt: number | undefined = clock + CHECKPOINT_QUIET_MS

  return {
    committed(next, now, at) {
      const isFirst = stepOf(next.time) > stepOf(newest.time)
      const isFresh = now - next.time <= CHECKPOINT_FRESH_MS
      newest = next
      if (isFirst && isFresh) {
        due = next.history
        quietAt = undefined
      } else quietAt = at + CHECKPOINT_QUIET_MS
    },
    take(at) {
      if (quietAt !== undefined && at >= quietAt) {
        quietAt = undefined
        due = newest.history
      }
      const taken = due
      due = undefined
      return taken !== undefined && taken.size > 0 ? taken : undefined
    },
    wait(at) {
      if (due !== undefined) return 0
      return quietAt === undefined ? Infinity : Math.max(0, quietAt - at)
    }
  }
}

function stepOf(time: number): number {
  return Math.floor(time / CHECKPOINT_STEP_MS)
}
