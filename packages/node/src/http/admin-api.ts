import type { ErrorValues } from '@vitalchain/core'
import { addBackupRoutes } from '../backup/routes.ts'
import { addDiagnosisRoute } from '../diagnosis/routes.ts'
import { addLogLevelRoutes, addMetricsRoute } from '../observe/admin-routes.ts'
import { addHealthRoutes } from '../observe/health-routes.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { NodeLog } from '../observe/node-log.ts'
import type { LedgerNode } from '../types.ts'
import { createAccess } from './access.ts'
import type { HttpApi } from './http-api.ts'
import { createRateLimit, type Rate } from './rate-limit.ts'
import type { RoleTokens } from './role-tokens.ts'
import { createServerApp, listenOn } from './server.ts'
import type { TlsServer } from './tls.ts'
import { addTokenRoutes } from './token-routes.ts'

/** How fast one client may ask for administration: people, scripts and a Prometheus. */
const ADMIN_RATE: Rate = { perSecond: 50, burst: 100 }

/** What {@link createAdminApi} needs. */
export interface AdminApiOptions {
  readonly node: LedgerNode
  /** The operator's token, as of the HTTP API. */
  readonly token: string
  /** The tokens that are given out, the same as those of the HTTP API. */
  readonly tokens: RoleTokens
  /** How fast each client may ask. Default: 50 a second, 100 at once. */
  readonly rate?: Rate
  /** With what it speaks TLS. Default: plain HTTP. */
  readonly tls?: TlsServer | undefined
  readonly metrics?: Metrics | undefined
  /** Where the ledger is kept, for `/readyz`. Default: in memory. */
  readonly dataDir?: string | undefined
  /** The log whose level can be changed. */
  readonly nodeLog?: NodeLog | undefined
  /** Told of failures; never of a URL, a header or a body. */
  readonly log?: (event: string, values: ErrorValues) => void
  /** The clock, ms since 1970. */
  readonly now?: () => number
}

/**
 * Makes the administration of a node, which listens for itself: tokens, backups, the log's level and metrics. Only bearer tokens
 * open it.
 *
 * @throws VitalchainError `ERR_TOKEN` for a token that could be guessed
 */
export function createAdminApi({
  node,
  token,
  tokens,
  rate = ADMIN_RATE,
  tls,
  metrics,
  dataDir,
  nodeLog,
  log = () => undefined,
  now = Date.now
}: AdminApiOptions): HttpApi {
  const closing = new AbortController()
  const app = createServerApp({
    title: {
      title: 'vitalchain administration',
      description: 'Runs a node: tokens, backups, the log and metrics.'
    },
    access: createAccess({
      token,
      tokens,
      devices: { find: () => undefined },
      signatures: { signerOf: () => undefined }
    }),
    allowOrigins: [],
    rate: createRateLimit(rate, now),
    trustProxies: [],
    tls,
    meters: undefined,
    log
  })
  app.addHook('preClose', async () => closing.abort())
  void app.register(async scope =>
    addHealthRoutes(scope, { node, members: () => node.members(), dataDir })
  )
  void app.register(async scope => addDiagnosisRoute(scope, { node }))
  void app.register(async scope => addTokenRoutes(scope, { tokens }))
  void app.register(async scope => addBackupRoutes(scope, { node, closing: closing.signal }))
  if (metrics !== undefined)
    void app.register(async scope => addMetricsRoute(scope, { metrics, access: 'monitor' }))
  if (nodeLog !== undefined) void app.register(async scope => addLogLevelRoutes(scope, { nodeLog }))
  return { app, listen: options => listenOn(app, options), close: () => app.close() }
}
