import { listMembers, type Member } from '@vitalchain/contracts'
import { equalBytes, PROTOCOL_VERSION, toHex } from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import { peerNameOf, type Network } from '../network/index.ts'
import type { NodeStatus } from '../types.ts'
import type { MemberWatch } from './member-watch.ts'
import type { MemberReport } from './types.ts'

/** What {@link reportMembers} puts together. */
export interface MemberReportsInit {
  readonly ledger: Ledger
  readonly network: Network
  readonly watch: MemberWatch
  readonly status: () => NodeStatus
  /** The own transport public key. */
  readonly transportKey: Uint8Array
}

/** What this node knows of each member, itself included. */
export function reportMembers(
  init: MemberReportsInit
): readonly (readonly [Member, MemberReport])[] {
  const { ledger, network, watch, transportKey } = init
  const links = new Map(network.links().map(link => [toHex(link.member), link]))
  const peers = new Map(network.peers().map(peer => [peer.peer, peer]))
  const validators = new Set(ledger.validators().map(({ member }) => toHex(member)))
  return listMembers(ledger.state).map(member => {
    const id = toHex(member.id)
    const about = { member: id, name: member.name, validator: validators.has(id) }
    if (equalBytes(member.transportKey, transportKey))
      return [member, { ...about, ...ownReport(init.status()) }]
    const link = links.get(id)
    const rtt = peers.get(peerNameOf(member.transportKey))?.rtt
    const last = watch.lastStatus(member.id)
    const report: MemberReport = {
      ...about,
      self: false,
      linked: link?.up ?? false,
      height: last?.height,
      view: last?.view,
      version: last?.version,
      clockSkewMs:
        last?.skewMs === undefined ? undefined : Math.round(last.skewMs + (rtt ?? 0) / 2),
      roundTripMs: rtt,
      heardMs: last === undefined ? undefined : Math.round(last.heardMs),
      banned: (link?.bannedMs ?? 0) > 0
    }
    return [member, report]
  })
}

function ownReport({
  height,
  view
}: NodeStatus): Omit<MemberReport, 'member' | 'name' | 'validator'> {
  return {
    self: true,
    linked: true,
    height,
    view,
    version: PROTOCOL_VERSION,
    clockSkewMs: 0,
    roundTripMs: 0,
    heardMs: 0,
    banned: false
  }
}
