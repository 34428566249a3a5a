import {
  optional,
  quorum,
  tuple,
  u32,
  uint,
  VitalchainError,
  type Call,
  type Codec
} from '@vitalchain/core'
import { encodeArgs, type BlockContext, type State, type StateReader } from './contract.ts'
import { ONLY, listMembers, requireCaller } from './member-records.ts'
import { table, type Table } from './table.ts'

/** The protocol version of the first block of every network. */
const FIRST_VERSION = 1

/** A protocol version, and the height of the first block that follows its rules. */
export interface ProtocolActivation {
  readonly version: number
  readonly height: number
}

/** What the members decided about the protocol. */
export interface ProtocolSchedule {
  /** The version of the newest block. */
  readonly version: number
  /** The version that a quorum activated for a later height; undefined when there is none. */
  readonly next: ProtocolActivation | undefined
}

/** A member's vote for a version that is not activated. */
export interface ProtocolVote extends ProtocolActivation {
  /** The member's identifier. */
  readonly member: Uint8Array
}

const activation: Codec<ProtocolActivation> = tuple({
  version: u32,
  height: uint(Number.MAX_SAFE_INTEGER, 1)
})

const schedules: Table<ProtocolSchedule> = table(
  'members',
  'protocol',
  tuple({ version: u32, next: optional(activation) })
)

const votes: Table<ProtocolActivation> = table('members', 'protocol-vote', activation)

/** How the arguments of `members.activate` are written. */
export const activateCodec: Codec<ProtocolActivation> = activation

/** The bytes of the arguments of `members.activate`. */
export function activateArgs(args: ProtocolActivation): Uint8Array {
  return encodeArgs(activateCodec, args)
}

/**
 * Which protocol version holds, and which one will.
 *
 * @param height - that of the newest block
 */
export function protocolSchedule(state: StateReader, height: number): ProtocolSchedule {
  const kept = schedules.get(state, ONLY) ?? { version: FIRST_VERSION, next: undefined }
  return kept.next !== undefined && kept.next.height <= height
    ? { version: kept.next.version, next: undefined }
    : kept
}

/** The votes of members for versions that are not activated. */
export function protocolVotes(state: StateReader): readonly ProtocolVote[] {
  return listMembers(state).flatMap(({ id }) => {
    const vote = votes.get(state, id)
    return vote === undefined ? [] : { member: id, ...vote }
  })
}

/** A member votes for a version from a height on, instead of what it voted for before; a quorum of equal votes activates it. spec M-16 */
export function applyActivate(
  state: State,
  asked: ProtocolActivation,
  call: Call,
  block: BlockContext
): void {
  requireCaller(state, call.author, block.height)
  const { version } = protocolSchedule(state, block.height)
  const values = { version: asked.version, height: asked.height }
  if (asked.version <= version)
    throw new VitalchainError(
      'ERR_PROTOCOL_ACTIVE',
      `protocol version ${version} is in force: only a newer one can be activated`,
      { values }
    )
  if (asked.height <= block.height)
    throw new VitalchainError('ERR_PROTOCOL_HEIGHT', 'the block of this height is there already', {
      values
    })
  const own = votes.get(state, call.author)
  if (own !== undefined && isEqual(own, asked))
    throw new VitalchainError('ERR_ALREADY_APPROVED', 'the member approves this change already')
  votes.put(state, call.author, asked)
  const same = protocolVotes(state).filter(vote => isEqual(vote, asked))
  if (same.length < quorum(listMembers(state).length)) return
  // Until its height a version can be put off, or another one be activated instead.
  schedules.put(state, ONLY, { version, next: asked })
  for (const { member } of protocolVotes(state)) votes.delete(state, member)
}

/** Forgets the vote of a former member: it does not come back with it either. spec M-6 */
export function dropProtocolVote(state: State, member: Uint8Array): void {
  votes.delete(state, member)
}

function isEqual(one: ProtocolActivation, other: ProtocolActivation): boolean {
  return one.version === other.version && one.height === other.height
}
