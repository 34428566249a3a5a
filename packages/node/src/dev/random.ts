/** A source of chance that its seed decides wholly: for simulations and demonstrations, never for keys. */
export interface Random {
  /** Uniform, at least 0 and below 1. */
  uniform(): number
  /** Uniform, at least `min` and below `max`. */
  between(min: number, max: number): number
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number
}

/**
 * A source of chance with the 32-bit generator mulberry32 (period 2^32).
 *
 * @param seed - an integer; its low 32 bits count
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    uniform,
    between: (min, max) => min + (max - min) * uniform(),
    // Box and Muller 1958. 1 - u is never 0, whose logarithm is infinite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  }
}
