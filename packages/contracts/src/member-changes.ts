import {
  boolean,
  bytes,
  hash32,
  optional,
  text,
  tuple,
  uint,
  union,
  type Codec,
  type GenesisMember
} from '@vitalchain/core'
import { encodeArgs } from './contract.ts'
import { memberCodec, memberKeysCodec, type MemberKeys } from './member-records.ts'

/** How long a change waits for approvals and READY, ms of block time: 30 days, the term of a slow committee. */
export const CHANGE_TERM_MS: number = 30 * 86_400_000

/** Open changes of one proposer: more are a flood. None can use up the room of the others. */
export const CHANGES_PER_PROPOSER_MAX: number = 4

/** Open changes in all: four of each of 50 members, and some of former ones. */
export const CHANGES_MAX: number = 256

/** Characters of the reason of an override. */
export const REASON_CHARACTERS_MAX: number = 200

/** What is to become of the members. */
export type MemberChange =
  | { readonly type: 'add'; readonly member: GenesisMember }
  | {
      readonly type: 'remove'
      /** The member's identifier. */
      readonly member: Uint8Array
    }
  | {
      readonly type: 'replace'
      /** The member's identifier. */
      readonly member: Uint8Array
      /** All four keys as they are to be. */
      readonly keys: MemberKeys
    }

/** A change that was proposed and has not taken effect. */
export interface OpenChange {
  /** The identity of the call that proposed it, 32 bytes. */
  readonly id: Uint8Array
  readonly change: MemberChange
  /** Whether it was proposed in spite of what the preview refuses. */
  readonly forced: boolean
  /** The member that proposed it, and with that approved it. */
  readonly proposer: Uint8Array
  readonly proposedHeight: number
  /** Block time, ms since 1970, from which on it is as if it had never been proposed. */
  readonly expires: number
  /** Who approves, as far as they are members now, in the order in which they approved. */
  readonly approvals: readonly Uint8Array[]
  /** Approvals that a change needs now: the quorum of the members. */
  readonly needed: number
  /** Approved, it waits for the newcomer's or the new keys' READY. */
  readonly status: 'proposed' | 'approved'
}

/** The proof that new keys are held: signatures over `readySignBytes`, 64 bytes each. */
export interface ReadyProofs {
  readonly consensus: Uint8Array
  readonly checkpoint: Uint8Array
  /** By the operator's key that the change names; needed unless that key signs the call itself. */
  readonly operator: Uint8Array | undefined
}

/** The arguments of `members.propose`. */
export interface ProposeChange {
  readonly change: MemberChange
  /** Proposes a change that the preview refuses, where it may be forced. */
  readonly forced: boolean
}

/** The arguments of `members.approve` and `members.withdraw`. */
export interface NameChange {
  /** The identifier of the change. */
  readonly change: Uint8Array
}

/** The arguments of `members.ready`. */
export interface ReadyForChange extends NameChange {
  /** The height of the newest block that the newcomer holds. */
  readonly height: number
  readonly proofs: ReadyProofs
}

/** The arguments of `members.override`. */
export interface OverrideVotes {
  /** The consensus key of the member that votes again without its vote state. */
  readonly consensusKey: Uint8Array
  /** Why, for the other members: up to 200 characters, readable by all of them. */
  readonly reason: string
}

/** How a change of members is written. */
export const changeCodec: Codec<MemberChange> = union<MemberChange>({
  add: [0, { member: memberCodec }],
  remove: [1, { member: hash32 }],
  replace: [2, { member: hash32, keys: memberKeysCodec }]
})

/** How the arguments of `members.propose` are written. */
export const proposeCodec: Codec<ProposeChange> = tuple({ change: changeCodec, forced: boolean })

/** How the arguments of `members.approve` and `members.withdraw` are written. */
export const nameChangeCodec: Codec<NameChange> = tuple({ change: hash32 })

/** How the arguments of `members.ready` are written. */
export const readyCodec: Codec<ReadyForChange> = tuple({
  change: hash32,
  height: uint(),
  proofs: tuple({ consensus: bytes(64), checkpoint: bytes(64), operator: optional(bytes(64)) })
})

/** How the arguments of `members.override` are written. */
export const overrideCodec: Codec<OverrideVotes> = tuple({
  consensusKey: bytes(32),
  reason: text(REASON_CHARACTERS_MAX)
})

/** The bytes of the arguments of `members.propose`. */
export function proposeArgs(args: ProposeChange): Uint8Array {
  return encodeArgs(proposeCodec, args)
}

/** The bytes of the arguments of `members.approve`. */
export function approveArgs(args: NameChange): Uint8Array {
  return encodeArgs(nameChangeCodec, args)
}

/** The bytes of the arguments of `members.withdraw`. */
export function withdrawArgs(args: NameChange): Uint8Array {
  return encodeArgs(nameChangeCodec, args)
}

/** The bytes of the arguments of `members.ready`. */
export function readyArgs(args: ReadyForChange): Uint8Array {
  return encodeArgs(readyCodec, args)
}

/** The bytes of the arguments of `members.override`. */
export function overrideArgs(args: OverrideVotes): Uint8Array {
  return encodeArgs(overrideCodec, args)
}
