import { concatBytes, u32be, VitalchainError } from '@vitalchain/core'
import { pipe } from 'it-pipe'

/**
 * Length of a frame's header, in bytes.
 *
 * Every stream of the network carries frames and nothing else:
 *
 * ```text
 * frame = length (4 bytes, unsigned, big-endian) || length bytes
 * ```
 *
 * The length does not count the header. A length of 0 is a valid, empty frame. There is no
 * compression, no checksum (the Noise channel below authenticates every byte) and no escape.
 */
export const FRAME_HEADER_BYTES: number = 4

/**
 * Longest frame, in bytes without its header: 4 MiB. A block's body is at most 1.5 MiB, bulk answers
 * are cut into several frames, so more is either a bug or an attempt to fill memory.
 */
export const FRAME_BYTES_MAX: number = 4 * 1024 * 1024

/**
 * One frame, header included.
 *
 * @throws VitalchainError `ERR_FRAME_TOO_LARGE` for more than {@link FRAME_BYTES_MAX} bytes.
 */
export function encodeFrame(bytes: Uint8Array): Uint8Array {
  if (bytes.length > FRAME_BYTES_MAX) {
    throw frameTooLarge(bytes.length, FRAME_BYTES_MAX)
  }
  return concatBytes([u32be(bytes.length), bytes])
}

/**
 * The frames in a stream of chunks, whose borders mean nothing. Memory held is one frame and one
 * chunk: nothing is reserved for bytes that a header only promises.
 *
 * @param maxBytes longest accepted frame, in bytes without its header; at most {@link FRAME_BYTES_MAX}.
 * @throws VitalchainError `ERR_FRAME_TOO_LARGE` as soon as such a header arrives, before its bytes;
 * `ERR_FRAME_TRUNCATED` (retryable) when the chunks end inside a frame.
 */
export function decodeFrames(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number = FRAME_BYTES_MAX
): AsyncIterable<Uint8Array> {
  return pipe(chunks, source => splitFrames(source, Math.min(maxBytes, FRAME_BYTES_MAX)))
}

async function* splitFrames(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let wanted: number | undefined

  for await (const chunk of source) {
    pending.push(chunk)
    pendingBytes += chunk.length
    // Joins the pieces only when they are enough, so a frame that comes in small pieces is copied once.
    while (pendingBytes >= (wanted ?? FRAME_HEADER_BYTES)) {
      const joined = pending.length === 1 ? (pending[0] ?? chunk) : concatBytes(pending)
      const used = wanted ?? FRAME_HEADER_BYTES
      const rest = joined.subarray(used)
      pending = rest.length === 0 ? [] : [rest]
      pendingBytes = rest.length
      if (wanted === undefined) {
        wanted = readLength(joined)
        if (wanted > maxBytes) {
          throw frameTooLarge(wanted, maxBytes)
        }
      } else {
        wanted = undefined
        yield joined.subarray(0, used)
      }
    }
  }
  if (pendingBytes > 0 || wanted !== undefined) {
    throw new VitalchainError('ERR_FRAME_TRUNCATED', 'the stream ended inside a frame', {
      values: { missing: (wanted ?? FRAME_HEADER_BYTES) - pendingBytes },
      retryable: true
    })
  }
}

function readLength(header: Uint8Array): number {
  return new DataView(header.buffer, header.byteOffset, FRAME_HEADER_BYTES).getUint32(0)
}

function frameTooLarge(length: number, limit: number): VitalchainError {
  return new VitalchainError(
    'ERR_FRAME_TOO_LARGE',
    `a frame of ${length} bytes is longer than ${limit}`,
    { values: { length, limit } }
  )
}
