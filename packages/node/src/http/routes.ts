import { callHead, getDevice, getLane, proposeCodec } from '@vitalchain/contracts'
import { decodeCbor, errorCode, isVitalchainError, toHex, VitalchainError } from '@vitalchain/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FIRST_CURSOR, parseCursor } from '../ledger/events.ts'
import type { LedgerNode } from '../types.ts'
import { unitFormat } from '../pool/unit.ts'
import { forbidden, mayReadOf, type Access } from './access.ts'
import type { DeviceTokens } from './device-tokens.ts'
import { writeEvents } from './event-stream.ts'
import { CBOR, COSE } from './media-types.ts'
import { membersReport, previewReport } from './members-report.ts'
import { deviceOf, notFound, parseHash, parseLane, transactionAt } from './parameters.ts'

/** Event streams at once: a hospital's sinks, dashboards and alerts. Each is a reader of the store. */
export const EVENT_STREAMS_MAX: number = 32

/** Bytes of a signed session: about 330 are used. */
const SESSION_BODY_BYTES_MAX = 1_024

/** Bytes of a proposed change: about 300 are used. */
const PREVIEW_BODY_BYTES_MAX = 2_048

/** What the routes work with. */
export interface RouteComponents {
  readonly node: LedgerNode
  readonly access: Access
  readonly devices: DeviceTokens
  /** Aborts when the API closes: streams end. */
  readonly closing: AbortSignal
  readonly log: (event: string, values: Readonly<Record<string, string>>) => void
}

/** What anybody may ask: it says nothing of devices, patients or statements. */
export function addPublicRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get('/livez', () => ({ status: 'ok' }))
  app.get('/v1/status', () => node.status())
  app.get('/v1/genesis', (_request, reply) => reply.type(CBOR).send(node.ledger.genesisBytes))
}

/** Handing transactions over: open to all, for a transaction proves itself. */
export function addSubmissionRoutes(app: FastifyInstance, { node, access }: RouteComponents): void {
  acceptBytes(app, CBOR)
  app.post('/v1/transactions', { bodyLimit: unitFormat.bytesMax }, async (request, reply) => {
    try {
      const id = await node.submit(unitFormat.decode(bodyBytes(request.body)))
      return await reply.code(202).send({ id: toHex(id), status: 'accepted' })
    } catch (error) {
      const leaf = isVitalchainError(error) ? error.values['leaf'] : undefined
      if (errorCode(error) === 'ERR_ALREADY_COMMITTED' && typeof leaf === 'number') {
        const reader = access.readerOf(request.headers.authorization)
        const committed = transactionAt(node, leaf)
        if (reader !== undefined && mayReadOf(reader, deviceOf(committed)))
          reply.header(
            'link',
            `</v1/receipts/${toHex(committed.id)}>; rel="related"; type="${CBOR}"`
          )
      }
      throw error
    }
  })
}

/** How a device gets a token. spec S-2 */
export function addSessionRoutes(app: FastifyInstance, { node, devices }: RouteComponents): void {
  acceptBytes(app, COSE)
  app.post('/v1/challenges', () => ({
    challenge: toHex(devices.challenge()),
    node: toHex(node.transportKey),
    network: toHex(node.network)
  }))
  app.post('/v1/sessions', { bodyLimit: SESSION_BODY_BYTES_MAX }, (request, reply) =>
    reply.code(201).send(devices.open(bodyBytes(request.body)))
  )
}

/** Reading. Nothing here is answered before it is known who asks. */
export function addReadingRoutes(app: FastifyInstance, { node, access }: RouteComponents): void {
  app.get<{ Params: { digest: string } }>('/v1/payloads/:digest', (request, reply) => {
    access.requireOperator(request.headers.authorization)
    const payload = node.ledger.getPayload(parseHash(request.params.digest))
    if (payload === undefined) throw notFound('this node holds no payload with this digest')
    return reply.type('application/octet-stream').send(payload)
  })

  app.get<{ Params: { member: string } }>('/v1/accounts/:member/head', request => {
    access.requireOperator(request.headers.authorization)
    const head = callHead(node.state, parseHash(request.params.member))
    if (head === undefined) throw notFound('nobody with this identifier may make calls')
    return { head: toHex(head) }
  })

  app.get<{ Params: { id: string; lane: string } }>('/v1/devices/:id/lanes/:lane', request => {
    const reader = access.requireReader(request.headers.authorization)
    const device = parseHash(request.params.id)
    if (!mayReadOf(reader, device)) throw forbidden()
    const lane = getLane(node.state, device, parseLane(request.params.lane))
    if (lane === undefined) {
      throw notFound(
        getDevice(node.state, device) === undefined
          ? 'no such device is registered'
          : 'the device has no statement in this lane'
      )
    }
    return { boot: lane.boot, seq: lane.seq, head: toHex(lane.head) }
  })
}

/** Who is a member and what is to become of them, for the operator. */
export function addMemberRoutes(app: FastifyInstance, { node, access }: RouteComponents): void {
  app.get('/v1/members', request => {
    access.requireOperator(request.headers.authorization)
    return membersReport(node)
  })
  acceptBytes(app, CBOR)
  app.post('/v1/members/preview', { bodyLimit: PREVIEW_BODY_BYTES_MAX }, request => {
    access.requireOperator(request.headers.authorization)
    const body = decodeCbor(bodyBytes(request.body), PREVIEW_BODY_BYTES_MAX)
    return previewReport(node, proposeCodec.read(body, 'members.propose').change)
  })
}

/** The stream of committed transactions, for the operator. */
export function addEventRoutes(
  app: FastifyInstance,
  { node, access, closing, log }: RouteComponents
): void {
  let streams = 0
  app.get<{ Querystring: { from?: unknown } }>('/v1/events', async (request, reply) => {
    access.requireOperator(request.headers.authorization)
    // A client that connects again sends the header beside its old URL.
    const from = request.headers['last-event-id'] ?? request.query.from ?? FIRST_CURSOR
    requireCursor(node, from)
    if (streams >= EVENT_STREAMS_MAX)
      throw new VitalchainError('ERR_BUSY', 'too many event streams are open', { retryable: true })
    const gone = new AbortController()
    const signal = AbortSignal.any([gone.signal, closing])
    streams++
    reply.hijack()
    reply.raw.on('close', () => gone.abort())
    try {
      await writeEvents(reply.raw, node.events({ from, signal }), signal)
    } catch (error) {
      log('event stream ended', { code: errorCode(error) })
      reply.raw.destroy()
    } finally {
      streams--
    }
  })
}

/** Lets the routes of this scope take bodies of one media type, as bytes. */
export function acceptBytes(app: FastifyInstance, type: string): void {
  app.addContentTypeParser(
    type,
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer): Promise<Uint8Array> => body
  )
}

/** The bytes of a body. @throws VitalchainError `ERR_MEDIA_TYPE` when there are none */
export function bodyBytes(body: unknown): Uint8Array {
  if (!(body instanceof Uint8Array))
    throw new VitalchainError('ERR_MEDIA_TYPE', 'this resource needs a body, with its media type')
  return body
}

/** Refuses a cursor while there is still a status code to refuse it with. */
function requireCursor({ ledger }: LedgerNode, from: unknown): asserts from is string {
  const { height, index } = parseCursor(typeof from === 'string' ? from : '')
  if (from === FIRST_CURSOR || index < (ledger.header(height)?.transactionCount ?? 0)) return
  throw new VitalchainError('ERR_CURSOR', 'no event of this ledger stands at the cursor')
}
