import type { ErrorValues } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { createFigures, type Figures } from '../dashboard/figures.ts'
import { addDashboardLogins } from '../dashboard/login-routes.ts'
import { createDashboardLogins } from '../dashboard/logins.ts'
import { addDashboardData } from '../dashboard/routes.ts'
import { addDashboardPages } from '../dashboard/serve.ts'
import { listenForWebSockets } from '../listeners/websocket.ts'
import { addDiagnosisRoute } from '../diagnosis/routes.ts'
import { addMetricsRoute } from '../observe/admin-routes.ts'
import { addHealthRoutes } from '../observe/health-routes.ts'
import type { Meters } from '../observe/meters.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { LedgerNode } from '../types.ts'
import { createAccess } from './access.ts'
import { addBlockRoutes } from './blocks.ts'
import { addCheckpointRoute } from './checkpoint.ts'
import { addDeviceListRoute } from './device-list.ts'
import { createDeviceTokens } from './device-tokens.ts'
import { addDeviceRoute } from './devices.ts'
import { addEventRoutes } from './events.ts'
import { addMemberRoutes } from './members.ts'
import { addChainRoutes, addProofRoutes } from './proofs.ts'
import { createRateLimit, type Rate } from './rate-limit.ts'
import { createRequestSignatures } from './request-signatures.ts'
import { createRoleTokens, type RoleTokens } from './role-tokens.ts'
import type { Role } from './roles.ts'
import {
  addPublicRoutes,
  addReadingRoutes,
  addSessionRoutes,
  type RouteComponents
} from './routes.ts'
import { clientName, createServerApp, listenOn, type HttpListenOptions } from './server.ts'
import { addSubmissionRoutes } from './submission.ts'
import { addTileRoutes } from './tiles.ts'
import type { TlsServer } from './tls.ts'
import { addTransactionRoutes } from './transactions.ts'
import { createUpgrades } from './upgrades.ts'
import { createWaitingRoom } from './waiting.ts'

/** How fast one client may ask: a dashboard, a monitor and the devices behind one proxy. Beyond it, `ERR_RATE`. */
const CLIENT_RATE: Rate = { perSecond: 2_000, burst: 4_000 }

/** What {@link createHttpApi} needs. */
export interface HttpApiOptions {
  readonly node: LedgerNode
  /** The bearer token of the local operator, who may read everything: at least 32 characters, made at random. */
  readonly token: string
  /** Further tokens, each with a role. Default: none. */
  readonly tokens?: RoleTokens
  /** What the operator keys of other members open, which sign their requests. Default: `monitor`; `none` for nothing. */
  readonly memberRole?: Role | 'none'
  /** Origins whose pages may use the API from a browser, such as `https://ward.example`. Default: none. */
  readonly allowOrigins?: readonly string[]
  /** Addresses or networks of proxies whose `X-Forwarded-For` names the client. Default: none. */
  readonly trustProxies?: readonly string[]
  /** How fast each client may ask. Default: 2 000 a second, 4 000 at once. */
  readonly clientRate?: Rate
  /** With what it speaks TLS. Default: plain HTTP. */
  readonly tls?: TlsServer | undefined
  /** Where the ledger is kept, for `/readyz`. Default: in memory. */
  readonly dataDir?: string | undefined
  /** Told of each answer. */
  readonly meters?: Pick<Meters, 'httpAnswered'>
  /** The figures, where the operator lets everybody see them at `/metrics`. */
  readonly metrics?: Pick<Metrics, 'text' | 'contentType'> | undefined
  /** What the dashboard's charts show; its `meters` are to be told by the node. Default: nothing. */
  readonly figures?: Figures
  /** Told of failures; never of a URL, a header or a body. */
  readonly log?: (event: string, values: ErrorValues) => void
  /** The clock, ms since 1970. */
  readonly now?: () => number
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
  memberRole = 'monitor',
  allowOrigins = [],
  trustProxies = [],
  clientRate = CLIENT_RATE,
  tls,
  dataDir,
  meters,
  metrics,
  log = () => undefined,
  now = Date.now,
  tokens = createRoleTokens(now),
  figures = createFigures(now)
}: HttpApiOptions): HttpApi {
  const closing = new AbortController()
  const devices = createDeviceTokens(node, now)
  const logins = createDashboardLogins(now)
  const access = createAccess({
    token,
    devices,
    tokens: { find: given => tokens.find(given) ?? logins.find(given) },
    signatures: createRequestSignatures({
      node,
      memberRole: memberRole === 'none' ? undefined : memberRole,
      now
    })
  })
  const rate = createRateLimit(clientRate, now)
  const app = createServerApp({
    title: {
      title: 'vitalchain node',
      description: 'Hands transactions over, and reads and proves what is on the ledger.'
    },
    access,
    allowOrigins,
    rate,
    trustProxies,
    tls,
    meters,
    log
  })
  const upgrades = createUpgrades(app.server, {
    allowOrigins,
    closing: closing.signal,
    take: ({ socket }) => rate.take(clientName(socket.remoteAddress ?? ''))
  })
  const components: RouteComponents = {
    node,
    access,
    devices,
    waiting: createWaitingRoom(closing.signal),
    upgrades,
    closing: closing.signal,
    log
  }
  app.addHook('preClose', async () => closing.abort())
  listenForWebSockets(upgrades, { door: () => node.deviceDoor, closing: closing.signal })

  // Each in a scope of its own, so that each takes its own media types.
  for (const add of [
    addPublicRoutes,
    addBlockRoutes,
    addChainRoutes,
    addSubmissionRoutes,
    addTransactionRoutes,
    addSessionRoutes,
    addDeviceRoute,
    addReadingRoutes,
    addProofRoutes,
    addDiagnosisRoute,
    addMemberRoutes,
    addDeviceListRoute,
    addCheckpointRoute,
    addTileRoutes,
    addEventRoutes
  ]) {
    void app.register(async scope => add(scope, components))
  }
  void app.register(async scope => {
    addDashboardPages(scope)
    addDashboardData(scope, { ...components, figures, now })
    addDashboardLogins(scope, { logins })
  })
  void app.register(async scope => {
    addHealthRoutes(scope, { node, members: () => node.members(), dataDir })
    if (metrics !== undefined) addMetricsRoute(scope, { metrics, access: 'anyone' })
  })

  return { app, listen: options => listenOn(app, options), close: () => app.close() }
}
