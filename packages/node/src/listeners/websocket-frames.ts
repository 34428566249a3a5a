import { VitalchainError } from '@vitalchain/core'
import type { RawData, WebSocket } from 'ws'
import type { FramedStream } from '../network/index.ts'

/** Bytes taken from a socket ahead of their reader. Above that the socket is paused, and the device with it. */
const READ_AHEAD_BYTES = 256 * 1024

/** Memory that a frame takes beside its bytes, about: else a device could send empty ones without end. */
const FRAME_OVERHEAD_BYTES = 256

/** How long a device has to close its side too, ms. */
const CLOSE_LINGER_MS = 2_000

/** The binary messages of a socket as frames. */
export function webSocketFrames(socket: WebSocket): FramedStream {
  const frames = new Frames(socket)
  return {
    read: () => frames.read(),
    write: frame =>
      new Promise((resolve, reject) => {
        // Called when the bytes are with the kernel: a slow device slows the writer.
        socket.send(frame, { binary: true }, error => {
          if (error == null) resolve()
          else reject(connectionLost(error))
        })
      }),
    async close() {
      if (socket.readyState === socket.CLOSED) return
      const timer = setTimeout(() => socket.terminate(), CLOSE_LINGER_MS)
      await new Promise<void>(resolve => {
        socket.once('close', () => resolve())
        socket.close(1_000)
      })
      clearTimeout(timer)
    },
    abort(error) {
      frames.end(error)
      socket.terminate()
    }
  }
}

/** What a socket brings, with back-pressure; one reader. */
class Frames {
  readonly #socket: WebSocket
  readonly #waiting: Uint8Array[] = []
  #bytes = 0
  #end: { readonly error: Error | undefined } | undefined
  #wake: (() => void) | undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data, isBinary) => {
      if (!isBinary)
        this.end(new VitalchainError('ERR_DEVICE_PROTOCOL', 'the device sent a text message'))
      else this.#take(data)
    })
    socket.on('error', error => this.end(connectionLost(error)))
    // 1005: closed without a reason given, which is as good as 1000.
    socket.on('close', code =>
      this.end(code === 1_000 || code === 1_001 || code === 1_005 ? undefined : connectionLost())
    )
  }

  #take(data: RawData): void {
    // A Buffer, as long as binaryType is what it is by default.
    const frame = data instanceof Uint8Array ? data : new Uint8Array(0)
    this.#waiting.push(frame)
    this.#bytes += frame.length + FRAME_OVERHEAD_BYTES
    if (this.#bytes > READ_AHEAD_BYTES) this.#socket.pause()
    this.#wake?.()
  }

  end(error: Error | undefined): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    while (true) {
      const frame = this.#waiting.shift()
      if (frame !== undefined) {
        this.#bytes -= frame.length + FRAME_OVERHEAD_BYTES
        if (this.#socket.isPaused && this.#bytes <= READ_AHEAD_BYTES) this.#socket.resume()
        yield frame
      } else if (this.#end?.error !== undefined) throw this.#end.error
      else if (this.#end !== undefined) return
      else
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
    }
  }
}

function connectionLost(cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_CONNECTION_LOST', 'the connection to the device was lost', {
    cause,
    retryable: true
  })
}
