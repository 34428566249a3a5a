import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { errorCode, VitalchainError } from '@vitalchain/core'
import { pipe } from 'it-pipe'
import { decodeFrames, encodeFrame, FRAME_BYTES_MAX } from './framing.ts'

/**
 * Bytes taken from a stream ahead of its reader: 256 KiB, one initial Yamux window. Above that the
 * stream is paused and the sender's window runs dry: back-pressure from the handler to the sender.
 */
const READ_AHEAD_BYTES = 256 * 1024

/** How long to wait for the other side to close too before the stream is reset, in milliseconds. */
const CLOSE_LINGER_MS = 2_000

/** A stream of frames, both ways. The libp2p stream is hidden behind it. */
export interface FramedStream {
  /** The frames from the other side until it closes; one reader. Throws when the stream breaks. */
  read(): AsyncIterable<Uint8Array>
  /**
   * Sends a frame; resolves when the network takes more, so a slow peer slows the writer.
   *
   * @throws VitalchainError `ERR_FRAME_TOO_LARGE`, or `ERR_CONNECTION_LOST` (retryable).
   */
  write(frame: Uint8Array): Promise<void>
  /** Ends writing, sends what is left and lets the other side finish. Never throws. */
  close(): Promise<void>
  /** Drops the stream at once, unsent bytes included. */
  abort(error: Error): void
}

/**
 * Frames over a libp2p stream. `maxBytes` limits received frames; `onOversize` is told of one that is
 * longer, which ends the reading.
 */
export function framedStream(
  stream: Stream,
  maxBytes: number = FRAME_BYTES_MAX,
  onOversize: () => void = () => undefined
): FramedStream {
  pauseReading(stream)
  return {
    read: () => pipe(readChunks(stream), chunks => readFrames(chunks, maxBytes, onOversize)),
    write: async frame => {
      const bytes = encodeFrame(frame)
      try {
        stream.send(bytes)
      } catch (cause) {
        throw connectionLost(cause)
      }
      await drained(stream)
    },
    close: () => closeStream(stream),
    abort: error => stream.abort(error)
  }
}

async function* readFrames(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onOversize: () => void
): AsyncGenerator<Uint8Array> {
  try {
    yield* decodeFrames(chunks, maxBytes)
  } catch (error) {
    if (errorCode(error) === 'ERR_FRAME_TOO_LARGE') {
      onOversize()
    }
    throw error
  }
}

/**
 * The chunks of a stream as they come, with back-pressure. libp2p's own iterator buffers without a
 * limit when its reader is slower than the network.
 *
 * @throws VitalchainError `ERR_CONNECTION_LOST` (retryable) when the other side resets the stream;
 * the error given to `abort` when this side did.
 */
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
    if (bytes > READ_AHEAD_BYTES) {
      pauseReading(stream)
    }
    wake?.()
  }
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  const onClose = ({ error, local }: StreamCloseEvent): void => {
    closed = true
    if (error !== undefined) {
      failure = local === true ? error : connectionLost(error)
    }
    wake?.()
  }

  if (stream.status === 'reset' || stream.status === 'aborted') {
    throw connectionLost()
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
      if (failure !== undefined) {
        throw failure
      }
      if (stream.readStatus === 'paused') {
        stream.resume()
        if (chunks.length > 0) {
          continue
        }
      }
      // A stream may end or close with bytes still to be delivered: those that libp2p read ahead while
      // it negotiated the protocol are put back after `end`.
      if ((ended || closed) && stream.readBufferLength === 0) {
        return
      }
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onEnd)
    stream.removeEventListener('close', onClose)
    pauseReading(stream)
  }
}

// Yamux goes on to open the sender's window for a stream that no one reads, until the bytes held here
// break a limit and the stream is reset. Only a paused stream holds the sender back.
function pauseReading(stream: Stream): void {
  if (stream.readStatus === 'readable' && stream.status === 'open') {
    stream.pause()
  }
}

/**
 * Resolves when the stream takes more bytes. Not libp2p's `onDrain`, whose promise is made once and
 * stays resolved, so that it holds back only the first time.
 *
 * @throws VitalchainError `ERR_CONNECTION_LOST` (retryable) when the stream closes first.
 */
async function drained(stream: Stream): Promise<void> {
  while (stream.writableNeedsDrain) {
    if (stream.writeStatus === 'closed') {
      throw connectionLost()
    }
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

/** Ends a stream in good order, then by force when the other side does not follow. Never throws. */
export async function closeStream(stream: Stream): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_LINGER_MS)
  try {
    await stream.close({ signal })
  } catch {
    stream.abort(new VitalchainError('ERR_CONNECTION_LOST', 'the stream did not close in time'))
    return
  }
  if (stream.status === 'open' || stream.status === 'closing') {
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        stream.removeEventListener('close', done)
        resolve()
      }
      const timer = setTimeout(() => {
        stream.abort(new VitalchainError('ERR_CONNECTION_LOST', 'the peer kept its side open'))
      }, CLOSE_LINGER_MS)
      stream.addEventListener('close', done)
    })
  }
}

/** The error for a stream or connection that broke. Retryable. */
export function connectionLost(cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_CONNECTION_LOST', 'the connection to the peer was lost', {
    cause,
    retryable: true
  })
}
