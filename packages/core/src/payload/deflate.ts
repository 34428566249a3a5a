import { deflateSync, inflateSync } from 'fflate'

/**
 * Deflated payloads are filled up with zeros to a multiple of this, in bytes. How well readings compress says something about
 * them, and a payload's size stands on the ledger for ever: so it is said in coarse steps only.
 */
export const DEFLATED_STEP_BYTES: number = 64

/** Compression that saves less than a quarter is not worth the reader's work. */
const WORTH = 3 / 4

/**
 * Compresses (RFC 1951, DEFLATE without a wrapper) and fills up with zeros, which readers ignore: a stream says where it ends.
 * Undefined when it does not pay. The same bytes give the same result in the same release only: compare what comes out.
 */
export function deflatePadded(clear: Uint8Array): Uint8Array | undefined {
  const deflated = deflateSync(clear, { level: 6, mem: 4 })
  const bytes = Math.ceil(deflated.length / DEFLATED_STEP_BYTES) * DEFLATED_STEP_BYTES
  if (bytes > clear.length * WORTH) return undefined
  const padded = new Uint8Array(bytes)
  padded.set(deflated)
  return padded
}

/**
 * What {@link deflatePadded} compressed. Memory is bounded whatever the bytes claim.
 *
 * @param bytesMax - the most that may come out
 * @throws an `Error` of whatever class for bytes that are no such stream, or of which more comes out; callers wrap it
 */
export function inflatePadded(padded: Uint8Array, bytesMax: number): Uint8Array {
  if (padded.length === 0) throw new RangeError('nothing to inflate')
  // With a buffer given nothing grows; what does not fit is dropped, and shows by the one byte more.
  const clear = inflateSync(padded, { out: new Uint8Array(bytesMax + 1) })
  if (clear.length > bytesMax) throw new RangeError(`more than ${bytesMax} bytes come out`)
  return clear
}
