/** What this node knows of a member: by the member's own word on its authenticated link, and by measuring. */
export interface MemberReport {
  /** The member's id, 32 bytes as hex. */
  readonly member: string
  readonly name: string
  /** Whether the report is about this node itself. */
  readonly self: boolean
  /** Whether the member may vote at the next height. */
  readonly validator: boolean
  /** Whether the link to it is up; true for this node itself. */
  readonly linked: boolean
  /** Height of its newest block; undefined before its first status. */
  readonly height: number | undefined
  /** The view of the height above. */
  readonly view: number | undefined
  /** The highest protocol version that it knows. */
  readonly version: number | undefined
  /** How far its clock is ahead of this node's, ms; wrong by half a round trip at most, and by the delay of a busy node. */
  readonly clockSkewMs: number | undefined
  /** The last measured round trip, ms. */
  readonly roundTripMs: number | undefined
  /** How long ago it was heard last, ms; 0 for this node itself. */
  readonly heardMs: number | undefined
  /** Whether it is kept out for a while because it misbehaved. */
  readonly banned: boolean
}

/**
 * `critical`: this node, or the network, does not commit, or soon will not. `warning`: it works and somebody has to act.
 * `note`: good to know; a network with notes alone is healthy.
 */
export type Severity = 'critical' | 'warning' | 'note'

/** One thing that is wrong, and what to do. */
export interface Finding {
  /** A stable name, such as `QUORUM_SHORT`; all are listed in the troubleshooting guide. */
  readonly code: string
  readonly severity: Severity
  /** What it is about: a member's name, an address or a path. */
  readonly subject?: string
  /** What is wrong, in a sentence or two for people. */
  readonly text: string
  /** The next act, which makes nothing worse. */
  readonly act: string
}

/** How many validators are needed, and how many can be counted on. */
export interface QuorumReport {
  readonly validators: number
  /** How many must vote for a block. */
  readonly needed: number
  /** How many this node reaches, itself included when it votes. */
  readonly reachable: number
}

/** What is wrong with a node and its network, as far as the node can know. */
export interface Diagnosis {
  /** When it was made, ms since 1970, by this node's clock. */
  readonly at: number
  /** Whether nobody has to act: no finding is critical or a warning. */
  readonly healthy: boolean
  /** The most important thing in one sentence. */
  readonly summary: string
  /** The worst first. */
  readonly findings: readonly Finding[]
  /** Every member, this node included; empty while the node does not run. */
  readonly members: readonly MemberReport[]
  readonly quorum: QuorumReport
}
