import type { Socket } from 'node:net'
import { toHex } from '@vitalchain/core'
import type { DeviceTransport } from '@vitalchain/device-sdk'
import type { Test } from 'tap'
import { createHttpApi } from '../../src/http/index.ts'
import type { TestNetwork } from '../../src/index.ts'
import type { Reached } from './transport-contract.ts'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

/** The HTTP APIs of a network's nodes, listening, as a transport of this scheme reaches them. */
export function reachHttp(
  scheme: 'http' | 'ws',
  transport: (addresses: readonly string[]) => DeviceTransport
): (t: Test, network: TestNetwork) => Promise<Reached> {
  return async (t, network) => {
    const apis = network.nodes.map(node => createHttpApi({ node, token: TOKEN }))
    const sockets = apis.map(() => new Set<Socket>())
    for (const [k, api] of apis.entries()) {
      api.app.server.on('connection', (socket: Socket) => {
        sockets[k]!.add(socket)
        socket.on('close', () => sockets[k]!.delete(socket))
      })
    }
    const urls = await Promise.all(apis.map(api => api.listen({ port: 0 })))
    t.teardown(() => Promise.all(apis.map(api => api.close())))
    return {
      address: (node, key = network.nodes[node]!.transportKey) =>
        `${urls[node]!.replace('http', scheme)}#${toHex(key)}`,
      transport,
      async cut(node) {
        for (const socket of sockets[node]!) socket.resetAndDestroy()
      }
    }
  }
}
