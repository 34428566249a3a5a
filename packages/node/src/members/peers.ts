import { candidates, listMembers, type Member, type StateReader } from '@vitalchain/contracts'
import { sha256, toHex, type Transaction } from '@vitalchain/core'
import { peerNameOf, type MemberPeer } from '../network/index.ts'

/** Peers that left and are remembered: more than a year of changes. They read what they could read before, nothing else. */
const FORMER_MAX = 64

/**
 * Whom the network treats as members: those in force, and those who follow from their approval on until they are ready. The
 * node with a member's approved new keys goes by a name of its own until then: the member's is that of the keys in force.
 */
export function memberPeers(state: StateReader): readonly MemberPeer[] {
  const inForce = listMembers(state)
  const ids = new Set(inForce.map(({ id }) => toHex(id)))
  const keys = new Set(inForce.map(({ transportKey }) => toHex(transportKey)))
  const following = candidates(state)
    .filter(({ transportKey }) => !keys.has(toHex(transportKey)))
    .map(each => (ids.has(toHex(each.id)) ? { ...each, id: sha256(each.transportKey) } : each))
  return [...inForce, ...following].map(toPeer)
}

/**
 * The same with nodes that one member lets follow: they are known to it and to themselves alone, by names of their own.
 *
 * @param followers - their transport keys; those of members count as what they are
 */
export function withFollowers(
  peers: readonly MemberPeer[],
  followers: readonly Uint8Array[]
): readonly MemberPeer[] {
  if (followers.length === 0) return peers
  const known = new Set(peers.map(({ transportKey }) => toHex(transportKey)))
  const others = followers.filter(key => !known.has(toHex(key)))
  return [
    ...peers,
    ...others.map(transportKey => ({ member: sha256(transportKey), transportKey, addresses: [] }))
  ]
}

/** Whether a transaction can change who is a member or follows: every other leaves both as they are. */
export function changesMembers(transaction: Transaction): boolean {
  return transaction.type === 'call' && transaction.call.method.startsWith('members.')
}

/** The peers that were members since this node started, with the last height that they may read. */
export interface FormerPeers {
  /**
   * Compares the peers after a block with those before.
   *
   * @param height - the height of that block
   */
  update(peers: readonly MemberPeer[], height: number): void
  /** The height of the block that took a peer out, whose PeerId this is; undefined for who was not taken out. */
  lastHeight(peer: string): number | undefined
}

/** Makes {@link FormerPeers} from the peers of now. */
export function createFormerPeers(now: readonly MemberPeer[]): FormerPeers {
  let current = idsOf(now)
  const left = new Map<string, number>()
  return {
    update(peers, height) {
      const next = idsOf(peers)
      for (const peer of next) left.delete(peer)
      for (const peer of current) if (!next.has(peer)) left.set(peer, height)
      for (const oldest of [...left.keys()].slice(0, Math.max(0, left.size - FORMER_MAX)))
        left.delete(oldest)
      current = next
    },
    lastHeight: peer => left.get(peer)
  }
}

function idsOf(peers: readonly MemberPeer[]): ReadonlySet<string> {
  return new Set(peers.map(({ transportKey }) => peerNameOf(transportKey)))
}

function toPeer({ id, transportKey }: Member): MemberPeer {
  return { member: id, transportKey, addresses: [] }
}
