import { VitalchainError } from '@vitalchain/core'
import { NumberedMessages } from '@vitalchain/device-sdk/mqtt'
import type { FramedStream } from '../network/index.ts'

/** Requests of one session that wait for their turn: a device has up to 128 statements under way, and some questions. */
const REQUESTS_WAITING_MAX = 256

/** Their bytes: twice what a device has under way at once. A broker cannot be asked to hold them back. */
const REQUEST_BYTES_WAITING_MAX = 2 * 1024 * 1024

/** A connection of a device, put together from numbered messages. */
export interface MqttSession {
  readonly frames: FramedStream
  /** Takes a message of this connection. */
  take(payload: Uint8Array, correlationData: Uint8Array | undefined): void
  /** Ends it; undefined: in good order. */
  end(error?: VitalchainError): void
}

/**
 * Makes an {@link MqttSession}.
 *
 * @param publish - sends an answer with its number; empty ends the connection at the device too
 */
export function createMqttSession(
  connection: Uint8Array,
  publish: (answer: Uint8Array, number: number) => Promise<void>
): MqttSession {
  const received = new NumberedMessages(connection)
  const waiting: Uint8Array[] = []
  let end: { readonly error: Error | undefined } | undefined
  let wake: (() => void) | undefined
  let bytes = 0
  let sent = 0
  let told = false

  const finish = (error: Error | undefined): void => {
    end ??= { error }
    wake?.()
  }
  /** Tells the device, once, that this connection is over. */
  const tell = async (): Promise<void> => {
    if (told) return
    told = true
    await publish(new Uint8Array(0), sent++).catch(() => undefined)
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    while (true) {
      const frame = waiting.shift()
      if (frame !== undefined) {
        bytes -= frame.length
        yield frame
      } else if (end?.error !== undefined) throw end.error
      else if (end !== undefined) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
  }

  return {
    frames: {
      read,
      async write(frame) {
        if (end !== undefined || told) throw connectionLost()
        await publish(frame, sent++)
      },
      close: tell,
      abort(error) {
        finish(error)
        void tell()
      }
    },
    take(payload, correlationData) {
      if (end !== undefined) return
      switch (received.take(correlationData)) {
        case 'next':
          bytes += payload.length
          if (waiting.push(payload) > REQUESTS_WAITING_MAX || bytes > REQUEST_BYTES_WAITING_MAX)
            finish(connectionLost())
          wake?.()
          return
        case 'lost':
          finish(connectionLost())
          return
        case 'again':
        case 'other':
      }
    },
    end: finish
  }
}

/** The error for a connection that came to its end without the device's doing. */
export function connectionLost(cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_CONNECTION_LOST', 'the connection to the device was lost', {
    cause,
    retryable: true
  })
}
