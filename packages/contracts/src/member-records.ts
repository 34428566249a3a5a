import {
  bytes,
  faultTolerance,
  hash32,
  list,
  memberId,
  publicKeyCodec,
  text,
  tuple,
  u64be,
  uint,
  validatorSetCodec,
  VALIDATORS_MAX,
  NAME_CHARACTERS_MAX,
  VitalchainError,
  type Codec,
  type Genesis,
  type GenesisMember,
  type PublicKey,
  type ValidatorSet
} from '@vitalchain/core'
import { accounts } from './accounts.ts'
import type { State, StateReader } from './contract.ts'
import { table, type Table } from './table.ts'

/** Blocks for which a misdeed can be proved after it, and so the validator sets are kept: weeks of a busy network. */
export const EVIDENCE_BLOCKS_MAX: number = 100_000

/** Past validator sets that are kept: as many as the hand-overs of a receipt; older ones are forgotten first. */
export const PAST_SETS_MAX: number = 1_000

/** Calls of `members` that one member makes in a block: with many members, rules that look at all of them take milliseconds. */
export const MEMBER_CALLS_PER_BLOCK_MAX: number = 16

/** The four keys of a member. */
export interface MemberKeys {
  /** Signs what the hospital's operator does. */
  readonly operatorKey: PublicKey
  /** Ed25519, 32 bytes: signs proposals and votes. */
  readonly consensusKey: Uint8Array
  /** Ed25519, 32 bytes: cosigns checkpoints. */
  readonly checkpointKey: Uint8Array
  /** Ed25519, 32 bytes: the node's libp2p identity. */
  readonly transportKey: Uint8Array
}

/** A member as the ledger knows it. */
export interface Member extends GenesisMember {
  /** The member's identifier, 32 bytes. It stays when keys change. */
  readonly id: Uint8Array
}

const keys = {
  operatorKey: publicKeyCodec,
  consensusKey: bytes(32),
  checkpointKey: bytes(32),
  transportKey: bytes(32)
}

/** A raw key of a member as a public key. */
export function ed25519Key(key: Uint8Array): PublicKey {
  return { algorithm: 'ed25519', bytes: key }
}

/** How the keys of a member are written. */
export const memberKeysCodec: Codec<MemberKeys> = tuple(keys)

/** How a member is written, as in the genesis. spec F-5. */
export const memberCodec: Codec<GenesisMember> = tuple({ name: text(NAME_CHARACTERS_MAX), ...keys })

/** The identifier of tables that have one record. */
export const ONLY: Uint8Array = new Uint8Array(0)

const records: Table<GenesisMember> = table('members', 'member', memberCodec)
const ids: Table<readonly Uint8Array[]> = table('members', 'ids', list(hash32, VALIDATORS_MAX, 1))
const validators: Table<ValidatorSet> = table('members', 'validators', validatorSetCodec)

/** A validator set that is in force no more, under the last height that it certified. */
const pastSets: Table<{ readonly from: number; readonly validators: ValidatorSet }> = table(
  'members',
  'past-set',
  tuple({ from: uint(), validators: validatorSetCodec })
)
/** The last heights of the past sets, ascending. */
const pastHeights: Table<readonly number[]> = table(
  'members',
  'past-heights',
  list(uint(), PAST_SETS_MAX)
)

/** How many changes took effect in a block, to bound them. */
const changesOfBlock: Table<{ readonly height: number; readonly count: number }> = table(
  'members',
  'changes-of-block',
  tuple({ height: uint(), count: uint(VALIDATORS_MAX) })
)

/** How many calls of `members` a member made in the last block in which it made any. */
const callsOfBlock: Table<{ readonly height: number; readonly count: number }> = table(
  'members',
  'calls-of-block',
  tuple({ height: uint(), count: uint(MEMBER_CALLS_PER_BLOCK_MAX) })
)

/** A member's record, or undefined for an identifier that is no member, or no member any more. */
export function getMember(state: StateReader, id: Uint8Array): Member | undefined {
  const record = records.get(state, id)
  return record === undefined ? undefined : { id, ...record }
}

/** All members, in the order in which they joined: that of the validators. */
export function listMembers(state: StateReader): readonly Member[] {
  return (ids.get(state, ONLY) ?? []).flatMap(id => getMember(state, id) ?? [])
}

/** @throws VitalchainError `ERR_NOT_A_MEMBER` for an author that is none */
export function requireMember(state: StateReader, id: Uint8Array): Member {
  const member = getMember(state, id)
  if (member === undefined) throw new VitalchainError('ERR_NOT_A_MEMBER', 'only a member does this')
  return member
}

/**
 * The member that makes a call, which is counted.
 *
 * @throws VitalchainError `ERR_NOT_A_MEMBER`, or `ERR_CHANGES_IN_BLOCK` (retryable) for too many calls in one block
 */
