/** The least and the greatest sample: signed 32-bit integers. Converters of medical devices have 8 to 24 bits. */
const SAMPLE_MIN = -0x8000_0000
const SAMPLE_MAX = 0x7fff_ffff

/** Whether a number can be a sample: a signed 32-bit integer. */
export function isSample(value: number): boolean {
  return Number.isInteger(value) && value >= SAMPLE_MIN && value <= SAMPLE_MAX
}

/**
 * Samples as bytes: of each its difference from the one before, the first from 0, as a zigzag number (0, -1, 1, -2, ... are
 * 0, 1, 2, 3, ...) in groups of seven bits, the lowest first, the high bit set in all but the last (LEB128). A body's signals
 * move so slowly that nearly every difference takes one byte, and few different ones at that, which then compress. spec P-6
 *
 * @param samples - signed 32-bit integers
 * @returns undefined when it takes more than `bytesMax` bytes
 */
export function encodeDeltas(samples: ArrayLike<number>, bytesMax: number): Uint8Array | undefined {
  const bytes = new Uint8Array(bytesMax)
  let at = 0
  let before = 0
  for (let k = 0; k < samples.length; k++) {
    const sample = samples[k] ?? 0
    // Differences have 33 bits, so that bit operations would cut them.
    const difference = sample - before
    let zigzag = difference < 0 ? -2 * difference - 1 : 2 * difference
    before = sample
    while (zigzag > 127) {
      if (at >= bytesMax) return undefined
      bytes[at++] = (zigzag % 128) + 128
      zigzag = Math.floor(zigzag / 128)
    }
    if (at >= bytesMax) return undefined
    bytes[at++] = zigzag
  }
  return bytes.slice(0, at)
}

/**
 * The samples of {@link encodeDeltas}.
 *
 * @param count - how many there are
 * @throws RangeError for bytes that are not exactly the ones that so many samples give
 */
export function decodeDeltas(bytes: Uint8Array, count: number): Int32Array {
  // Each takes a byte at least: nothing is allocated for a count that is only claimed.
  if (count > bytes.length) throw new RangeError(`${bytes.length} bytes hold no ${count} samples`)
  const samples = new Int32Array(count)
  let at = 0
  let before = 0
  for (let k = 0; k < count; k++) {
    let zigzag = 0
    let weight = 1
    let byte = bytes[at++] ?? -1
    while (byte > 127) {
      zigzag += (byte - 128) * weight
      weight *= 128
      byte = bytes[at++] ?? -1
      // What goes on behind the fifth group is beyond 33 bits.
      if (weight > 2 ** 28) break
    }
    // What ends in a zero has a shorter form.
    if (byte < 0 || byte > 127 || (byte === 0 && weight > 1))
      throw new RangeError(`sample ${k} is cut short or too long`)
    zigzag += byte * weight
    before += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    if (!isSample(before)) throw new RangeError(`sample ${k} is beyond 32 bits`)
    samples[k] = before
  }
  if (at !== bytes.length) throw new RangeError(`bytes behind the last of ${count} samples`)
  return samples
}
