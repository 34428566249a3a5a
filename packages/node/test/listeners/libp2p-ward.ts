import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import type { Test } from 'tap'
import type { TestNetwork } from '../../src/index.ts'
import { peerNameOf } from '../../src/network/identity.ts'
import type { Reached } from './transport-contract.ts'

/** Passes bytes on to a port, and can break every connection. */
async function startRelay(
  t: Test,
  port: number
): Promise<{ readonly port: number; readonly cut: () => void }> {
  const open = new Set<Socket>()
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }
  const server = createServer(socket => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket]
    ] as const) {
      open.add(from)
      from.pipe(to)
      from.on('error', () => undefined)
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    cut()
  })
  return { port: (server.address() as AddressInfo).port, cut }
}

/** The nodes of a network by their addresses that end so, each through a relay. */
export function reachLibp2p(suffix: '' | '/ws') {
  return async (t: Test, network: TestNetwork): Promise<Reached> => {
    const relays = await Promise.all(
      network.nodes.map(node => {
        const [port] = node.addresses().flatMap(address => {
          const [, port] = new RegExp(`/tcp/(\\d+)${suffix}/p2p/`).exec(address) ?? []
          return port === undefined ? [] : [Number(port)]
        })
        if (port === undefined) throw new Error(`no address with ${suffix}`)
        return startRelay(t, port)
      })
    )
    return {
      address: (node, key = network.nodes[node]!.transportKey) =>
        `/ip4/127.0.0.1/tcp/${relays[node]!.port}${suffix}/p2p/${peerNameOf(key)}`,
      transport: addresses => libp2pTransport({ network: network.nodes[0]!.network, addresses }),
      cut: async node => relays[node]!.cut()
    }
  }
}
