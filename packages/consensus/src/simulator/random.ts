/** A stream of numbers that looks random and depends on its seed alone. */
export interface Random {
  /** From 0, included, to 1, excluded. */
  fraction(): number
  /** A whole number from 0, included, to `below`, excluded. */
  integer(below: number): number
  /** True with the given probability. */
  chance(probability: number): boolean
  /** One of the items. */
  pick<T>(items: readonly [T, ...T[]]): T
}

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded with one number. */
export function createRandom(seed: number): Random {
  let a = 0x9e37_79b9
  let b = seed >>> 0
  let c = Math.imul(seed, 0x85eb_ca6b) >>> 0
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) >>> 0
    counter = (counter + 1) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0
    return sum
  }
  for (let warm = 0; warm < 12; warm += 1) next()
  const fraction = (): number => next() / 0x1_0000_0000
  const integer = (below: number): number => Math.floor(fraction() * below)
  return {
    fraction,
    integer,
    chance: probability => probability > 0 && fraction() < probability,
    pick: items => items[integer(items.length)] ?? items[0]
  }
}