export function requireCaller(state: State, id: Uint8Array, height: number): Member {
  const member = requireMember(state, id)
  const before = callsOfBlock.get(state, id)
  const count = (before?.height === height ? before.count : 0) + 1
  if (count > MEMBER_CALLS_PER_BLOCK_MAX) {
    throw new VitalchainError(
      'ERR_CHANGES_IN_BLOCK',
      `a member makes at most ${MEMBER_CALLS_PER_BLOCK_MAX} such calls in a block`,
      { retryable: true }
    )
  }
  callsOfBlock.put(state, id, { height, count })
  return member
}

/** The validator set of the next height. @throws VitalchainError `ERR_STATE` on a state without genesis */
export function currentValidators(state: StateReader): ValidatorSet {
  const set = validators.get(state, ONLY)
  if (set === undefined) throw new VitalchainError('ERR_STATE', 'the state holds no validator set')
  return set
}

/**
 * The validator set that certifies a height, of one that is not far past: the set is kept for {@link EVIDENCE_BLOCKS_MAX} blocks
 * after it changed, and the newest 1 000 are kept. spec M-5.
 *
 * @returns undefined for a height whose set may be forgotten
 */
export function validatorsAt(state: StateReader, height: number): ValidatorSet | undefined {
  const last = (pastHeights.get(state, ONLY) ?? []).find(each => each >= height)
  if (last === undefined) return currentValidators(state)
  const past = pastSets.get(state, u64be(last))
  return past === undefined || past.from > height ? undefined : past.validators
}

/** Writes the members that found the network. */
export function foundMembers(state: State, genesis: Genesis): void {
  for (const member of genesis.members) {
    const id = memberId(member.operatorKey)
    records.put(state, id, member)
    accounts.bind(state, id, member.operatorKey)
  }
  ids.put(
    state,
    ONLY,
    genesis.members.map(member => memberId(member.operatorKey))
  )
  writeValidators(state)
}

/**
 * Makes a newcomer the last member, from the next height on.
 *
 * @throws VitalchainError `ERR_CHANGES_IN_BLOCK` (retryable)
 */
export function addMember(state: State, member: GenesisMember, height: number): void {
  const id = memberId(member.operatorKey)
  records.put(state, id, member)
  accounts.bind(state, id, member.operatorKey)
  writeOrder(state, [...listMembers(state).map(each => each.id), id], height)
}

/**
 * Ends a membership with the next height. The former member's account is closed.
 *
 * @throws VitalchainError `ERR_CHANGES_IN_BLOCK` (retryable)
 */
export function removeMember(state: State, member: Member, height: number): void {
  records.delete(state, member.id)
  accounts.bind(state, member.id, member.operatorKey, [])
  writeOrder(
    state,
    listMembers(state).map(each => each.id),
    height
  )
}

/**
 * Gives a member other keys from the next height on; its identifier, name and place stay.
 *
 * @throws VitalchainError `ERR_CHANGES_IN_BLOCK` (retryable)
 */
export function replaceKeys(state: State, member: Member, keys: MemberKeys, height: number): void {
  records.put(state, member.id, { name: member.name, ...keys })
  accounts.bind(state, member.id, keys.operatorKey)
  writeOrder(
    state,
    listMembers(state).map(each => each.id),
    height
  )
}

/** Writes who is a member, and keeps the set that this block's height had. */
function writeOrder(state: State, order: readonly Uint8Array[], height: number): void {
  countChange(state, height)
  keepSet(state, height)
  ids.put(state, ONLY, order)
  writeValidators(state)
}

function writeValidators(state: State): void {
  validators.put(
    state,
    ONLY,
    listMembers(state).map(({ id, consensusKey, checkpointKey }) => ({
      member: id,
      consensusKey,
      checkpointKey
    }))
  )
}

/** At most f at once: those who must be honest before and after are almost the same. spec M-12 */
function countChange(state: State, height: number): void {
  const before = changesOfBlock.get(state, ONLY)
  const count = (before?.height === height ? before.count : 0) + 1
  const max = Math.max(1, faultTolerance((validatorsAt(state, height) ?? []).length))
  if (count > max) {
    throw new VitalchainError(
      'ERR_CHANGES_IN_BLOCK',
      `at most ${max} changes of members take effect in a block`,
      { retryable: true, values: { max } }
    )
  }
  changesOfBlock.put(state, ONLY, { height, count })
}

function keepSet(state: State, height: number): void {
  const heights = pastHeights.get(state, ONLY) ?? []
  const newest = heights.at(-1)
  if (newest === height) return
  pastSets.put(state, u64be(height), {
    from: (newest ?? 0) + 1,
    validators: currentValidators(state)
  })
  const all = [...heights, height]
  const kept = all.slice(-PAST_SETS_MAX).filter(each => each >= height - EVIDENCE_BLOCKS_MAX)
  for (const each of all.slice(0, all.length - kept.length)) pastSets.delete(state, u64be(each))
  pastHeights.put(state, ONLY, kept)
}
