import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { concatBytes, u32be, VitalchainError } from '@vitalchain/core'
import { connectionLost } from './node-session.ts'

/** A frame is its length (4 bytes, unsigned, big-endian) and so many bytes. */
const HEADER_BYTES = 4

/** Bytes taken from a stream ahead of their reader. Above that the stream is paused, and the node with it. */
const READ_AHEAD_BYTES = 256 * 1024

/** How long a node has to close its side of a stream too, ms. Then the stream is dropped. */
const CLOSE_MS = 1_000

/**
 * Sends a frame; resolves when the network takes more.
 *
 * @throws VitalchainError `ERR_CONNECTION_LOST` (retryable)
 */
export async function writeFrame(stream: Stream, frame: Uint8Array): Promise<void> {
  try {
    stream.send(concatBytes([u32be(frame.length), frame]))
  } catch (cause) {
    throw connectionLost(cause)
  }
  // Not libp2p's onDrain: its promise is made once and stays resolved.
  while (stream.writableNeedsDrain) {
    if (stream.writeStatus === 'closed') throw connectionLost()
    await new Promise<void>(resolve => {
      const done = (): void => {
        stream.removeEventListener('drain', done)
        stream.removeEventListener('close', done)
        resolve()
      }
      stream.addEventListener('drain', done)
      stream.addEventListener('close', done)
    })
  }
}

/**
 * The frames that a stream brings, until it ends.
 *
 * @param bytesMax - the longest frame, without its header
 * @throws VitalchainError `ERR_FRAME_TOO_LARGE` before such a frame's bytes are taken, `ERR_CONNECTION_LOST` (retryable)
 * when the stream breaks or ends inside a frame
 */
export async function* readFrames(stream: Stream, bytesMax: number): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let bytes = 0
  let wanted: number | undefined
  for await (const chunk of readChunks(stream)) {
    parts.push(chunk)
    bytes += chunk.length
    // Joined only when there is enough, so a frame that comes in small pieces is copied once.
    while (bytes >= (wanted ?? HEADER_BYTES)) {
      const joined = concatBytes(parts)
      const used = wanted ?? HEADER_BYTES
      parts = [joined.subarray(used)]
      bytes -= used
      if (wanted !== undefined) {
        wanted = undefined
        yield joined.subarray(0, used)
        continue
      }
      wanted = new DataView(joined.buffer, joined.byteOffset).getUint32(0)
      if (wanted > bytesMax) {
        throw new VitalchainError(
          'ERR_FRAME_TOO_LARGE',
          `a frame of ${wanted} bytes is longer than ${bytesMax}`,
          { values: { length: wanted, limit: bytesMax } }
        )
      }
    }
  }
  if (bytes > 0 || wanted !== undefined) throw connectionLost()
}

/** The chunks of a stream with back-pressure: libp2p's own iterator holds any amount for a slow reader. */
async function* readChunks(stream: Stream): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  let ended = stream.readableEnded
  let closed = stream.status !== 'open' && stream.status !== 'closing'
  let failure: Error | undefined
  let wake: (() => void) | undefined
  const onMessage = ({ data }: StreamMessageEvent): void => {
    chunks.push(data.subarray())
    bytes += data.byteLength
    if (bytes > READ_AHEAD_BYTES && stream.readStatus === 'readable') stream.pause()
    wake?.()
  }
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  const onClose = ({ error }: StreamCloseEvent): void => {
    closed = true
    if (error !== undefined) failure = connectionLost(error)
    wake?.()
  }
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onEnd)
  stream.addEventListener('close', onClose)
  try {
    while (true) {
      const chunk = chunks.shift()
      if (chunk !== undefined) {
        bytes -= chunk.length
        yield chunk
        continue
      }
      if (failure !== undefined) throw failure
      if (stream.readStatus === 'paused') {
        stream.resume()
        if (chunks.length > 0) continue
      }
      // A stream may close with bytes still to be delivered; then `end` comes after them.
      if (ended || (closed && stream.readBufferLength === 0)) return
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onClose)
  }
}

/** Ends a stream in good order, so that the node need not take it for a fault, or by force. Never throws. */
export async function closeStream(stream: Stream): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_MS)
  try {
    await stream.close({ signal })
    await new Promise<void>(resolve => {
      if (stream.status !== 'open' && stream.status !== 'closing') return resolve()
      stream.addEventListener('close', () => resolve())
      signal.addEventListener('abort', () => resolve())
    })
  } catch {
    // It did not even take what was to be sent before its end.
  }
  // Does nothing to a closed stream. Nothing is lost: what was not answered is sent again anyway.
  stream.abort(connectionLost())
}
