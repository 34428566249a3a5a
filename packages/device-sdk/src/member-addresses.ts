import type { Libp2p, PeerId } from '@libp2p/interface'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { genesisFormat } from '@vitalchain/core'

/** How long the network may take to tell where a member is, ms. */
const LOOK_UP_MS = 5_000

/** Addresses kept of one member: the others are other ways to the same node. */
const ADDRESSES_PER_MEMBER_MAX = 4

/** The peers of a network's founding members. */
export function memberPeers(genesis: Uint8Array): readonly PeerId[] {
  return genesisFormat
    .decode(genesis)
    .members.map(member => peerIdFromPublicKey(publicKeyFromRaw(member.transportKey)))
}

/**
 * Asks the network's DHT where members are: from any one node the others are found. Members that nobody knows are left out.
 *
 * @returns multiaddrs that end in `/p2p/` and the member's PeerId
 */
export async function findMembers(
  host: Libp2p,
  peers: readonly PeerId[],
  signal: AbortSignal
): Promise<readonly Multiaddr[]> {
  const found = await Promise.allSettled(
    peers.map(async peer => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_UP_MS)])
      const { multiaddrs } = await host.peerRouting.findPeer(peer, { signal: limit })
      return multiaddrs
        .slice(0, ADDRESSES_PER_MEMBER_MAX)
        .map(address => multiaddr(`${withoutPeer(address)}/p2p/${peer.toString()}`))
    })
  )
  return found.flatMap(result => (result.status === 'fulfilled' ? result.value : []))
}

function withoutPeer(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, '')
}
