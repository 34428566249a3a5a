import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

/** How long dialling a node may take over all its addresses, ms. */
const DIAL_MS = 8_000

/** How often a connection is tried, ms. A dead one is found and cut within two, also while nothing is sent. */
const PING_INTERVAL_MS = 10_000

/**
 * A libp2p host for devices, not started: it dials and does not listen. Its own key is a fresh one, because a device
 * shows who it is by its session. Several devices of one process may share it: to each node there is then one connection
 * with a stream for each device, and nodes serve 48 of those; no more devices than that should share a host.
 */
export async function createDeviceHost(): Promise<Libp2p> {
  return createLibp2p({
    start: false,
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { dialTimeout: DIAL_MS },
    connectionMonitor: { pingInterval: PING_INTERVAL_MS },
    services: { identify: identify() }
  })
}
