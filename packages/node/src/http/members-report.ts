import {
  evidenceAgainst,
  listChanges,
  listMembers,
  overrideOf,
  previewChange,
  protocolSchedule,
  protocolVotes,
  type ChangePreview,
  type Member,
  type MemberChange,
  type MemberKeys,
  type OpenChange,
  type ProtocolActivation
} from '@vitalchain/contracts'
import { faultTolerance, memberId, quorum, toHex } from '@vitalchain/core'
import type { LedgerNode } from '../types.ts'

/** Keys as JSON has them: hexadecimal. */
interface KeysJson {
  readonly operatorKey: { readonly algorithm: string; readonly key: string }
  readonly consensusKey: string
  readonly checkpointKey: string
  readonly transportKey: string
}

/** A member as `GET /v1/members` tells it. */
export interface MemberJson extends KeysJson {
  readonly id: string
  readonly name: string
  /** Whether it is this node's. */
  readonly self: boolean
  /** Whether this node has a link with it now. */
  readonly linked: boolean
  /** Proofs of broken rules against it, since genesis. */
  readonly evidence: number
  /** How often its validator voted again without the vote state it should have kept. */
  readonly overrides: number
}

/** An open change as `GET /v1/members` tells it. */
export interface ChangeJson {
  readonly id: string
  readonly type: MemberChange['type']
  /** Identifier and name of the member that it is about. */
  readonly member: string
  readonly name: string
  /** The keys that it brings; none for a removal. */
  readonly keys?: KeysJson
  readonly forced: boolean
  /** Names of the proposer and of those who approve, or identifiers of who left since. */
  readonly proposer: string
  readonly approvals: readonly string[]
  readonly needed: number
  readonly status: OpenChange['status']
  readonly proposedHeight: number
  /** Block time, ms since 1970, at which it is void. */
  readonly expires: number
  /** What it would do if it took effect now. */
  readonly preview: ChangePreview
}

/** The members and what is to become of them, as this node's ledger has it. */
export interface MembersReport {
  readonly network: string
  readonly height: number
  readonly validators: number
  readonly faults: number
  readonly quorum: number
  /** What this node is: as in its status. */
  readonly membership: string
  readonly members: readonly MemberJson[]
  readonly changes: readonly ChangeJson[]
  /** The protocol version of the newest block, the one that is activated for a later height, and votes for others. */
  readonly protocol: {
    readonly version: number
    readonly next?: ProtocolActivation
    readonly votes: readonly (ProtocolActivation & { readonly member: string })[]
  }
}

/** What a change would do, with what this node sees of the others now. */
export interface PreviewReport extends Omit<ChangePreview, 'warnings'> {
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
  /** Names of the members after the change that this node reaches now, itself included; a newcomer does not count. */
  readonly reachable: readonly string[]
  /** Names of those it does not reach. */
  readonly away: readonly string[]
}

function protocolJson(
  { state, ledger }: LedgerNode,
  nameOf: (id: Uint8Array) => string
): MembersReport['protocol'] {
  const { version, next } = protocolSchedule(state, ledger.head.height)
  const votes = protocolVotes(state).map(vote => ({ ...vote, member: nameOf(vote.member) }))
  return { version, ...(next === undefined ? {} : { next }), votes }
}

/** Reads the members from a node. */
export function membersReport(node: LedgerNode): MembersReport {
  const { state } = node
  const members = listMembers(state)
  const { links, name: self, membership } = node.status()
  const nameOf = (id: Uint8Array): string =>
    members.find(each => toHex(each.id) === toHex(id))?.name ?? toHex(id)
  return {
    network: toHex(node.network),
    height: node.ledger.head.height,
    validators: members.length,
    faults: faultTolerance(members.length),
    quorum: quorum(members.length),
    membership,
    members: members.map(member => ({
      id: toHex(member.id),
      name: member.name,
      ...keysJson(member),
      self: member.name === self,
      linked: links.includes(member.name),
      evidence: evidenceAgainst(state, member.id).count,
      overrides: overrideOf(state, member.id)?.count ?? 0
    })),
    changes: listChanges(state).map(open => ({
      ...changeJson(open, nameOf),
      preview: previewChange(state, node.ledger.genesis, open.change, open.id)
    })),
    protocol: protocolJson(node, nameOf)
  }
}

/** What a change would do to the network that a node is part of. */
export function previewReport(node: LedgerNode, change: MemberChange): PreviewReport {
  const { state, ledger } = node
  const preview = previewChange(state, ledger.genesis, change)
  const { links, name: self } = node.status()
  const stays = (member: Member): boolean =>
    change.type !== 'remove' || toHex(member.id) !== toHex(change.member)
  const names = listMembers(state)
    .filter(stays)
    .map(({ name }) => name)
  const isReached = (name: string): boolean => name === self || links.includes(name)
  const reachable = names.filter(isReached)
  const unreachable = {
    code: 'unreachable',
    message: `${preview.after.quorum} votes would decide, and this node reaches ${reachable.length} of the members now`
  }
  return {
    ...preview,
    warnings: [
      ...preview.warnings,
      ...(reachable.length < preview.after.quorum ? [unreachable] : [])
    ],
    reachable,
    away: names.filter(name => !isReached(name))
  }
}

function changeJson(
  open: OpenChange,
  nameOf: (id: Uint8Array) => string
): Omit<ChangeJson, 'preview'> {
  const { change, proposer, approvals, id, forced, needed, status, proposedHeight, expires } = open
  const member = change.type === 'add' ? memberId(change.member.operatorKey) : change.member
  const keys =
    change.type === 'remove' ? undefined : change.type === 'add' ? change.member : change.keys
  return {
    id: toHex(id),
    type: change.type,
    member: toHex(member),
    name: change.type === 'add' ? change.member.name : nameOf(member),
    ...(keys === undefined ? {} : { keys: keysJson(keys) }),
    forced,
    proposer: nameOf(proposer),
    approvals: approvals.map(nameOf),
    needed,
    status,
    proposedHeight,
    expires
  }
}

function keysJson({
  operatorKey,
  consensusKey,
  checkpointKey,
  transportKey
}: MemberKeys): KeysJson {
  return {
    operatorKey: { algorithm: operatorKey.algorithm, key: toHex(operatorKey.bytes) },
    consensusKey: toHex(consensusKey),
    checkpointKey: toHex(checkpointKey),
    transportKey: toHex(transportKey)
  }
}
