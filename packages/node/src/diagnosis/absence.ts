import type { MemberObservation } from './observations.ts'
import type { Probe } from './probe.ts'

/** Why a member cannot be counted on, as far as this node can tell. */
export type Absence =
  /** It misbehaved and is kept out for a while. */
  | 'banned'
  /** This node was told to have no connection with it. */
  | 'denied'
  /** A node of another network answers at its address. */
  | 'other-network'
  /** Another node of this network answers at its address. */
  | 'other-peer'
  /** It answers and refuses: in its ledger this node is no member. */
  | 'refuses'
  /** Its computer answers, and no node listens there. */
  | 'down'
  /** Its computer does not answer. */
  | 'no-answer'
  /** Something takes the connection, or the link is up, and says nothing. */
  | 'silent'
  /** What answers at its address is no node. */
  | 'no-node'
  /** The name in its address cannot be resolved. */
  | 'no-name'
  /** No address of it is known. */
  | 'no-address'
  /** It answers as it should, and the link is not up yet. */
  | 'connecting'

/** A member that said nothing for so long over a link that is up hangs, ms: three times the interval of statuses, and some. */
export const SILENT_MS: number = 35_000

/** Why a member is not there; undefined when it is. */
export function absenceOf(
  member: MemberObservation,
  network: string | undefined
): Absence | undefined {
  const { report, probes } = member
  if (report.self) return undefined
  if (report.banned) return 'banned'
  if (report.linked) return (report.heardMs ?? 0) > SILENT_MS ? 'silent' : undefined
  if (member.denied) return 'denied'
  if (member.failure === 'ERR_NOT_A_MEMBER') return 'refuses'
  const found = probes.map(probe => atAddress(probe, member.peer, network))
  return ORDER.find(absence => found.includes(absence)) ?? 'no-address'
}

/** What answers at one address of a member. */
export function atAddress(
  { outcome }: Probe,
  peer: string | undefined,
  network: string | undefined
): Absence {
  switch (outcome.kind) {
    case 'node':
      if (isOther(outcome.networks, network)) return 'other-network'
      return peer === undefined || outcome.peer === peer ? 'connecting' : 'other-peer'
    case 'refused':
      return 'down'
    case 'no-answer':
    case 'silent':
    case 'no-name':
    case 'no-node':
    case 'no-address':
      return outcome.kind
  }
}

function isOther(networks: readonly string[], network: string | undefined): boolean {
  return (
    network !== undefined &&
    networks.length > 0 &&
    !networks.some(prefix => network.startsWith(prefix))
  )
}

/** Of several addresses, the one that says most decides: one that is good, then one where something else is. */
const ORDER: readonly Absence[] = [
  'connecting',
  'other-network',
  'other-peer',
  'silent',
  'no-node',
  'down',
  'no-answer',
  'no-name',
  'no-address'
]
