import { kadDHT, type KadDHT, type KadDHTComponents } from '@libp2p/kad-dht'
import type { PeerInfo } from '@libp2p/interface'
import type { Membership } from './membership.ts'

/** Delay of the first look around after start, in milliseconds; lookups wait for it. */
const FIRST_SELF_QUERY_MS = 250

/** Interval of later looks around, in milliseconds. Members come and go by vote, not by the minute. */
const SELF_QUERY_MS = 10 * 60_000

/** Peers asked at once in a lookup. The whole network is smaller than one routing bucket. */
const PARALLEL_QUERIES = 3

/** Lookups one peer may have open at once. */
const INBOUND_STREAMS_MAX = 8

/**
 * The DHT: where is the peer with this id? Nothing else: it keeps no records and no providers for
 * anyone, because a stranger could fill the memory with them.
 *
 * Only members are entered in the routing table and told to others, so strangers can neither poison
 * nor crowd it; while no member is known (a node that still looks for its network) anyone is.
 * Private addresses are kept: hospitals meet inside VPNs.
 */
export function memberDht(
  protocol: string,
  membership: Membership
): (components: KadDHTComponents) => KadDHT {
  const create = kadDHT({
    protocol,
    clientMode: false,
    initialQuerySelfInterval: FIRST_SELF_QUERY_MS,
    querySelfInterval: SELF_QUERY_MS,
    alpha: PARALLEL_QUERIES,
    disjointPaths: 1,
    maxInboundStreams: INBOUND_STREAMS_MAX,
    peerInfoMapper: (info: PeerInfo): PeerInfo =>
      membership.isEmpty || membership.byPeer(info.id) !== undefined
        ? info
        : { ...info, multiaddrs: [] }
  })
  return components =>
    create({
      peerId: components.peerId,
      privateKey: components.privateKey,
      registrar: components.registrar,
      addressManager: components.addressManager,
      peerStore: components.peerStore,
      connectionManager: components.connectionManager,
      events: components.events,
      logger: components.logger,
      ping: components.ping,
      datastore: forgetfulDatastore
    })
}

class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
}

/** A datastore that accepts everything and keeps nothing. */
const forgetfulDatastore: KadDHTComponents['datastore'] = {
  has: () => false,
  get: () => {
    throw new NotFoundError('nothing is stored')
  },
  put: key => key,
  delete: () => undefined,
  async *putMany(source) {
    for await (const { key } of source) {
      yield key
    }
  },
  getMany: () => {
    throw new NotFoundError('nothing is stored')
  },
  deleteMany: async function* (source) {
    yield* source
  },
  batch: () => ({ put: () => undefined, delete: () => undefined, commit: () => undefined }),
  async *query() {},
  async *queryKeys() {}
}
