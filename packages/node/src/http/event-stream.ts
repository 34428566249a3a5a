import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { toHex, type Transaction } from '@vitalchain/core'
import type { CommittedEvent } from '../ledger/ledger.ts'

/** How often a silent stream says that it lives, ms: below the 30 s after which common proxies give up. */
const KEEP_ALIVE_MS = 15_000

/** How long a client may take nothing from its stream, ms. Then it is cut off, and goes on where it was. */
const EVENT_STALL_MS = 60_000

/** Times of a stream, for tests. */
export interface EventStreamTimes {
  /** Default: {@link KEEP_ALIVE_MS}. */
  readonly keepAliveMs?: number
  /** Default: {@link EVENT_STALL_MS}. */
  readonly stallMs?: number
}

/**
 * Writes events as server-sent events (WHATWG HTML section 9.2) until they end, and ends the response. No event is taken
 * before the client took those before it, so a slow client costs no memory.
 */
export async function writeEvents(
  response: ServerResponse,
  events: AsyncIterable<CommittedEvent>,
  signal: AbortSignal,
  { keepAliveMs = KEEP_ALIVE_MS, stallMs = EVENT_STALL_MS }: EventStreamTimes = {}
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
  const keepAlive = setInterval(() => {
    if (!response.writableNeedDrain) response.write(':\n\n')
  }, keepAliveMs)
  try {
    for await (const event of events) {
      if (signal.aborted) return
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

function eventData({ height, index, leaf, time, transaction }: CommittedEvent): object {
  const { type, id } = transaction
  return { height, index, leaf, time, type, id: toHex(id), ...transactionData(transaction) }
}

/** What each kind of transaction says without its signatures. Payloads, streams and commitments stay out. */
function transactionData(transaction: Transaction): object {
  if (transaction.type === 'call') {
    const { author, method } = transaction.call
    return { author: toHex(author), method }
  }
  if (transaction.type === 'evidence') {
    // Not `height`, which is that of the block: a validator is named by its place in the set of that height.
    const { kind, validator, height: faultHeight } = transaction.evidence
    return { kind, validator, faultHeight }
  }
  const { statement } = transaction.type === 'conflict' ? transaction.first : transaction
  const { device, lane, boot, seq } = statement
  const place = { device: toHex(device), lane, boot, seq }
  if (transaction.type === 'conflict') return place
  switch (statement.type) {
    case 'readings': {
      const { count, from, to, flags } = statement
      return { statement: 'readings', ...place, count, from, to, flags }
    }
    case 'gap': {
      const { last, count, reason } = statement
      return { statement: 'gap', ...place, last, count, reason }
    }
    case 'rotation': {
      const { algorithm, bytes } = statement.newKey
      return { statement: 'rotation', ...place, newKey: { algorithm, key: toHex(bytes) } }
    }
    case 'stream':
      return { statement: 'stream', ...place, bound: statement.stream !== undefined }
  }
}
