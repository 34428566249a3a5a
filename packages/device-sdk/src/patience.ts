import { COMMIT_WAIT_MAX_MS, COMMIT_WAIT_MIN_MS } from './limits.ts'

/** How many times as long as its proofs took lately a device waits for the next one. */
const FACTOR = 4

/** How much of a slow proof is left in the measure after the next quick one. */
const DECAY = 0.8

/**
 * How long a device waits for a proof before it tries another node. A node that is cut off from the others accepts and proves
 * nothing, so a device in a quick network leaves it soon; where proofs take long, and while no node gives any, it waits longer.
 */
export class Patience {
  #slowest = 0
  #disappointments = 0

  /** The wait from now on, ms: from {@link COMMIT_WAIT_MIN_MS} to {@link COMMIT_WAIT_MAX_MS}. */
  get ms(): number {
    const wait = Math.max(COMMIT_WAIT_MIN_MS, FACTOR * this.#slowest)
    // The exponent is bounded: beyond it the longest wait is reached.
    return Math.min(wait * 2 ** Math.min(this.#disappointments, 8), COMMIT_WAIT_MAX_MS)
  }

  /** A lane waited so long for a proof, ms. */
  proved(ms: number): void {
    this.#slowest = Math.max(ms, this.#slowest * DECAY)
    this.#disappointments = 0
  }

  /** A node let a lane wait in vain. */
  disappointed(): void {
    this.#disappointments++
  }
}
