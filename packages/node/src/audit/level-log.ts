import { maskedCrc32c } from './crc32c.ts'

/** Bytes of a block of a log (leveldb, doc/log_format.md); no record's part crosses its end. */
const BLOCK_BYTES = 32 * 1024

/** Checksum u32, length u16, type u8; little-endian. */
const HEADER_BYTES = 7

const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4]

/** The first place where a log is not what was written. */
export interface LogDamage {
  readonly offset: number
  /** Whether it may be a write that the power cut short: the last record is not whole, and nothing follows. */
  readonly torn: boolean
  /** Whether LevelDB would still take records that stand behind the place. */
  readonly more: boolean
}

/** Checks a log or manifest of LevelDB. @returns the first damage, or undefined */
export function checkLog(bytes: Uint8Array): LogDamage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  // Where a record began whose last part has not come.
  let open: number | undefined
  let at = 0
  while (at < bytes.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES)
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const rest = Math.min(left, bytes.length - at)
    if (rest < HEADER_BYTES) return { offset: open ?? at, torn: true, more: false }
    const length = view.getUint16(at + 4, true)
    const end = at + HEADER_BYTES + length
    if (HEADER_BYTES + length > rest) return damageAt(bytes, at, end > bytes.length)
    const type = bytes[at + 6] ?? 0
    const starts = type === FULL || type === FIRST
    const known = starts || type === MIDDLE || type === LAST
    const sound = maskedCrc32c(bytes.subarray(at + 6, end)) === view.getUint32(at, true)
    if (!known || !sound || starts !== (open === undefined)) return damageAt(bytes, at, false)
    if (type === FIRST) open = at
    if (type === LAST) open = undefined
    at = end
  }
  return open === undefined ? undefined : { offset: open, torn: true, more: false }
}

// LevelDB drops the rest of a damaged block and goes on with the first record that begins in a later one.
function damageAt(bytes: Uint8Array, offset: number, beyondEnd: boolean): LogDamage {
  for (let at = nextBlock(offset); at < bytes.length; at = nextBlock(at)) {
    if (beginsRecord(bytes, at)) return { offset, torn: false, more: true }
  }
  return { offset, torn: beyondEnd, more: false }
}

function nextBlock(at: number): number {
  return (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES
}

/** Whether a whole record, or the first part of one, stands in a block. */
function beginsRecord(bytes: Uint8Array, block: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const blockEnd = Math.min(block + BLOCK_BYTES, bytes.length)
  for (let at = block; at + HEADER_BYTES <= blockEnd;) {
    const end = at + HEADER_BYTES + view.getUint16(at + 4, true)
    if (end > blockEnd) return false
    if (maskedCrc32c(bytes.subarray(at + 6, end)) !== view.getUint32(at, true)) return false
    const type = bytes[at + 6]
    if (type === FULL || type === FIRST) return true
    at = end
  }
  return false
}
