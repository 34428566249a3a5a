import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { CommittedEvent } from '../ledger/events.ts'
import { eventData } from './event-data.ts'
import type { EventFilter } from './event-filter.ts'

/** How often a silent stream says that it lives, ms: below the 30 s after which common proxies give up. */
export const KEEP_ALIVE_MS: number = 15_000

/** How long a client may take nothing from its stream, ms. Then it is cut off, and goes on where it was. */
export const EVENT_STALL_MS: number = 60_000

/** Times of a stream, for tests. */
export interface EventStreamTimes {
  /** Default: {@link KEEP_ALIVE_MS}. */
  readonly keepAliveMs?: number
  /** Default: {@link EVENT_STALL_MS}. */
  readonly stallMs?: number
}

/** What is sent to a reader. */
export interface EventStreamOptions extends EventStreamTimes {
  /** Default: every event. */
  readonly filter?: EventFilter
}

/**
 * Writes events as server-sent events (WHATWG HTML section 9.2) until they end, and ends the response. No event is taken
 * before the client took those before it, so a slow client costs no memory.
 */
export async function writeEvents(
  response: ServerResponse,
  events: AsyncIterable<CommittedEvent>,
  signal: AbortSignal,
  {
    filter = () => true,
    keepAliveMs = KEEP_ALIVE_MS,
    stallMs = EVENT_STALL_MS
  }: EventStreamOptions = {}
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // After a stream nothing else is asked, and a server that closes waits for no one.
    connection: 'close',
    // A proxy that buffers would hold events back.
    'x-accel-buffering': 'no'
  })
  response.flushHeaders()
  // Keep-alives are activity: only a client that does not read is silent for so long.
  response.setTimeout(stallMs, () => response.destroy())
  // The place that was passed over since the last event that was sent: a client that comes back does not search it again.
  let passed: string | undefined
  const keepAlive = setInterval(() => {
    if (response.writableNeedDrain) return
    response.write(passed === undefined ? ':\n\n' : `id: ${passed}\n\n`)
    passed = undefined
  }, keepAliveMs)
  try {
    for await (const event of events) {
      if (signal.aborted) return
      if (!filter(event.transaction)) {
        passed = event.cursor
        continue
      }
      passed = undefined
      if (!response.write(eventText(event))) await once(response, 'drain', { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    clearInterval(keepAlive)
    // A client that does not read would hold up the end for ever.
    if (response.writableNeedDrain) response.destroy()
    else response.end()
  }
}

function eventText(event: CommittedEvent): string {
  return `id: ${event.cursor}\nevent: transaction\ndata: ${JSON.stringify(eventData(event))}\n\n`
}
