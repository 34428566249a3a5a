import type { WebSocket } from 'ws'
import type { CommittedEvent } from '../ledger/events.ts'
import { eventData } from './event-data.ts'
import { EVENT_STALL_MS, KEEP_ALIVE_MS, type EventStreamOptions } from './event-stream.ts'

/** Bytes that may wait for a client before the next event is taken. */
const BUFFER_BYTES_MAX = 65_536

/** How a stream ends (RFC 6455 section 7.4.1 and 7.4.2). */
const CLOSE = { goingAway: 1_001, internal: 1_011, tooSlow: 4_008 } as const

/** How long a client has to close its side, ms. */
const CLOSE_MS = 1_000

/**
 * Sends events to a WebSocket, each a text message of JSON: `{"id", "event", "data"}`, until they end. No event is taken while
 * the client has not taken those before. A message with an `id` alone says how far a filtered stream has come.
 */
export async function sendEvents(
  socket: WebSocket,
  events: AsyncIterable<CommittedEvent>,
  signal: AbortSignal,
  {
    filter = () => true,
    keepAliveMs = KEEP_ALIVE_MS,
    stallMs = EVENT_STALL_MS
  }: EventStreamOptions = {}
): Promise<void> {
  let passed: string | undefined
  let code: number = CLOSE.goingAway
  let reason = 'the node stops, or the token is over: connect again and go on from the last id'
  const keepAlive = setInterval(() => {
    if (socket.bufferedAmount > 0) return
    socket.ping()
    if (passed !== undefined) socket.send(JSON.stringify({ id: passed }))
    passed = undefined
  }, keepAliveMs)
  // Nothing that a client says here is of interest; a stream only goes one way.
  socket.on('message', () => socket.close(1_008, 'this stream takes no messages'))
  try {
    for await (const event of events) {
      if (signal.aborted) return
      if (!filter(event.transaction)) {
        passed = event.cursor
        continue
      }
      passed = undefined
      const sent = send(socket, event)
      if (socket.bufferedAmount <= BUFFER_BYTES_MAX) continue
      if (await isTaken(sent, stallMs, signal)) continue
      code = CLOSE.tooSlow
      reason = `nothing was taken for ${stallMs / 1_000} s: connect again and go on from the last id`
      return
    }
  } catch (error) {
    if (signal.aborted) return
    code = CLOSE.internal
    reason = 'the stream failed'
    throw error
  } finally {
    clearInterval(keepAlive)
    socket.close(code, reason)
    setTimeout(() => socket.terminate(), CLOSE_MS).unref()
  }
}

/** Resolves when the system took the message. */
function send(socket: WebSocket, event: CommittedEvent): Promise<void> {
  const text = JSON.stringify({ id: event.cursor, event: 'transaction', data: eventData(event) })
  return new Promise(resolve => {
    // Also when the socket is gone: then the signal aborts.
    socket.send(text, () => resolve())
  })
}

/** Whether a message was taken before the time was over. */
async function isTaken(sent: Promise<void>, ms: number, signal: AbortSignal): Promise<boolean> {
  const over = Promise.withResolvers<boolean>()
  const end = (): void => over.resolve(false)
  const timer = setTimeout(end, ms)
  signal.addEventListener('abort', end)
  try {
    return await Promise.race([sent.then(() => true), over.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
