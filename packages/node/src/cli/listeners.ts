import { checkTogether } from '../config/check-together.ts'
import type { LoadedNodeConfig } from '../config/node-config.ts'
import {
  createAdminApi,
  createHttpApi,
  createRoleTokens,
  isLoopback,
  openTls,
  openTokenFile,
  type AdminApiOptions,
  type HttpApiOptions
} from '../http/index.ts'

/** Bursts of a client, in seconds of its rate. */
const BURST_S = 2

/** The two HTTP servers of a node: the API and the administration. */
export interface Listeners {
  /**
   * Begins to listen at both.
   *
   * @returns their URLs
   */
  listen(): Promise<{ readonly http: string; readonly admin: string }>
  close(): Promise<void>
}

/** What {@link createListeners} needs beside what both servers take. */
export interface ListenersInit
  extends
    Pick<HttpApiOptions, 'node' | 'token' | 'meters' | 'figures'>,
    Required<Pick<AdminApiOptions, 'metrics' | 'nodeLog'>> {
  readonly config: LoadedNodeConfig
  readonly dataDir: string
}

/**
 * Makes the servers that a configuration asks for. Nothing listens before `listen()`.
 *
 * @throws VitalchainError `ERR_CONFIG`, `ERR_FILE`, `ERR_TOKEN`, `ERR_ORIGIN`
 */
export async function createListeners(init: ListenersInit): Promise<Listeners> {
  const { config, dataDir, node, token, meters, figures, metrics, nodeLog } = init
  const { tlsCert, tlsKey, requestsPerSecond } = config.http
  checkTogether(config)
  const log = nodeLog?.log ?? ((): void => undefined)
  const openServerTls = async (): Promise<ReturnType<typeof openTls> | undefined> =>
    tlsCert === undefined || tlsKey === undefined
      ? undefined
      : openTls({ cert: tlsCert, key: tlsKey }, log)
  const tokens = createRoleTokens(Date.now, await openTokenFile(dataDir))
  const http = createHttpApi({
    node,
    token,
    tokens,
    dataDir,
    allowOrigins: config.http.allowOrigins ?? [],
    trustProxies: config.http.trustProxies ?? [],
    memberRole: config.http.memberRole ?? 'monitor',
    ...(requestsPerSecond === undefined
      ? {}
      : { clientRate: { perSecond: requestsPerSecond, burst: BURST_S * requestsPerSecond } }),
    tls: await openServerTls(),
    ...(meters === undefined ? {} : { meters }),
    ...(figures === undefined ? {} : { figures }),
    metrics: config.metrics === 'public' ? metrics : undefined,
    log
  })
  const admin = createAdminApi({
    node,
    token,
    tokens,
    dataDir,
    metrics,
    nodeLog,
    // Nobody listens in on loopback, where the certificate's name is not this one.
    tls: isLoopback(config.admin.host) ? undefined : await openServerTls(),
    log
  })
  return {
    async listen() {
      return { http: await http.listen(config.http), admin: await admin.listen(config.admin) }
    },
    async close() {
      await Promise.all([http.close(), admin.close()])
    }
  }
}
