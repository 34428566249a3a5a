import type { ProtocolActivation } from '@vitalchain/contracts'
import type { Membership } from '../members/membership.ts'
import type { OffenceCounts } from '../network/offences.ts'
import type { Probe } from './probe.ts'
import type { MemberReport } from './types.ts'

/** What a diagnosis is made of: all of it was seen or measured before, and nothing is asked for while it is made. */
export interface Observations {
  /** ms since 1970, by this machine's clock. */
  readonly at: number
  /** The network id as hex; undefined without a genesis. */
  readonly network: string | undefined
  /** The own member's name; undefined for who is no member, or is not known. */
  readonly name: string | undefined
  readonly disk: DiskObservation | undefined
  readonly files: FilesObservation | undefined
  /** Undefined for a node that does not run. */
  readonly node: NodeObservation | undefined
  /** Why it does not run, or could not start: what was found wrong with its directory, worst first. */
  readonly faults: readonly StartFault[]
  /** Addresses that the operator configured, and what answers there. */
  readonly addresses: readonly AddressObservation[]
}

/** The file system of the data directory. */
export interface DiskObservation {
  readonly path: string
  readonly freeBytes: number
  readonly totalBytes: number
}

/** Files and sockets of the process. */
export interface FilesObservation {
  readonly open: number
  readonly limit: number
}

/** An error by which the node stopped, or with which it would not start. */
export interface StartFault {
  readonly code: string
  readonly message: string
  /** The path or address that it is about. */
  readonly subject?: string
}

/** An address that the operator configured. */
export interface AddressObservation {
  readonly address: string
  /** Whether others are to find this node there, or this node others. */
  readonly use: 'announce' | 'bootstrap'
  /** The PeerId that is expected there; undefined when the address names none. */
  readonly expected: string | undefined
  /** The name of the member with that PeerId. */
  readonly member: string | undefined
  /** Whether that peer is connected with this node, at whichever address. */
  readonly connected: boolean
  readonly probe: Probe | undefined
}

/** What a running node knows of its network. */
export interface NodeObservation {
  /** How long it has been running, ms. */
  readonly upMs: number
  readonly membership: Membership
  readonly height: number
  readonly view: number
  /** Whether it votes. */
  readonly votes: boolean
  /** Why it does not, when its votes are missing. */
  readonly votesWait: VotesWait | undefined
  /** Whether its consensus key is in another process that is not reached. */
  readonly signerMissing: boolean
  /** How many validators there are, and how many must vote. */
  readonly validators: number
  readonly needed: number
  /** Transactions that wait to be committed, and since when nothing was committed although some wait, ms. */
  readonly waiting: number
  readonly stalledMs: number | undefined
  /** The highest protocol version that this node knows. */
  readonly version: number
  /** The version that the members activated for a later height. */
  readonly nextProtocol: ProtocolActivation | undefined
  /** How far clocks may differ before proposals are refused, ms: of the genesis. */
  readonly clockPrecisionMs: number
  readonly payloadsMissing: number
  readonly checkpointFault: string | undefined
  /** Changes of members that wait, by the name of whom they are about. */
  readonly changes: readonly ChangeObservation[]
  /** Connections with peers. */
  readonly peers: number
  /** Where a member that was asked to tried to connect to this node, when nobody has; undefined when that is not known. */
  readonly dialledBack: DialBackObservation | undefined
  /** Members whose devices send more than they may. */
  readonly flooders: readonly FlooderObservation[]
  /** What the restored ledger of a backup says of itself; undefined when it was not restored. */
  readonly restored: RestoredObservation | undefined
  /** All members, this node included. */
  readonly members: readonly MemberObservation[]
}

/** What a member found that tried to connect to this node. */
export interface DialBackObservation {
  /** The member's name. */
  readonly by: string
  readonly reached: boolean
  /** The addresses that it tried. */
  readonly addresses: readonly string[]
}

/** Why a validator without its votes does not vote. spec C-36 to C-39 */
export type VotesWait =
  | {
      readonly why: 'answers'
      readonly needed: number
      /** Names. */
      readonly answered: readonly string[]
      readonly silent: readonly string[]
    }
  | { readonly why: 'height'; readonly height: number }

/** A change of members that has not taken effect. */
export interface ChangeObservation {
  readonly type: string
  readonly subject: string
  readonly approvals: number
  readonly needed: number
  readonly approved: boolean
}

/** A member whose devices were refused for their rate in the last minute. */
export interface FlooderObservation {
  readonly name: string
  readonly refused: number
}

/** A ledger that came from a backup. */
export interface RestoredObservation {
  readonly severity: 'warning' | 'note'
  readonly text: string
  readonly act: string
}

/** What this node knows of a member. */
export interface MemberObservation {
  readonly report: MemberReport
  /** Its PeerId. */
  readonly peer: string
  /** Whether a link was up since this node started. */
  readonly wasLinked: boolean
  /** How long the link has been down, ms; undefined while it is up. */
  readonly downMs: number | undefined
  /** Whether this node was told to have no connection with it. */
  readonly denied: boolean
  /** The code of the newest failure to open the link, while it is down. */
  readonly failure: string | undefined
  readonly offences: OffenceCounts
  /** Proofs of broken rules on the ledger; undefined for none. */
  readonly evidence: EvidenceObservation | undefined
  /** How it led in the last minutes. */
  readonly conduct: ConductObservation
  /** What answers at its addresses, when it is not linked. */
  readonly probes: readonly Probe[]
}

/** Proofs on the ledger that a member broke the rules of consensus. */
export interface EvidenceObservation {
  readonly count: number
  readonly kind: string
  /** The height of the newest fault, and when its proof was recorded, ms since 1970. */
  readonly height: number
  readonly recordedAt: number
}

/** What a member did as a leader in the last minutes. */
export interface ConductObservation {
  /** Blocks of it that this node found invalid, and the code of the newest. */
  readonly invalidBlocks: number
  readonly invalidCode: string | undefined
  /** Views that it led and that ran out of time. */
  readonly lostViews: number
}
