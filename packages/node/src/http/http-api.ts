import { STATUS_CODES } from 'node:http'
import { isIPv4 } from 'node:net'
import {
  errorCode,
  isVitalchainError,
  STATE_KEY_BYTES_MAX,
  VitalchainError,
  type ErrorValues
} from '@vitalchain/core'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { listenForWebSockets } from '../listeners/websocket.ts'
import type { LedgerNode } from '../types.ts'
import { createAccess } from './access.ts'
import { allowCrossOrigin } from './cross-origin.ts'
import { addCheckpointRoute } from './checkpoint.ts'
import { createDeviceTokens } from './device-tokens.ts'
import { addDeviceListRoute } from './device-list.ts'
import { addDeviceRoute } from './devices.ts'
import { PROBLEM_TYPE, toProblem } from './problem.ts'
import { addChainRoutes, addProofRoutes } from './proofs.ts'
import {
  addEventRoutes,
  addMemberRoutes,
  addPublicRoutes,
  addReadingRoutes,
  addSessionRoutes,
  addSubmissionRoutes,
  type RouteComponents
} from './routes.ts'
import { addTileRoutes } from './tiles.ts'

/** Connections at once. Each has one request under way of at most 131 kB, so all together hold at most 67 MB. */
const CONNECTIONS_MAX = 512

/** How long a client may take to send a request, ms: a full one over a 64 kbit/s line takes 17 s. */
const REQUEST_TIMEOUT_MS = 30_000

/** What {@link createHttpApi} needs. */
export interface HttpApiOptions {
  readonly node: LedgerNode
  /** The bearer token of the local operator, who may read everything: at least 32 characters, made at random. */
  readonly token: string
  /** Origins whose pages may use the API from a browser, such as `https://ward.example`. Default: none. */
  readonly allowOrigins?: readonly string[]
  /** Told of failures; never of a URL, a header or a body. */
  readonly log?: (event: string, values: ErrorValues) => void
  /** The clock, ms since 1970. */
  readonly now?: () => number
}

/** Where an {@link HttpApi} listens. */
export interface HttpListenOptions {
  /** Default: `127.0.0.1`. */
  readonly host?: string
  /** 0 takes any that is free. */
  readonly port: number
  /** Must be true for a host that others can reach: tokens then cross the network, so TLS must end in front of it. */
  readonly allowRemote?: boolean
}

/** The HTTP API of a node; `docs/http-api.md`. */
export interface HttpApi {
  /**
   * Begins to listen.
   *
   * @returns the URL, such as `http://127.0.0.1:7700`
   * @throws VitalchainError `ERR_NOT_LOOPBACK` for a host that others can reach without `allowRemote`
   */
  listen(options: HttpListenOptions): Promise<string>
  /** Ends event streams, lets requests under way finish and closes. The node stays the caller's. */
  close(): Promise<void>
  /** The server, for `inject` in tests. */
  readonly app: FastifyInstance
}

/**
 * Makes the HTTP API of a node. Nothing listens before `listen()`.
 *
 * @throws VitalchainError `ERR_TOKEN` for a token that could be guessed, `ERR_ORIGIN` for an origin that is none
 */
export function createHttpApi({
  node,
  token,
  allowOrigins = [],
  log = () => undefined,
  now = Date.now
}: HttpApiOptions): HttpApi {
  const closing = new AbortController()
  const devices = createDeviceTokens(node, now)
  const components: RouteComponents = {
    node,
    access: createAccess(token, devices),
    devices,
    closing: closing.signal,
    log
  }

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
    // A key of the state in hexadecimal.
    routerOptions: { maxParamLength: 2 * STATE_KEY_BYTES_MAX },
    frameworkErrors(error, request, reply) {
      void refuse(error, request, reply)
    },
    clientErrorHandler(error, socket) {
      const { problem } = toProblem(new VitalchainError('ERR_REQUEST', 'the request is malformed'))
      const text = JSON.stringify(problem)
      if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy()
        return
      }
      socket.end(
        `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
          `Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`
      )
    }
  })
  app.server.maxConnections = CONNECTIONS_MAX
  app.removeAllContentTypeParsers()
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply))
  app.setNotFoundHandler(() => {
    throw new VitalchainError('ERR_NOT_FOUND', 'there is nothing here')
  })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })
  allowCrossOrigin(app, allowOrigins)
  app.addHook('preClose', async () => closing.abort())
  listenForWebSockets(app.server, {
    door: () => node.deviceDoor,
    allowOrigins,
    closing: closing.signal
  })

  // Each in a scope of its own, so that each takes its own media types.
  for (const add of [
    addPublicRoutes,
    addChainRoutes,
    addSubmissionRoutes,
    addSessionRoutes,
    addDeviceRoute,
    addReadingRoutes,
    addProofRoutes,
    addMemberRoutes,
    addDeviceListRoute,
    addCheckpointRoute,
    addTileRoutes,
    addEventRoutes
  ]) {
    void app.register(async scope => add(scope, components))
  }

  return {
    app,
    async listen({ host = '127.0.0.1', port, allowRemote = false }) {
      if (!allowRemote && !isLoopback(host))
        throw new VitalchainError(
          'ERR_NOT_LOOPBACK',
          'the API listens on loopback only, unless remote access is allowed explicitly'
        )
      return app.listen({ host, port })
    },
    close: () => app.close()
  }
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

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
