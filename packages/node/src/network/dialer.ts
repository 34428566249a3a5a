import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { isVitalchainError, VitalchainError } from '@vitalchain/core'
import { DIAL_MS, type Host } from './host.ts'
import { addressOf } from './identity.ts'
import type { KnownMember, Membership } from './membership.ts'
import type { RequestTarget } from './types.ts'

/** How long a lookup in the DHT may take, in milliseconds. */
const LOOKUP_MS = 5_000

/** Least time between two lookups of one member, in milliseconds; it doubles with each, as a dead one is asked for for ever. */
const LOOKUP_INTERVAL_FIRST_MS = 1_000

/** Longest such time, in milliseconds. */
const LOOKUP_INTERVAL_MAX_MS = 10_000

/** Opens streams to members, wherever they are found, and to addresses. */
export class Dialer {
  readonly #host: Host
  readonly #membership: Membership
  readonly #bootstrap: readonly string[]
  /** When a peer may be looked up again, and how long after that the next time. */
  readonly #lookUps = new Map<string, { readonly next: number; readonly wait: number }>()
  /** Where the DHT saw members last that could not be reached otherwise; kept until they are connected. */
  readonly #found = new Map<string, readonly string[]>()
  readonly #stopping: AbortSignal

  /**
   * @param bootstrap - addresses of nodes; those that name a member are tried for it too
   * @param stopping - ends lookups that nobody waits for
   */
  constructor(
    host: Host,
    membership: Membership,
    bootstrap: readonly string[],
    stopping: AbortSignal
  ) {
    this.#host = host
    this.#membership = membership
    this.#bootstrap = bootstrap
    this.#stopping = stopping
  }

  /**
   * A new stream to a member or an address.
   *
   * @throws VitalchainError `ERR_UNKNOWN_MEMBER`, `ERR_UNREACHABLE` (retryable),
   * `ERR_UNKNOWN_PROTOCOL`; the signal's reason when aborted.
   */
  async open(
    target: RequestTarget | KnownMember,
    protocol: string,
    signal: AbortSignal
  ): Promise<Stream> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)])
    try {
      const connection =
        typeof target === 'string'
          ? await this.#host.dial(multiaddr(target), { signal: limited })
          : await this.#connect(
              target instanceof Uint8Array ? this.#known(target) : target,
              limited
            )
      return await connection.newStream(protocol, { signal: limited })
    } catch (cause) {
      signal.throwIfAborted()
      throw isVitalchainError(cause) ? cause : openFailed(cause, protocol)
    }
  }

  /**
   * A peer's addresses by the DHT.
   *
   * @throws VitalchainError `ERR_UNREACHABLE` (retryable); the signal's reason when aborted.
   */
  async lookUp(peer: PeerId, signal: AbortSignal): Promise<readonly Multiaddr[]> {
    try {
      const { multiaddrs } = await this.#host.peerRouting.findPeer(peer, {
        // What this node has seen itself is what it tried already.
        useCache: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_MS)])
      })
      return multiaddrs
    } catch (cause) {
      signal.throwIfAborted()
      throw new VitalchainError('ERR_UNREACHABLE', 'no peer knows an address of this peer', {
        cause,
        retryable: true
      })
    }
  }

  /** Every address at which this node would look for a member, or saw it before. */
  async addressesOf(id: Uint8Array): Promise<readonly string[]> {
    const member = this.#membership.byMember(id)
    if (member === undefined) return []
    const { peer } = member
    const seen = await this.#host.peerStore.get(peer).then(
      ({ addresses }) => addresses.map(each => each.multiaddr.toString()),
      () => []
    )
    const texts = [...this.#namedAddresses(member), ...seen].flatMap(
      text => addressOf(text, peer)?.toString() ?? []
    )
    return [...new Set(texts)]
  }

  /** Where a member is by the ledger, by the operator's list and by the DHT. */
  #namedAddresses({ peer, addresses }: KnownMember): readonly string[] {
    const key = peer.toString()
    // Without the operator's own list, nodes that all start at once would find each other only by a DHT that is empty yet.
    const named = this.#bootstrap.filter(text => text.endsWith(`/p2p/${key}`))
    return [...addresses, ...named, ...(this.#found.get(key) ?? [])]
  }

  #known(member: Uint8Array): KnownMember {
    const known = this.#membership.byMember(member)
    if (known === undefined) {
      throw new VitalchainError('ERR_UNKNOWN_MEMBER', 'there is no such member')
    }
    return known
  }

  async #connect(member: KnownMember, signal: AbortSignal): Promise<Connection> {
    const { peer } = member
    const key = peer.toString()
    const open = this.#host.getConnections(peer).find(({ status }) => status === 'open')
    if (open !== undefined) {
      this.#lookUps.delete(key)
      this.#found.delete(key)
      return open
    }
    const addresses = this.#namedAddresses(member).flatMap(text => addressOf(text, peer) ?? [])
    if (addresses.length === 0) return this.#host.dial(await this.#find(peer, signal), { signal })
    try {
      return await this.#host.dial(addresses, { signal })
    } catch (cause) {
      // Beside the next tries: a member that only restarts is where it was, and must not wait for the DHT's answer.
      this.#find(peer, this.#stopping).catch(() => undefined)
      throw cause
    }
  }

  /** Looks a peer up, unless that was tried just now, and remembers its addresses for the next dial. */
  async #find(peer: PeerId, signal: AbortSignal): Promise<Multiaddr[]> {
    if (!this.#mayLookUp(peer)) {
      throw new VitalchainError('ERR_UNREACHABLE', 'the member has no usable address', {
        retryable: true
      })
    }
    const found = await this.lookUp(peer, signal)
    this.#found.set(
      peer.toString(),
      found.map(address => address.toString())
    )
    return found.flatMap(address => addressOf(address.toString(), peer) ?? [])
  }

  #mayLookUp(peer: PeerId): boolean {
    const key = peer.toString()
    const now = performance.now()
    const { next, wait } = this.#lookUps.get(key) ?? { next: now, wait: LOOKUP_INTERVAL_FIRST_MS }
    if (now < next) {
      return false
    }
    this.#lookUps.set(key, { next: now + wait, wait: Math.min(2 * wait, LOOKUP_INTERVAL_MAX_MS) })
    return true
  }
}

function openFailed(cause: unknown, protocol: string): VitalchainError {
  return cause instanceof Error && cause.name === 'UnsupportedProtocolError'
    ? new VitalchainError('ERR_UNKNOWN_PROTOCOL', `the peer does not speak ${protocol}`, {
        cause,
        values: { protocol }
      })
    : new VitalchainError('ERR_UNREACHABLE', 'the peer cannot be reached', {
        cause,
        values: { reason: cause instanceof Error ? cause.name : 'unknown' },
        retryable: true
      })
}
