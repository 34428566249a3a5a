import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { isVitalchainError, toHex, VitalchainError } from '@vitalchain/core'
import { setTimeout as delay } from 'node:timers/promises'
import { DIAL_MS, type Host } from './host.ts'
import type { Membership } from './membership.ts'
import type { NetworkLog } from './types.ts'

/** How often to look after the connections, in milliseconds. */
const ROUND_MS = 10_000

/** First wait for another try at the bootstrap addresses, in milliseconds; doubles up to a round. */
const BOOTSTRAP_RETRY_MS = 500

/** What {@link keepHouse} looks after. */
export interface HousekeepingInit {
  readonly host: Host
  readonly membership: Membership
  readonly bootstrap: readonly string[]
  readonly log: NetworkLog
}

/**
 * Until the signal aborts: dials the bootstrap addresses while there is no connection, forgets
 * strangers that are gone, and mends gossip. Never throws.
 */
export async function keepHouse(init: HousekeepingInit, signal: AbortSignal): Promise<void> {
  const suspects = new Set<string>()
  let wait = BOOTSTRAP_RETRY_MS
  while (!signal.aborted) {
    try {
      await bootstrap(init, signal)
      await forgetStrangers(init)
      mendGossip(init, suspects)
    } catch (error) {
      init.log('housekeeping-failed', { error: String(error) })
    }
    const alone = init.bootstrap.length > 0 && init.host.getConnections().length === 0
    wait = alone ? Math.min(wait * 2, ROUND_MS) : ROUND_MS
    await delay(wait, undefined, { signal }).catch(() => undefined)
  }
}

async function bootstrap(
  { host, bootstrap: addresses, log }: HousekeepingInit,
  signal: AbortSignal
): Promise<void> {
  if (host.getConnections().length > 0) {
    return
  }
  await Promise.all(
    addresses.map(async address => {
      try {
        await host.dial(multiaddr(address), {
          signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)])
        })
      } catch (error) {
        log('bootstrap-failed', { address, code: dialCode(error) })
      }
    })
  )
}

// libp2p remembers every peer that ever connected; a stranger costs nothing to invent.
async function forgetStrangers({ host, membership }: HousekeepingInit): Promise<void> {
  for (const { id } of await host.peerStore.all()) {
    if (membership.byPeer(id) === undefined && host.getConnections(id).length === 0) {
      await host.peerStore.delete(id)
    }
  }
}

// Gossipsub opens its outbound stream once per connection and does not notice when that stream is
// lost while another connection stays: the member then hears nothing for ever. Two rounds without
// such a stream, and the connections are closed; the link opens a new one at once.
function mendGossip({ host, membership, log }: HousekeepingInit, suspects: Set<string>): void {
  for (const { peer, member } of membership.includesSelf ? membership.others() : []) {
    const id = peer.toString()
    const connections = host.getConnections(peer)
    const speaks = connections.some(({ streams }) =>
      streams.some(
        ({ protocol, direction }) => direction === 'outbound' && protocol.startsWith('/meshsub/')
      )
    )
    if (connections.length === 0 || speaks) {
      suspects.delete(id)
    } else if (suspects.delete(id)) {
      log('gossip-mended', { member: toHex(member) })
      hangUp(host, peer)
    } else {
      suspects.add(id)
    }
  }
}

/** Closes all connections to a peer. */
export function hangUp(host: Host, peer: PeerId): void {
  for (const connection of host.getConnections(peer)) {
    connection.close().catch((error: unknown) => {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
    })
  }
}

/** Drops all connections to a peer at once, unsent bytes included. */
export function cutOff(host: Host, peer: string): void {
  for (const connection of host.getConnections()) {
    if (connection.remotePeer.toString() === peer) {
      connection.abort(new VitalchainError('ERR_PEER_BANNED', 'the peer misbehaved'))
    }
  }
}

/** A node that is not there yet is the usual case, not a fault of this one. */
function dialCode(error: unknown): string {
  return isVitalchainError(error) ? error.code : 'ERR_UNREACHABLE'
}
