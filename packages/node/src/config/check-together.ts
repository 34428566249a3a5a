import { VitalchainError } from '@vitalchain/core'
import { isLoopback } from '../http/loopback.ts'
import type { NodeConfig } from './node-config.ts'

/**
 * Checks what no setting shows alone: whether the settings of the two HTTP servers fit each other.
 *
 * @throws VitalchainError `ERR_CONFIG` naming the settings
 */
export function checkTogether({ http, admin }: Pick<NodeConfig, 'http' | 'admin'>): void {
  if ((http.tlsCert === undefined) !== (http.tlsKey === undefined))
    throw new VitalchainError('ERR_CONFIG', 'http.tlsCert and http.tlsKey belong together')
  for (const [name, server] of [
    ['http', http],
    ['admin', admin]
  ] as const) {
    if (server === undefined || server.allowRemote === true) continue
    const { host } = server
    if (isLoopback(host)) continue
    throw new VitalchainError(
      'ERR_CONFIG',
      `${name}.host: others can reach ${host}, so ${name}.allowRemote must be true as well; with TLS, here or in front of it`,
      { values: { path: `${name}.host` } }
    )
  }
}
