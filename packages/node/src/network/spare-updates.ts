import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'

/** Bytes of a Yamux header; an update of a window is nothing more. */
const HEADER_BYTES = 12

/** The frame type of a window update, in the second byte. */
const WINDOW_UPDATE = 1

/**
 * Bytes of window that are kept back until they are worth a frame: a quarter of the smallest window, so that a sender always
 * has three quarters of it.
 */
export const WITHHELD_BYTES_MAX: number = 64 * 1024

/** Streams whose withheld bytes are remembered. Far above what a connection may hold; the oldest is told its bytes then. */
const STREAMS_MAX = 1_024

/**
 * Makes a muxer of Yamux tell the other side of free window by the 64 KiB. The library does it after each frame of data: a
 * second packet, with its encryption and two system calls, for each vote, on both sides. Hashicorp's own waits for half
 * a window. Nothing else about the protocol changes: updates add up.
 */
export function spareWindowUpdates<M extends StreamMuxer>(
  factory: () => StreamMuxerFactory<M>
): () => StreamMuxerFactory<M> {
  return () => {
    const inner = factory()
    return {
      protocol: inner.protocol,
      createStreamMuxer(stream) {
        spare(stream)
        return inner.createStreamMuxer(stream)
      }
    }
  }
}

function spare(connection: MessageStream): void {
  const send = connection.send.bind(connection)
  /** Bytes kept back, by stream. */
  const withheld = new Map<number, number>()
  connection.send = data => {
    const bytes = data.byteLength === HEADER_BYTES ? data.subarray() : undefined
    if (bytes === undefined || bytes[1] !== WINDOW_UPDATE) return send(data)
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
    const flags = view.getUint16(2)
    const stream = view.getUint32(4)
    const free = view.getUint32(8) + (withheld.get(stream) ?? 0)
    // One that opens, acknowledges, ends or resets a stream is more than an update.
    if (flags === 0 && free < WITHHELD_BYTES_MAX) {
      withheld.delete(stream)
      if (withheld.size >= STREAMS_MAX) forgetOldest()
      withheld.set(stream, free)
      return !connection.writableNeedsDrain
    }
    withheld.delete(stream)
    return send(update(flags, stream, free))
  }

  const forgetOldest = (): void => {
    for (const [stream, free] of withheld) {
      withheld.delete(stream)
      send(update(0, stream, free))
      return
    }
  }
}

function update(flags: number, stream: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES)
  const view = new DataView(frame.buffer)
  view.setUint8(1, WINDOW_UPDATE)
  view.setUint16(2, flags)
  view.setUint32(4, stream)
  view.setUint32(8, bytes)
  return frame
}
