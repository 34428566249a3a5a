import { VitalchainError } from '@vitalchain/core'

/** Bytes that a block of a LevelDB file may have once it is opened: its writer aims at 4 KiB, one entry may be larger. */
const OPENED_BYTES_MAX = 64 * 1024 * 1024

/**
 * Opens a block in Snappy's raw format (google/snappy, format_description.txt), in which LevelDB keeps its blocks.
 *
 * @throws VitalchainError `ERR_ENCODING`
 */
export function openSnappy(bytes: Uint8Array): Uint8Array {
  const [length, start] = readVarint(bytes, 0)
  if (length > OPENED_BYTES_MAX) throw malformed()
  const out = new Uint8Array(length)
  let at = start
  let filled = 0
  const little = (from: number, count: number): number => {
    if (from + count > bytes.length) throw malformed()
    let value = 0
    for (let k = count - 1; k >= 0; k -= 1) value = value * 256 + (bytes[from + k] ?? 0)
    return value
  }
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0
    at += 1
    const kind = tag & 3
    if (kind === 0) {
      let size = (tag >> 2) + 1
      if (size > 60) {
        const extra = size - 60
        size = little(at, extra) + 1
        at += extra
      }
      if (at + size > bytes.length || filled + size > length) throw malformed()
      out.set(bytes.subarray(at, at + size), filled)
      at += size
      filled += size
      continue
    }
    const extra = kind === 1 ? 1 : kind === 2 ? 2 : 4
    const low = little(at, extra)
    const offset = kind === 1 ? ((tag >> 5) << 8) | low : low
    const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    at += extra
    if (offset === 0 || offset > filled || filled + size > length) throw malformed()
    // Byte by byte: a copy may overlap what it writes.
    for (let k = 0; k < size; k += 1) out[filled + k] = out[filled + k - offset] ?? 0
    filled += size
  }
  if (filled !== length) throw malformed()
  return out
}

/**
 * A number in LEB128, as LevelDB and Snappy write them, and where it ends.
 *
 * @throws VitalchainError `ERR_ENCODING`
 */
export function readVarint(bytes: Uint8Array, start: number): readonly [number, number] {
  let value = 0
  let factor = 1
  for (let at = start; at < bytes.length && factor < 2 ** 53; at += 1) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return [value, at + 1]
    factor *= 128
  }
  throw malformed()
}

function malformed(): VitalchainError {
  return new VitalchainError('ERR_ENCODING', 'the block is not in the format of its file')
}
