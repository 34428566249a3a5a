import { bytes, equalBytes, text, tuple, uint, VitalchainError, type Call } from '@vitalchain/core'
import type { BlockContext, State, StateReader } from './contract.ts'
import { REASON_CHARACTERS_MAX, type OverrideVotes } from './member-changes.ts'
import { requireCaller } from './member-records.ts'
import { table, type Table } from './table.ts'

/** A member's statement that its validator votes again without the vote state it should have kept. */
export interface VoteOverride {
  /** How often the member stated it since genesis. */
  readonly count: number
  /** Height and time, in ms since 1970, of the block that has the newest. */
  readonly height: number
  readonly time: number
  /** The consensus key that votes again. */
  readonly consensusKey: Uint8Array
  readonly reason: string
}

const records: Table<VoteOverride> = table(
  'members',
  'override',
  tuple({
    count: uint(),
    height: uint(),
    time: uint(),
    consensusKey: bytes(32),
    reason: text(REASON_CHARACTERS_MAX)
  })
)

/** The newest override of a member, or undefined for one that never needed one. */
export function overrideOf(state: StateReader, member: Uint8Array): VoteOverride | undefined {
  return records.get(state, member)
}

/** Records an override for all to see. spec M-15 */
export function applyOverride(
  state: State,
  { consensusKey, reason }: OverrideVotes,
  call: Call,
  block: BlockContext
): void {
  const member = requireCaller(state, call.author, block.height)
  if (!equalBytes(member.consensusKey, consensusKey))
    throw new VitalchainError('ERR_NOT_THE_KEY', "this is not the member's consensus key")
  const count = (overrideOf(state, call.author)?.count ?? 0) + 1
  const { height, time } = block
  records.put(state, call.author, { count, height, time, consensusKey, reason })
}
