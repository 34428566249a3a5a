import { pause } from '../loop.ts'

/** Statements a second that a lane may always hand over. A monitor hands over one in some seconds, a gateway of a ward ten a second. */
export const LANE_PER_SECOND: number = 40

/** Statements that a lane may hand over at once after a pause. */
export const LANE_BURST: number = 64

/** How many times the mean of the other lanes a lane may hand over, where that is more: what goes fast may go fast together. */
export const LANE_FACTOR: number = 16

/** How far back a lane's rate looks, ms. */
const RATE_MS = 10_000

/** How long after its last statement a lane still counts among the others, ms. */
const SILENT_MS = 30_000

/** How long the mean of all lanes is believed, ms. */
const MEAN_MS = 200

/**
 * How long a device in its own session waits for its turn, ms: less than the 2 s after which it may try another node (S-8), and
 * more than its window of 64 statements takes at {@link LANE_PER_SECOND}.
 */
export const TURN_WAIT_MS: number = 1_800

/** Statements of a lane that wait for their turn at once: two windows of a device. */
const WAITING_MAX = 128

interface Lane {
  tokens: number
  filled: number
  /** Decaying count of statements, by {@link RATE_MS}: about the statements a second. */
  rate: number
  rated: number
  waiting: number
}

/**
 * Shares this node's door among the lanes of devices: while others hand over too, a lane that hands over many times as much as they
 * do is held back to a rate that leaves the others as they were. A lane alone goes as fast as it can: a backlog of a week is no flood.
 */
export interface LaneShares {
  /**
   * @returns ms after which the lane may hand over one more; 0 for now
   */
  waitMs(lane: string): number
  /** A statement of a lane is taken: its signature is checked. */
  charge(lane: string): void
  /**
   * Waits for the lane's turn and takes it.
   *
   * @returns 0, or the ms after which it may try again when it would have to wait too long
   */
  turn(lane: string): Promise<number>
}

/**
 * Makes {@link LaneShares}.
 *
 * @param stopping - who waits is let go when it aborts
 * @param now - a clock in ms that never goes back
 */
export function createLaneShares(
  stopping: AbortSignal,
  now: () => number = () => performance.now()
): LaneShares {
  const lanes = new Map<string, Lane>()
  let mean = { at: -Infinity, sum: 0, count: 0 }

  function laneOf(name: string, time: number): Lane {
    const known = lanes.get(name)
    if (known !== undefined) return known
    const made = { tokens: LANE_BURST, filled: time, rate: 0, rated: -Infinity, waiting: 0 }
    lanes.set(name, made)
    return made
  }

  function rateOf(lane: Lane, time: number): number {
    return lane.rate === 0 ? 0 : lane.rate * Math.exp((lane.rated - time) / RATE_MS)
  }

  /** Sums all rates now and then, and forgets who is silent. */
  function meanAt(time: number): typeof mean {
    if (time - mean.at < MEAN_MS) return mean
    let sum = 0
    for (const [name, lane] of lanes) {
      const rate = rateOf(lane, time)
      if (time - lane.rated >= SILENT_MS && lane.waiting === 0) lanes.delete(name)
      else sum += rate
    }
    mean = { at: time, sum, count: lanes.size }
    return mean
  }

  /** Statements a second that a lane may hand over now. */
  function limitOf(lane: Lane, time: number): number {
    const { sum, count } = meanAt(time)
    if (count <= 1) return Infinity
    const others = Math.max(0, sum - rateOf(lane, time)) / (count - 1)
    return Math.max(LANE_PER_SECOND, LANE_FACTOR * others)
  }

  function fill(lane: Lane, time: number): number {
    const limit = limitOf(lane, time)
    lane.tokens =
      limit === Infinity
        ? LANE_BURST
        : Math.min(LANE_BURST, lane.tokens + ((time - lane.filled) / 1_000) * limit)
    lane.filled = time
    return limit
  }

  function waitOf(lane: Lane): number {
    const limit = fill(lane, now())
    return lane.tokens >= 1 ? 0 : Math.ceil(((1 - lane.tokens) / limit) * 1_000)
  }

  const shares: LaneShares = {
    waitMs: name => waitOf(laneOf(name, now())),
    charge(name) {
      const time = now()
      const lane = laneOf(name, time)
      fill(lane, time)
      // One more than were counted.
      if (lane.rate === 0) mean = { ...mean, at: -Infinity }
      // Below zero for what was under way at once: it is paid back.
      lane.tokens -= 1
      lane.rate = rateOf(lane, time) + 1_000 / RATE_MS
      lane.rated = time
      // It may have been forgotten just now, as one that handed over nothing yet.
      lanes.set(name, lane)
    },
    async turn(name) {
      const lane = laneOf(name, now())
      const end = now() + TURN_WAIT_MS
      lane.waiting += 1
      try {
        for (let wait = waitOf(lane); wait > 0; wait = waitOf(lane)) {
          if (now() + wait > end || lane.waiting > WAITING_MAX) return wait
          await pause(wait, stopping)
          if (stopping.aborted) return wait
        }
        shares.charge(name)
        return 0
      } finally {
        lane.waiting -= 1
      }
    }
  }
  return shares
}
