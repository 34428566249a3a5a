/** Bytes of receipts that are remembered: about 1 500, those of a busy minute or two. */
const RECEIPTS_BYTES_MAX = 4 * 1024 * 1024

/** Receipts as they were made and checked, by the index of their leaf: device, dashboard and sinks ask for the same ones. */
export interface ReceiptMemory {
  /** A copy of what was kept. */
  get(index: number): Uint8Array | undefined
  keep(index: number, receipt: Uint8Array): void
}

/** Makes a {@link ReceiptMemory} that forgets what was made first. */
export function createReceiptMemory(bytesMax: number = RECEIPTS_BYTES_MAX): ReceiptMemory {
  const kept = new Map<number, Uint8Array>()
  let bytes = 0
  return {
    // The caller may write into its copy.
    get: index => kept.get(index)?.slice(),
    keep(index, receipt) {
      if (kept.has(index) || receipt.length > bytesMax) return
      kept.set(index, receipt.slice())
      bytes += receipt.length
      for (const [oldest, { length }] of kept) {
        if (bytes <= bytesMax) break
        kept.delete(oldest)
        bytes -= length
      }
    }
  }
}
