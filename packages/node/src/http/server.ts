import { createServer, STATUS_CODES } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { isIPv6 } from 'node:net'
import {
  errorCode,
  isVitalchainError,
  STATE_KEY_BYTES_MAX,
  VitalchainError,
  type ErrorValues
} from '@vitalchain/core'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Meters } from '../observe/meters.ts'
import { meterRequests } from '../observe/meter-requests.ts'
import { traceRequests } from '../observe/trace-context.ts'
import { guardRoutes, type Access } from './access.ts'
import { allowCrossOrigin } from './cross-origin.ts'
import { isLoopback } from './loopback.ts'
import { describeApi, type ApiTitle } from './openapi.ts'
import { PROBLEM_TYPE, toProblem } from './problem.ts'
import type { RateLimit } from './rate-limit.ts'
import type { TlsServer } from './tls.ts'

/** Groups of 16 bits of an IPv6 address (RFC 4291 section 2.2). */
const IPV6_GROUPS = 8

/** Connections at once. Each has one request under way of at most 131 kB, so all together hold at most 67 MB. */
const CONNECTIONS_MAX = 512

/** How long a client may take to send a request, ms: a full one over a 64 kbit/s line takes 17 s. */
const REQUEST_TIMEOUT_MS = 30_000

/** How long requests under way may go on when the server closes, ms. */
const CLOSE_MS = 1_500

/** The refusal of what never becomes a request of a route. */
const MALFORMED = ((): { readonly status: number; readonly text: string } => {
  const { problem } = toProblem(new VitalchainError('ERR_REQUEST', 'the request is malformed'))
  return { status: problem.status, text: JSON.stringify(problem) }
})()

/** Node's own refusal of a request without `Host` would be no problem document. */
const SERVER_OPTIONS = { requestTimeout: REQUEST_TIMEOUT_MS, requireHostHeader: false }

/** What a server of this node needs. */
export interface ServerInit {
  readonly title: ApiTitle
  readonly access: Access
  /** Origins whose pages may ask. */
  readonly allowOrigins: readonly string[]
  /** How fast each client may ask. */
  readonly rate: RateLimit
  /** Proxies whose word about who the client is counts. */
  readonly trustProxies: readonly string[]
  /** With what it speaks TLS; undefined for plain HTTP. */
  readonly tls: TlsServer | undefined
  /** Told of each answer. */
  readonly meters: Pick<Meters, 'httpAnswered'> | undefined
  readonly log: (event: string, values: ErrorValues) => void
}

/** Where a server listens. */
export interface HttpListenOptions {
  /** Default: `127.0.0.1`. */
  readonly host?: string
  /** 0 takes any that is free. */
  readonly port: number
  /** Must be true for a host that others can reach: without TLS, here or in front of it, tokens cross the network. */
  readonly allowRemote?: boolean
}

/** Makes a server whose every refusal is a problem document and whose every route says who may ask. */
export function createServerApp(init: ServerInit): FastifyInstance {
  const { title, access, allowOrigins, rate, trustProxies, tls, meters, log } = init
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { problem, headers } = toProblem(error)
    if (problem.status === 500) log('http request failed', describe(error, request))
    // As bytes: to text fastify adds a charset, which JSON does not have (RFC 8259 section 11).
    return reply
      .code(problem.status)
      .headers(headers)
      .type(PROBLEM_TYPE)
      .send(Buffer.from(JSON.stringify(problem)))
  }
  const app: FastifyInstance = fastify({
    // A HEAD on the event stream would never end.
    exposeHeadRoutes: false,
    // Its answer would be no problem document; a node that stopped says so itself.
    return503OnClosing: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: trustProxies.length === 0 ? false : [...trustProxies],
    serverFactory: handler => (tls?.createServer ?? createServer)(SERVER_OPTIONS, handler),
    // A key of the state in hexadecimal.
    routerOptions: { maxParamLength: 2 * STATE_KEY_BYTES_MAX },
    frameworkErrors(error, request, reply) {
      void refuse(error, request, reply)
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
      else
        socket.end(
          `HTTP/1.1 ${MALFORMED.status} ${STATUS_CODES[MALFORMED.status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
            `Content-Length: ${MALFORMED.text.length}\r\nConnection: close\r\n\r\n${MALFORMED.text}`
        )
    }
  })
  // What else than 100-continue is expected, Node would refuse by itself.
  app.server.on('checkExpectation', (_request, response) => {
    response
      .writeHead(MALFORMED.status, { 'content-type': PROBLEM_TYPE, connection: 'close' })
      .end(MALFORMED.text)
  })
  app.server.maxConnections = CONNECTIONS_MAX
  app.removeAllContentTypeParsers()
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply))
  app.setNotFoundHandler(() => {
    throw new VitalchainError('ERR_NOT_FOUND', 'there is nothing here')
  })
  // First, so that a page can read every refusal.
  allowCrossOrigin(app, allowOrigins)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    rate.take(clientName(request.ip), request.routeOptions.config?.cost)
    // RFC 9112 section 3.2
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      throw new VitalchainError('ERR_REQUEST', 'the request names no host')
  })
  if (meters !== undefined) meterRequests(app, meters)
  traceRequests(app)
  guardRoutes(app, access)
  describeApi(app, title)
  app.addHook('preClose', async () => {
    // A client that takes its time with a request must not hold up a node that stops.
    setTimeout(() => app.server.closeAllConnections(), CLOSE_MS).unref()
  })
  if (tls !== undefined) app.addHook('onClose', async () => tls.close())
  return app
}

/**
 * Begins to listen.
 *
 * @returns the URL, such as `http://127.0.0.1:7700`
 * @throws VitalchainError `ERR_NOT_LOOPBACK` for a host that others can reach without `allowRemote`
 */
export async function listenOn(
  app: FastifyInstance,
  { host = '127.0.0.1', port, allowRemote = false }: HttpListenOptions
): Promise<string> {
  if (!allowRemote && !isLoopback(host))
    throw new VitalchainError(
      'ERR_NOT_LOOPBACK',
      'the API listens on loopback only, unless remote access is allowed explicitly'
    )
  const url = await app.listen({ host, port })
  // Fastify does not know what its server speaks.
  return app.server instanceof HttpsServer ? url.replace('http:', 'https:') : url
}

/** What the log may hold: no URL, no header, no body, and the message only of an error of ours. */
function describe(error: unknown, request: FastifyRequest): ErrorValues {
  return {
    route: request.routeOptions.url ?? '',
    code: errorCode(error),
    ...(isVitalchainError(error)
      ? { message: error.message }
      : { name: error instanceof Error ? error.name : typeof error })
  }
}

/** Who a request counts for. A host has a whole network of IPv6 addresses to ask from (RFC 6177): its first 64 bits. */
export function clientName(address: string): string {
  if (!isIPv6(address) || address.startsWith('::')) return address
  // Zeros may be left out once, also of these first four groups.
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = IPV6_GROUPS - before.length - after.length
  // An IPv4 address at the end stands for two groups; it is never among the first four.
  const all = [...before, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...after]
  return all.slice(0, IPV6_GROUPS / 2).join(':')
}
