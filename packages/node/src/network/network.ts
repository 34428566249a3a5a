import type { Connection } from '@libp2p/interface'
import { toHex, VitalchainError } from '@vitalchain/core'
import { Dialer } from './dialer.ts'
import { GOSSIP_MESSAGE_BYTES_MAX, judgeGossip, type GossipHandler } from './gossip.ts'
import { createHost, STRANGER_CONNECTIONS_MAX, type Host } from './host.ts'
import { cutOff, hangUp, keepHouse } from './housekeeping.ts'
import { peerIdOf, transportPublicKey } from './identity.ts'
import { Links } from './links.ts'
import { Membership } from './membership.ts'
import { Offences } from './offences.ts'
import { protocolNames } from './protocols.ts'
import {
  REQUESTS_PER_PEER_MAX,
  RequestServer,
  sendRequest,
  type RequestHandler,
  type RequestLimits
} from './requests.ts'
import {
  SESSIONS_PER_PEER_MAX,
  SessionServer,
  type SessionHandler,
  type SessionLimits
} from './sessions.ts'
import { framedStream } from './streams.ts'
import type { LinkListener, MessageHandler, Network, NetworkOptions, PeerStatus } from './types.ts'

/** What exists between start and stop. */
interface Running {
  readonly host: Host
  readonly membership: Membership
  readonly dialer: Dialer
  readonly links: Links
  readonly offences: Offences
  readonly stopping: AbortController
  readonly housekeeping: Promise<void>
}

/**
 * A node's network over libp2p. Nothing is opened before `start()`.
 *
 * @throws VitalchainError `ERR_TRANSPORT_KEY` for a seed that is not 32 bytes.
 */
