import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { toHex } from '@vitalchain/core'
import { createLibp2p } from 'libp2p'

/** How long dialling a node may take over all its addresses, ms. */
const DIAL_MS = 8_000

/** When the DHT looks around for the first time after the start, ms; look-ups wait for it. */
const FIRST_LOOK_MS = 250

/** Bytes of the network id that name its protocols. */
const NETWORK_PREFIX_BYTES = 8

/** How often a connection is tried, ms. A dead one is found and cut within two, also while nothing is sent. */
const PING_INTERVAL_MS = 10_000

/** Settings of {@link createDeviceHost}. */
export interface DeviceHostInit {
  /** The network id, 32 bytes: with it the host can look up members in the network's DHT. It answers nobody else's look-ups. */
  readonly network?: Uint8Array
}

/**
 * A libp2p host for devices, not started: it dials and does not listen. Its own key is a fresh one, because a device
 * shows who it is by its session. Several devices of one process may share it: to each node there is then one connection
 * with a stream for each device, and nodes serve 48 of those; no more devices than that should share a host.
 */
export async function createDeviceHost({ network }: DeviceHostInit = {}): Promise<Libp2p> {
  return createLibp2p({
    start: false,
    addresses: { listen: [] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { dialTimeout: DIAL_MS },
    connectionMonitor: { pingInterval: PING_INTERVAL_MS },
    services: {
      identify: identify(),
      ping: ping(),
      ...(network === undefined
        ? {}
        : {
            dht: kadDHT({
              protocol: `${networkProtocol(network)}/kad/1.0.0`,
              clientMode: true,
              // Hospitals meet inside VPNs: private addresses are good ones.
              peerInfoMapper: passthroughMapper,
              initialQuerySelfInterval: FIRST_LOOK_MS
            })
          })
    }
  })
}

/** The prefix of a network's libp2p protocols. spec S-1. */
export function networkProtocol(network: Uint8Array): string {
  return `/vitalchain/${toHex(network.subarray(0, NETWORK_PREFIX_BYTES))}`
}
