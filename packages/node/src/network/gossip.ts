import {
  gossipsub,
  StrictNoSign,
  TopicValidatorResult,
  type GossipSub,
  type GossipSubComponents
} from '@libp2p/gossipsub'
import { sha256, VitalchainError } from '@vitalchain/core'
import type { Membership } from './membership.ts'
import type { Offences } from './offences.ts'
import type { NetworkLog } from './types.ts'

/** Longest gossip message, in bytes: 1 MiB. Larger things are announced by hash and fetched. */
export const GOSSIP_MESSAGE_BYTES_MAX: number = 1024 * 1024

/**
 * Longest gossipsub RPC, in bytes: 8 MiB. An answer to IWANT carries several messages, and gossipsub
 * drops the whole peer at one that is too long. Only members get that far.
 */
const RPC_BYTES_MAX = 8 * 1024 * 1024

/** Bytes waiting to be sent to one peer before it is cut off as too slow: 16 MiB. */
const OUTBOUND_BYTES_MAX = 16 * 1024 * 1024

/**
 * Messages whose verdict is awaited at once. Above that new ones are ignored: signature checks are the
 * costly step, and a member that floods must not fill the memory with messages to check.
 */
const VERDICTS_PENDING_MAX = 1_024

/** Mesh neighbours per topic: each message is sent to about so many. Fewer members: to all. */
const MESH_DEGREE = 8

/** A score below every threshold: nothing is sent to, grafted from or read of such a peer. */
const STRANGER_SCORE = -1_000_000

/**
 * What to do with a message: `accept` relays it; `ignore` drops it (stale, unknown, busy); `reject`
 * drops it and lowers the sender's score, so only for what the sender itself must answer for.
 */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** Judges a gossip message. `fromMember` is the neighbour that sent it on, not its author. */
export type GossipHandler = (
  bytes: Uint8Array,
  fromMember: Uint8Array
) => GossipVerdict | Promise<GossipVerdict>

const VERDICTS: Readonly<Record<GossipVerdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
}

/**
 * Gossipsub among members. A stranger gets nothing, not even our subscriptions, and nothing it sends
 * is decoded: gossipsub sees the connections of members only. The score says the same a second time,
 * for the moment between a member's removal and the end of its connections.
 *
 * Message id = SHA-256 of the data, so identical bytes travel once in two minutes; who must repeat
 * something adds a counter. The penalty for many peers behind one address is off: hospitals sit
 * behind NAT, and with it the twelfth node behind one address is never heard.
 */
export function memberGossip(
  topics: readonly string[],
  membership: Membership
): (components: GossipSubComponents) => GossipSub {
  const create = gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: message => sha256(message.data),
    allowedTopics: [...topics],
    fallbackToFloodsub: false,
    doPX: false,
    floodPublish: true,
    batchPublish: true,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    maxInboundDataLength: RPC_BYTES_MAX,
    maxOutboundBufferSize: OUTBOUND_BYTES_MAX,
    D: MESH_DEGREE,
    scoreParams: {
      IPColocationFactorWeight: 0,
      appSpecificScore: peer => (membership.byPeer(peer) === undefined ? STRANGER_SCORE : 0),
      topics: Object.fromEntries(topics.map(topic => [topic, INVALID_MESSAGES_ONLY]))
    }
  })
  return components =>
    create({
      privateKey: components.privateKey,
      peerId: components.peerId,
      peerStore: components.peerStore,
      connectionManager: components.connectionManager,
      logger: components.logger,
      registrar: membersOnly(components.registrar, membership)
    })
}

// A member's score falls by the square of its recent rejected messages and by nothing else; nine in
// a row silence it, and a tenth of the count is forgiven each second.
const INVALID_MESSAGES_ONLY = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1,
  timeInMeshCap: 0,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0,
  firstMessageDeliveriesCap: 0,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0,
  meshMessageDeliveriesCap: 0,
  meshMessageDeliveriesThreshold: 0,
  meshMessageDeliveriesWindow: 0,
  meshMessageDeliveriesActivation: 0,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0,
  invalidMessageDeliveriesWeight: -1,
  invalidMessageDeliveriesDecay: 0.9
}

type Registrar = GossipSubComponents['registrar']

// Not by libp2p's stream middleware: up to 3.3.11 each inbound stream appends its handler to the
// shared middleware list, so handlers run again on every later stream.
function membersOnly(registrar: Registrar, membership: Membership): Registrar {
  return {
    getProtocols: () => registrar.getProtocols(),
    unhandle: (protocol, options) => registrar.unhandle(protocol, options),
    getHandler: protocol => registrar.getHandler(protocol),
    use: (protocol, middleware) => registrar.use(protocol, middleware),
    unuse: protocol => registrar.unuse(protocol),
    getMiddleware: protocol => registrar.getMiddleware(protocol),
    unregister: id => registrar.unregister(id),
    getTopologies: protocol => registrar.getTopologies(protocol),
    handle: (protocol, handler, options) =>
      registrar.handle(
        protocol,
        (stream, connection) => {
          if (membership.byPeer(connection.remotePeer) === undefined) {
            stream.abort(new VitalchainError('ERR_NOT_A_MEMBER', 'gossip is for members'))
            return undefined
          }
          return handler(stream, connection)
        },
        options
      ),
    register: (protocol, topology, options) =>
      registrar.register(
        protocol,
        {
          ...topology,
          onConnect: (peer, connection) =>
            membership.byPeer(peer) === undefined
              ? undefined
              : topology.onConnect?.(peer, connection)
        },
        options
      )
  }
}

/** Lets handlers judge what comes in on their topics. Call once, after the service is made. */
export function judgeGossip(
  gossip: GossipSub,
  handlers: ReadonlyMap<string, GossipHandler>,
  membership: Membership,
  offences: Offences,
  log: NetworkLog
): void {
  let pending = 0
  for (const [topic, handler] of handlers) {
    gossip.topicValidators.set(topic, async (peer, { data }) => {
      const member = membership.byPeer(peer)
      if (member === undefined || pending >= VERDICTS_PENDING_MAX) {
        return TopicValidatorResult.Ignore
      }
      if (data.length > GOSSIP_MESSAGE_BYTES_MAX) {
        offences.report(peer.toString(), 'oversize')
        return TopicValidatorResult.Reject
      }
      pending += 1
      try {
        const verdict = await handler(data, member.member)
        if (verdict === 'reject') {
          offences.report(peer.toString(), 'gossip')
        }
        return VERDICTS[verdict]
      } catch (error) {
        log('gossip-handler-failed', { topic, error: String(error) })
        return TopicValidatorResult.Ignore
      } finally {
        pending -= 1
      }
    })
  }
}
