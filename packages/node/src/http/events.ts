import { errorCode, VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { WebSocketServer } from 'ws'
import { FIRST_CURSOR, newestCursor, parseCursor } from '../ledger/events.ts'
import type { LedgerNode } from '../types.ts'
import { requireAccess, type Caller } from './access.ts'
import { transactionSchema } from './event-data.ts'
import { eventFilter, FILTER_QUERY, type EventFilter } from './event-filter.ts'
import { sendEvents } from './event-socket.ts'
import { writeEvents } from './event-stream.ts'
import { operation } from './operation.ts'
import type { Query } from './parameters.ts'
import type { RouteComponents } from './routes.ts'
import { CURSOR } from './schemas.ts'
import { refuseUpgrade } from './upgrades.ts'

/** Event streams at once, by either transport: a hospital's sinks, dashboards and alerts. Each is a reader of the store. */
export const EVENT_STREAMS_MAX: number = 32

/** The WebSocket subprotocol of events. */
export const EVENT_PROTOCOL: string = 'vitalchain.events.1'

/** A subprotocol that holds a bearer token in base64url, for browsers, which can set no header of a WebSocket. */
const TOKEN_PROTOCOL = 'vitalchain.bearer.'

/** Bytes that a client of a stream may send in one message: it has nothing to say. */
const MESSAGE_BYTES_MAX = 1_024

/** The longest time that a timer takes, ms: 24 days. A client that comes back then shows its token again. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The place that stands for the newest event. */
const LATEST = 'latest'

const EVENT_SCHEMA: TSchema = Type.Unsafe({
  type: 'string',
  description: 'Server-sent events with `id: height.index`; the data of each is a Transaction.'
})

/** The stream of committed transactions, by server-sent events and by WebSocket. */
export function addEventRoutes(app: FastifyInstance, components: RouteComponents): void {
  const { node, access, closing, log, upgrades } = components
  let streams = 0

  /** Runs a stream with a signal that ends it, as one of those that there may be. */
  async function stream(
    caller: Caller | null | undefined,
    gone: (end: () => void) => void,
    run: (signal: AbortSignal) => Promise<void>,
    failed: () => void
  ): Promise<void> {
    const ended = new AbortController()
    const end = (): void => ended.abort()
    gone(end)
    const { revoked, goodMs } = caller?.type === 'role' ? caller : {}
    const timer = goodMs === undefined ? undefined : setTimeout(end, Math.min(goodMs, TIMER_MS_MAX))
    streams++
    try {
      await run(
        AbortSignal.any([ended.signal, closing, ...(revoked === undefined ? [] : [revoked])])
      )
    } catch (error) {
      log('event stream ended', { code: errorCode(error) })
      failed()
    } finally {
      clearTimeout(timer)
      streams--
    }
  }

  function requireSeat(): void {
    if (streams >= EVENT_STREAMS_MAX)
      throw new VitalchainError('ERR_BUSY', 'too many event streams are open', { retryable: true })
  }

  app.addSchema(transactionSchema())
  app.get<{ Querystring: Query }>(
    '/v1/events',
    operation({
      id: 'streamEvents',
      tag: 'events',
      summary: 'Every committed transaction in order, then each new one',
      description:
        'Begins behind `Last-Event-ID` or `from`. The same path takes WebSockets with the subprotocol ' +
        `\`${EVENT_PROTOCOL}\`.`,
      access: 'reader',
      query: { from: Type.Optional(FROM), ...FILTER_QUERY },
      headers: { 'last-event-id': Type.Optional(CURSOR) },
      answers: {
        200: { description: 'The stream.', content: { 'text/event-stream': EVENT_SCHEMA } }
      },
      errors: ['ERR_CURSOR', 'ERR_SCHEMA', 'ERR_HEX']
    }),
    async (request, reply) => {
      const { from, filter } = askedEvents(node, request.query, request.headers['last-event-id'])
      requireSeat()
      reply.hijack()
      await stream(
        request.caller,
        end => reply.raw.on('close', end),
        signal => writeEvents(reply.raw, node.events({ from, signal }), signal, { filter }),
        () => reply.raw.destroy()
      )
    }
  )

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    handleProtocols: offered => (offered.has(EVENT_PROTOCOL) ? EVENT_PROTOCOL : false)
  })
  sockets.on('wsClientError', (_error, socket) => refuseUpgrade(socket))
  upgrades.add('/v1/events', async (request, socket, head) => {
    const { url = '', method = 'GET', headers } = request
    const shown = tokenOf(headers['sec-websocket-protocol'])
    const protocol = 'encrypted' in request.socket ? 'https' : 'http'
    const caller =
      shown === undefined
        ? access.callerOf({ url, method, headers, protocol })
        : access.bearer(shown)
    requireAccess(caller, 'reader')
    const { from, filter } = askedEvents(node, queryOf(url), undefined)
    requireSeat()
    sockets.handleUpgrade(request, socket, head, opened => {
      opened.on('error', () => opened.terminate())
      void stream(
        caller,
        end => opened.on('close', end),
        signal => sendEvents(opened, node.events({ from, signal }), signal, { filter }),
        () => opened.terminate()
      )
    })
  })
}

const FROM: TSchema = Type.String({
  pattern: '^(latest|(0|[1-9]\\d{0,15})\\.(0|[1-9]\\d{0,8}))$',
  description: 'The last event that was dealt with; `latest` for only those to come.'
})

/** What a reader asked for, refused while there is still a status code to refuse it with. */
function askedEvents(
  node: LedgerNode,
  query: Query,
  lastEventId: string | readonly string[] | undefined
): { readonly from: string; readonly filter: EventFilter } {
  const filter = eventFilter(query, () => node.state)
  // A client that connects again sends the header beside its old URL.
  const from = lastEventId ?? query['from'] ?? FIRST_CURSOR
  if (from === LATEST) return { from: newestCursor(node.ledger), filter }
  requireCursor(node, from)
  return { from, filter }
}

/** @throws VitalchainError `ERR_CURSOR` for what is no place of an event */
export function requireCursor({ ledger }: LedgerNode, from: unknown): asserts from is string {
  const { height, index } = parseCursor(typeof from === 'string' ? from : '')
  if (from === FIRST_CURSOR || index < (ledger.header(height)?.transactionCount ?? 0)) return
  throw new VitalchainError('ERR_CURSOR', 'no event of this ledger stands at the cursor')
}

function tokenOf(protocols: string | undefined): string | undefined {
  const shown = protocols
    ?.split(',')
    .map(each => each.trim())
    .find(each => each.startsWith(TOKEN_PROTOCOL))
  if (shown === undefined) return undefined
  return Buffer.from(shown.slice(TOKEN_PROTOCOL.length), 'base64url').toString()
}

function queryOf(url: string): Query {
  const { searchParams } = new URL(url, 'http://node')
  return Object.fromEntries(
    [...new Set(searchParams.keys())].map(name => {
      const values = searchParams.getAll(name)
      return [name, values.length === 1 ? values[0] : values]
    })
  )
}
