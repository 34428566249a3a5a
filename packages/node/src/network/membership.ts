import type { PeerId } from '@libp2p/interface'
import { equalBytes, toHex } from '@vitalchain/core'
import { peerIdOf } from './identity.ts'

/**
 * A member of the ledger as the network sees it, or somebody who is about to become one: an approved newcomer follows with
 * the same rights, and so does the node with the approved new keys of a member.
 */
export interface MemberPeer {
  /** The member's id, 32 bytes; of who is not one yet, another name of 32 bytes that nobody else has. */
  readonly member: Uint8Array
  /** Its transport key: a raw Ed25519 public key, 32 bytes. It decides the PeerId. */
  readonly transportKey: Uint8Array
  /** Multiaddrs to reach it; may be empty, then the DHT is asked. */
  readonly addresses: readonly string[]
}

/** A member with its PeerId worked out. */
export interface KnownMember extends MemberPeer {
  readonly peer: PeerId
}

/** What a change of the member set means for connections. */
export interface MembershipChange {
  readonly added: readonly KnownMember[]
  readonly removed: readonly KnownMember[]
}

/**
 * The members, found by PeerId or by member id. The one place that answers "is this peer a member?":
 * links, requests, gossip, the DHT and the connection limits all ask here.
 */
export class Membership {
  readonly #self: string
  #byPeer: ReadonlyMap<string, KnownMember> = new Map()
  #byMember: ReadonlyMap<string, KnownMember> = new Map()

  constructor(self: PeerId) {
    this.#self = self.toString()
  }

  /** Replaces the set. A member whose transport key changed, or a peer that became another member, is removed and added. */
  update(members: readonly MemberPeer[]): MembershipChange {
    const before = this.#byPeer
    const known = members.map(member => ({ ...member, peer: peerIdOf(member.transportKey) }))
    this.#byPeer = new Map(known.map(member => [member.peer.toString(), member]))
    this.#byMember = new Map(known.map(member => [toHex(member.member), member]))
    return {
      added: known.filter(member => !isIn(before, member)),
      removed: [...before.values()].filter(member => !isIn(this.#byPeer, member))
    }
  }

  /** The member behind a PeerId, this node included. */
  byPeer(peer: PeerId | string): KnownMember | undefined {
    return this.#byPeer.get(peer.toString())
  }

  /** The member with this id. */
  byMember(member: Uint8Array): KnownMember | undefined {
    return this.#byMember.get(toHex(member))
  }

  /** Whether this node itself is a member. */
  get includesSelf(): boolean {
    return this.#byPeer.has(this.#self)
  }

  /** Whether no member is known yet: a node that still looks for its network. */
  get isEmpty(): boolean {
    return this.#byPeer.size === 0
  }

  /** All members but this node. */
  others(): readonly KnownMember[] {
    return [...this.#byPeer.values()].filter(({ peer }) => peer.toString() !== this.#self)
  }
}

/** Whether a set has this peer, and as this member. */
function isIn(set: ReadonlyMap<string, KnownMember>, { peer, member }: KnownMember): boolean {
  const found = set.get(peer.toString())
  return found !== undefined && equalBytes(found.member, member)
}