export function createNetwork(options: NetworkOptions): Network {
  const names = protocolNames(options.networkId)
  const self = peerIdOf(transportPublicKey(options.privateKey))
  const log = options.log ?? (() => undefined)
  const message: MessageHandler[] = []
  const up: LinkListener[] = []
  const down: LinkListener[] = []
  const refused: LinkListener[] = []
  const topics = new Map<string, GossipHandler>()
  const requests = new Map<string, readonly [RequestLimits, RequestHandler]>()
  const sessions = new Map<string, readonly [SessionLimits, SessionHandler]>()
  let running: Running | undefined
  let changing: Promise<void> = Promise.resolve()

  const active = (): Running => {
    if (running === undefined) {
      throw new VitalchainError('ERR_NOT_STARTED', 'the network is not started')
    }
    return running
  }
  const declare = <T>(table: Map<string, T>, key: string, value: T): void => {
    if (running !== undefined || table.has(key)) {
      throw new VitalchainError('ERR_NETWORK_DECLARED', 'declare each name once, before start', {
        values: { name: key }
      })
    }
    table.set(key, value)
  }

  const start = async (): Promise<void> => {
    if (running !== undefined) {
      return
    }
    const membership = new Membership(self)
    const change = membership.update(options.members())
    const offences = new Offences({
      isMember: peer => membership.byPeer(peer) !== undefined,
      onBan: (peer, values) => {
        const member = membership.byPeer(peer)?.member
        log('peer-banned', {
          code: 'ERR_PEER_BANNED',
          peer,
          ...(member === undefined ? {} : { member: toHex(member) }),
          ...values
        })
        cutOff(host, peer)
      }
    })
    const host: Host = await createHost({
      privateKey: options.privateKey,
      listen: options.listen,
      announce: options.announce ?? [],
      names,
      topics: [...topics.keys()],
      membership,
      strangerConnectionsMax: options.strangerConnectionsMax ?? STRANGER_CONNECTIONS_MAX,
      isDenied: peer => offences.isBanned(peer) || (options.deny?.(peer) ?? false)
    })
    const stopping = new AbortController()
    const dialer = new Dialer(host, membership, options.bootstrap ?? [], stopping.signal)
    const listeners = { message, up, down, refused }
    const links = new Links({ protocol: names.links, membership, dialer, listeners, offences, log })
    judgeGossip(host.services.gossip, topics, membership, offences, log)
    try {
      await handleProtocols(host, membership, links, offences)
      await host.start()
      for (const topic of topics.keys()) {
        host.services.gossip.subscribe(topic)
      }
    } catch (error) {
      await host.stop()
      throw error
    }
    host.addEventListener('peer:connect', ({ detail }) => links.wake(detail.toString()))
    const housekeeping = keepHouse(
      { host, membership, bootstrap: options.bootstrap ?? [], log },
      stopping.signal
    )
    running = { host, membership, dialer, links, offences, stopping, housekeeping }
    links.update(change)
  }

  const handleProtocols = async (
    host: Host,
    membership: Membership,
    links: Links,
    offences: Offences
  ): Promise<void> => {
    const requestServer = new RequestServer(membership, offences, log)
    const sessionServer = new SessionServer(membership, offences, log)
    await host.handle(names.links, (stream, connection) => links.accept(stream, connection))
    for (const [protocol, [limits, handler]] of requests) {
      await host.handle(
        protocol,
        (stream, connection) => requestServer.serve(stream, connection, limits, handler),
        // Above our own limit, so that the peer is told and not just cut off.
        {
          maxInboundStreams: 2 * REQUESTS_PER_PEER_MAX,
          maxOutboundStreams: 2 * REQUESTS_PER_PEER_MAX
        }
      )
    }
    for (const [protocol, [limits, handler]] of sessions) {
      await host.handle(
        protocol,
        (stream, connection) => sessionServer.serve(stream, connection, limits, handler),
        { maxInboundStreams: 2 * SESSIONS_PER_PEER_MAX }
      )
    }
  }

  const stop = async (): Promise<void> => {
    const ending = running
    if (ending === undefined) {
      return
    }
    running = undefined
    ending.stopping.abort()
    await ending.links.stop()
    await ending.host.stop()
    await ending.housekeeping
  }

  return {
    peer: self.toString(),
    // One after the other, also when the caller does not wait.
    start: () => (changing = changing.then(start, start)),
    stop: () => (changing = changing.then(stop, stop)),
    addresses: () => running?.host.getMultiaddrs().map(String) ?? [],
    membersChanged: () => {
      const { host, membership, links } = active()
      const change = membership.update(options.members())
      // Also of those who came: gossip ignored them as strangers and asks only on a new connection.
      for (const { peer } of [...change.added, ...change.removed]) {
        hangUp(host, peer)
      }
      links.update(change)
    },

    send: (member, bytes) => active().links.send(member, bytes),
    broadcast: bytes => active().links.send(undefined, bytes),
    onMessage: handler => void message.push(handler),
    onLinkUp: listener => void up.push(listener),
    onLinkDown: listener => void down.push(listener),
    onRefused: listener => void refused.push(listener),
    linkedMembers: () =>
      (running?.links.status() ?? []).filter(link => link.up).map(({ member }) => member),
    links: () => running?.links.status() ?? [],
    misbehaved: (id, offence) => {
      const peer = running?.membership.byMember(id)?.peer
      if (peer !== undefined) {
        running?.offences.report(peer.toString(), offence)
      }
    },

    handleRequest: (name, limits, handler) =>
      declare(requests, names.stream(name), [limits, handler] as const),
    request: (target, name, bytes, requestOptions) =>
      sendRequest(active().dialer, target, names.stream(name), bytes, requestOptions),
    handleStream: (name, limits, handler) =>
      declare(sessions, names.stream(name), [limits, handler] as const),
    openStream: async (target, name, { signal } = {}) =>
      framedStream(
        await active().dialer.open(
          target,
          names.stream(name),
          signal ?? new AbortController().signal
        )
      ),

    subscribe: (topic, handler) => declare(topics, names.topic(topic), handler),
    publish: async (name, bytes) => {
      const topic = names.topic(name)
      if (!topics.has(topic)) {
        throw new VitalchainError('ERR_UNKNOWN_TOPIC', `the topic "${name}" is not declared`)
      }
      if (bytes.length > GOSSIP_MESSAGE_BYTES_MAX) {
        throw new VitalchainError('ERR_GOSSIP_TOO_LARGE', 'the message is too long for gossip', {
          values: { length: bytes.length, limit: GOSSIP_MESSAGE_BYTES_MAX }
        })
      }
      await active().host.services.gossip.publish(topic, bytes)
    },

    findPeer: async (transportKey, { signal } = {}) => {
      const found = await active().dialer.lookUp(
        peerIdOf(transportKey),
        signal ?? new AbortController().signal
      )
      return found.map(String)
    },
    peers: () => (running === undefined ? [] : peerStatuses(running)),
    addressesOf: async member => (running === undefined ? [] : running.dialer.addressesOf(member))
  }
}

function peerStatuses({ host, membership }: Running): readonly PeerStatus[] {
  const byPeer = new Map<string, Connection[]>()
  for (const connection of host.getConnections()) {
    const peer = connection.remotePeer.toString()
    byPeer.set(peer, [...(byPeer.get(peer) ?? []), connection])
  }
  return [...byPeer].flatMap(([peer, connections]) => {
    const oldest = connections.toSorted((a, b) => a.timeline.open - b.timeline.open)[0]
    if (oldest === undefined) {
      return []
    }
    const member = membership.byPeer(peer)?.member
    return {
      peer,
      addresses: connections.map(({ remoteAddr }) => remoteAddr.toString()),
      direction: oldest.direction,
      connectedAt: oldest.timeline.open,
      ...(member === undefined ? {} : { member }),
      ...(oldest.rtt === undefined ? {} : { rtt: oldest.rtt })
    }
  })
}
