import type { Reading } from './reading.ts'

/**
 * How much later than the one before a reading may be, ms: seven days. Patients come off a monitor for hours and wear the next
 * sensor days later; what is weeks later under the same key is another stay, or another clock.
 */
export const TIME_JUMP_MS: number = 7 * 86_400_000

/** A reading whose time does not follow that of the one before it under the same name. */
export interface TimeJump {
  /** The reading's name. */
  readonly name: string
  /** The time of the one before, ms since 1970 by the device's clock. */
  readonly from: number
  /** Its own time. Before `from`, or more than {@link TIME_JUMP_MS} behind it. */
  readonly to: number
}

/**
 * Finds jumps in the times of one device's readings as they come, in the order in which they were recorded. Times are recorded
 * as they were given, whatever they are: a jump refuses nothing and changes nothing, it is told to who reads. spec P-5
 *
 * @returns the jump that a reading makes, if it makes one. It keeps one time for each name.
 */
export function createJumpFinder(): (
  reading: Pick<Reading, 'name' | 'time'>
) => TimeJump | undefined {
  const last = new Map<string, number>()
  return ({ name, time }) => {
    const before = last.get(name)
    last.set(name, time)
    if (before === undefined || (before <= time && time - before <= TIME_JUMP_MS)) return undefined
    return { name, from: before, to: time }
  }
}
