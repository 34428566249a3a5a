import { listMembers } from '@vitalchain/contracts'
import {
  equalBytes,
  faultTolerance,
  toHex,
  type ErrorValues,
  type Transaction
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network, RequestTarget } from '../network/index.ts'
import type { CatchUp } from '../sync/catch-up.ts'
import { createFollowing } from './following.ts'
import { changesMembers, createFormerPeers, memberPeers } from './peers.ts'
import { standingOf, type OwnKeys, type Standing } from './standing.ts'

/**
 * What a node is to the others: its {@link Standing}, `refused` while more members than can be faulty deny it, or `follower` for
 * one that only a member of its choice knows.
 */
export type Membership = Standing | 'refused' | 'follower'

/** Keeps a node's connections, and its own idea of what it is, in step with the members on the ledger. */
export interface MembershipKeeper {
  start(): void
  stop(): Promise<void>
  /** A block with these transactions is durable. */
  committed(transactions: readonly Transaction[]): void
  /** The last height that a peer that is no member any more may read; undefined for who was none since this start. */
  lastHeightOf(peer: string): number | undefined
  readonly membership: Membership
}

/** What {@link createMembershipKeeper} needs. */
export interface MembershipKeeperInit {
  readonly ledger: Ledger
  readonly network: Network
  readonly catchUp: Pick<CatchUp, 'ask'>
  readonly own: OwnKeys
  /** Addresses that the operator configured: a newcomer knows no others. */
  readonly bootstrap: readonly string[]
  /** Whether this node follows a member and waits for no approval. */
  readonly follows: boolean
  readonly log: (event: string, values: ErrorValues) => void
}

/** What the log says when a node's membership becomes this. */
const NEWS: Readonly<Record<Membership, string>> = {
  waiting: 'not yet a member: waiting for approval',
  approved: 'approved as a member: following until the operator says ready',
  member: 'a member of the network',
  replaced: 'the keys of this node were replaced: it follows no more and does not vote',
  removed: 'no member any more: this node does not vote',
  refused: 'not a member: the others say so',
  follower: 'a follower: it has what a member lets it have, and does not vote'
}

/** Makes the {@link MembershipKeeper} of a node. */
export function createMembershipKeeper(init: MembershipKeeperInit): MembershipKeeper {
  const { ledger, network, catchUp, own, bootstrap, follows, log } = init
  const former = createFormerPeers(memberPeers(ledger.state))
  /** Members that refused this node's link and did not take one since. */
  const refusedBy = new Set<string>()
  let running = false
  let standing = currentStanding()
  let told: Membership = 'member'

  function currentStanding(): Standing {
    const { members: founders } = ledger.genesis
    return standingOf(ledger.state, own, { founders, sets: ledger.validatorSets() })
  }

  function membership(): Membership {
    const faults = faultTolerance(ledger.validators().length)
    if (standing === 'waiting' && follows) return 'follower'
    return standing === 'member' && refusedBy.size > faults ? 'refused' : standing
  }

  /** Says once what became of this node. */
  function tell(): void {
    const now = membership()
    if (now === told) return
    told = now
    log(NEWS[now], { height: ledger.head.height })
  }

  /** The members may be others than before. */
  function look(): void {
    former.update(memberPeers(ledger.state), ledger.head.height)
    network.membersChanged()
    const before = standing
    const now = currentStanding()
    // A node whose consensus key is held by another process does not find itself in the sets of before.
    standing = now === 'waiting' && (before === 'member' || before === 'removed') ? 'removed' : now
    if (standing !== before) refusedBy.clear()
    following.wake()
    // A newcomer says so when the others refused it: it may only be behind.
    if (standing !== 'waiting' || follows) tell()
  }

  const isOutside = (): boolean =>
    (standing === 'waiting' && !(follows && network.linkedMembers().length > 0)) ||
    standing === 'removed' ||
    (standing !== 'replaced' && refusedBy.size > 0 && network.linkedMembers().length === 0)

  function targets(): readonly RequestTarget[] {
    const members = listMembers(ledger.state)
      .filter(({ transportKey }) => !equalBytes(transportKey, own.transportKey))
      .map(({ id }) => id)
    return [...bootstrap, ...members]
  }

  const following = createFollowing({ needed: isOutside, targets, catchUp, onRefused: tell, log })

  network.onRefused(member => {
    refusedBy.add(toHex(member))
    following.wake()
    if (running) tell()
  })
  network.onLinkDown(() => following.wake())
  network.onLinkUp(member => {
    refusedBy.delete(toHex(member))
    if (running) tell()
  })

  return {
    start() {
      running = true
      following.start()
      // Blocks may have come since the network was told.
      look()
    },
    async stop() {
      running = false
      await following.stop()
    },
    committed(transactions) {
      if (running && transactions.some(changesMembers)) look()
    },
    lastHeightOf: peer => former.lastHeight(peer),
    get membership() {
      return membership()
    }
  }
}
