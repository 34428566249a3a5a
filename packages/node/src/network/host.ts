import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { GossipSub } from '@libp2p/gossipsub'
import { identify, type Identify } from '@libp2p/identify'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { ping, type Ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'
import { memberDht } from './dht.ts'
import { memberGossip } from './gossip.ts'
import { transportPrivateKey } from './identity.ts'
import type { Membership } from './membership.ts'
import type { ProtocolNames } from './protocols.ts'
import { spareWindowUpdates } from './spare-updates.ts'

/** Open connections of peers that are no members (devices, followers, newcomers), by default. */
export const STRANGER_CONNECTIONS_MAX: number = 512

/**
 * Connections kept free for members above the strangers' share. A pair of members has at most a few,
 * so this is far above need: it is a bound, and strangers cannot use it.
 */
const MEMBER_CONNECTIONS_MAX = 1_024

/** Inbound connections in their handshake at once. Each holds a few KiB for at most 5 s. */
const PENDING_CONNECTIONS_MAX = 64

/** New inbound connections a second from one host; a hospital's gateway may hide many devices. */
const CONNECTIONS_PER_HOST_PER_SECOND_MAX = 50

/** How long a handshake or the naming of a protocol may take, in milliseconds. */
const HANDSHAKE_MS = 5_000

/** How long dialling one peer may take over all its addresses, in milliseconds. */
export const DIAL_MS: number = 10_000

/** Streams a peer may open on one connection. A member needs about ten at a time, a device one. */
const STREAMS_PER_CONNECTION_MAX = 64

/** Receive window of one stream, in bytes: 1 MiB is 20 MB/s at a round trip of 50 ms. */
const STREAM_WINDOW_BYTES_MAX = 1024 * 1024

/** Bytes a stream may hold unread: what a full window can bring after the stream was paused. */
const STREAM_UNREAD_BYTES_MAX = 2 * STREAM_WINDOW_BYTES_MAX

/** How often each connection is pinged, in milliseconds. A dead one is found and cut within two. */
const PING_INTERVAL_MS = 10_000

/** The services of the libp2p node. */
type HostServices = {
  readonly identify: Identify
  readonly ping: Ping
  readonly dht: KadDHT
  readonly gossip: GossipSub
}

/** The libp2p node of this network. */
export type Host = Libp2p<HostServices>

/** What {@link createHost} needs. */
export interface HostInit {
  /** Seed of the transport key, 32 bytes. */
  readonly privateKey: Uint8Array
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly names: ProtocolNames
  readonly topics: readonly string[]
  readonly membership: Membership
  readonly strangerConnectionsMax: number
  /** Peers to have no connection with, asked by PeerId at each one. */
  readonly isDenied?: (peer: string) => boolean
}

/**
 * A libp2p node, not started: TCP and WebSocket, Noise, Yamux, with limits that strangers cannot use against
 * members. libp2p counts connections before it knows who connects, so its own limit is set out of
 * reach and strangers are counted here, after the handshake told who they are.
 */
export async function createHost(init: HostInit): Promise<Host> {
  const { membership, names } = init
  // The gater is made before the node it must ask; no one connects before start.
  let host: Host | undefined
  const tooManyStrangers = (peer: PeerId): boolean =>
    membership.byPeer(peer) === undefined &&
    (host?.getConnections() ?? []).filter(
      ({ remotePeer, direction }) =>
        direction === 'inbound' && membership.byPeer(remotePeer) === undefined
    ).length >= init.strangerConnectionsMax
  const isDenied = (peer: PeerId): boolean => init.isDenied?.(peer.toString()) ?? false

  host = await createLibp2p<HostServices>({
    start: false,
    privateKey: transportPrivateKey(init.privateKey),
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      spareWindowUpdates(
        yamux({
          maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
          // The default of 10 cuts off a peer that asks much in the first moment of a connection.
          maxEarlyStreams: STREAMS_PER_CONNECTION_MAX,
          streamOptions: {
            maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX,
            maxReadBufferLength: STREAM_UNREAD_BYTES_MAX
          }
        })
      )
    ],
    connectionGater: {
      denyDialPeer: isDenied,
      denyOutboundEncryptedConnection: isDenied,
      denyInboundEncryptedConnection: peer => isDenied(peer) || tooManyStrangers(peer)
    },
    connectionManager: {
      maxConnections: MEMBER_CONNECTIONS_MAX + init.strangerConnectionsMax,
      maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
      inboundConnectionThreshold: CONNECTIONS_PER_HOST_PER_SECOND_MAX,
      inboundUpgradeTimeout: HANDSHAKE_MS,
      inboundStreamProtocolNegotiationTimeout: HANDSHAKE_MS,
      outboundStreamProtocolNegotiationTimeout: HANDSHAKE_MS,
      dialTimeout: DIAL_MS
    },
    connectionMonitor: { pingInterval: PING_INTERVAL_MS },
    services: {
      identify: identify(),
      ping: ping(),
      dht: memberDht(names.dht, membership),
      gossip: memberGossip(init.topics, membership)
    }
  })
  return host
}
