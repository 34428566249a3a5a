import { seededRandom } from '../fixture.ts'

/** Random choices that a seed repeats. */
export interface Dice {
  /** A whole number from 0 to `sides` - 1, at most 2^24 sides. */
  roll(sides: number): number
  readonly bytes: (count: number) => Uint8Array
}

export function createDice(seed: number): Dice {
  const bytes = seededRandom(seed)
  return {
    bytes,
    roll(sides) {
      const [a = 0, b = 0, c = 0] = bytes(3)
      return ((a << 16) | (b << 8) | c) % sides
    }
  }
}
