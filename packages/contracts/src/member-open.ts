import {
  boolean,
  equalBytes,
  hash32,
  list,
  memberId,
  quorum,
  toHex,
  tuple,
  uint,
  VALIDATORS_MAX,
  VitalchainError,
  type Codec
} from '@vitalchain/core'
import { accounts } from './accounts.ts'
import type { State, StateReader } from './contract.ts'
import { changeCodec, CHANGES_MAX, type MemberChange, type OpenChange } from './member-changes.ts'
import { getMember, listMembers, ONLY, type Member, type MemberKeys } from './member-records.ts'
import { table, type Table } from './table.ts'

/** An open change as the state has it. */
export interface ChangeRecord {
  readonly change: MemberChange
  readonly forced: boolean
  readonly proposer: Uint8Array
  readonly proposedHeight: number
  /** Block time, ms since 1970. */
  readonly expires: number
  readonly approvals: readonly Uint8Array[]
  readonly approved: boolean
}

/** A record with its identifier. */
export interface IdentifiedChange extends ChangeRecord {
  readonly id: Uint8Array
}

const recordCodec: Codec<ChangeRecord> = tuple({
  change: changeCodec,
  forced: boolean,
  proposer: hash32,
  proposedHeight: uint(),
  expires: uint(),
  approvals: list(hash32, VALIDATORS_MAX),
  approved: boolean
})

const records: Table<ChangeRecord> = table('members', 'change', recordCodec)
const ids: Table<readonly Uint8Array[]> = table('members', 'changes', list(hash32, CHANGES_MAX))

/**
 * The changes that were proposed and have not taken effect, oldest first. One whose term is over stays among them until the next
 * change of members is proposed or voted on; nothing can be done with it.
 */
export function listChanges(state: StateReader): readonly OpenChange[] {
  const needed = quorum(listMembers(state).length)
  return openRecords(state).map(({ approved, ...record }) => ({
    ...record,
    needed,
    status: approved ? 'approved' : 'proposed'
  }))
}

/**
 * Who may follow the ledger as a member does, but not vote: approved newcomers, and members with approved new keys, with those keys.
 */
export function candidates(state: StateReader): readonly Member[] {
  return openRecords(state).flatMap(({ change, approved }) => {
    if (!approved || change.type === 'remove') return []
    if (change.type === 'add') return { id: subjectOf(change), ...change.member }
    const member = getMember(state, change.member)
    return member === undefined ? [] : { ...member, ...change.keys }
  })
}

/** The open changes as the state has them, oldest first. */
export function openRecords(state: StateReader): readonly IdentifiedChange[] {
  return (ids.get(state, ONLY) ?? []).flatMap(id => {
    const record = records.get(state, id)
    return record === undefined ? [] : { id, ...record }
  })
}

/** @throws VitalchainError `ERR_CHANGE_UNKNOWN` for a change that is not open, or not any more */
export function requireOpen(state: StateReader, id: Uint8Array): IdentifiedChange {
  const record = records.get(state, id)
  if (record === undefined) {
    throw new VitalchainError('ERR_CHANGE_UNKNOWN', 'no such change of members is open', {
      values: { change: toHex(id) }
    })
  }
  return { id, ...record }
}

/** Writes an open change. The account of a newcomer is as open as its change is. */
export function putOpen(state: State, { id, ...record }: IdentifiedChange): void {
  const known = ids.get(state, ONLY) ?? []
  const before = records.get(state, id)
  if (before === undefined) ids.put(state, ONLY, [...known, id])
  records.put(state, id, record)
  const { change, approved } = record
  if (change.type === 'add' && approved !== (before?.approved ?? false))
    accounts.bind(state, subjectOf(change), change.member.operatorKey, approved ? READY_ONLY : [])
}

/** Takes a change off the open ones. The account of a newcomer whose change was approved is closed with it. */
export function closeOpen(state: State, { id, change, approved }: IdentifiedChange): void {
  records.delete(state, id)
  ids.put(
    state,
    ONLY,
    (ids.get(state, ONLY) ?? []).filter(each => !equalBytes(each, id))
  )
  if (change.type === 'add' && approved)
    accounts.bind(state, subjectOf(change), change.member.operatorKey, [])
}

/** The only method of an approved newcomer. */
const READY_ONLY: readonly string[] = ['members.ready']

/** Takes off the changes whose term is over at a block's time. spec M-11 */
export function closeExpired(state: State, time: number): void {
  for (const record of openRecords(state)) if (record.expires <= time) closeOpen(state, record)
}

/** Writes an open change with fewer approvals: without any it is closed, without a quorum it is not approved any more. spec M-11 */
export function putFewerApprovals(
  state: State,
  record: IdentifiedChange,
  approvals: readonly Uint8Array[]
): void {
  if (approvals.length === 0) closeOpen(state, record)
  else
    putOpen(state, {
      ...record,
      approvals,
      approved: record.approved && isQuorum(state, approvals)
    })
}

/** Takes the approvals of a former member off all open changes: they do not come back with it either. spec M-6 */
export function dropApprovals(state: State, member: Uint8Array): void {
  for (const record of openRecords(state)) {
    const approvals = record.approvals.filter(each => !equalBytes(each, member))
    if (approvals.length < record.approvals.length) putFewerApprovals(state, record, approvals)
  }
}

/** Whether so many approvals of members are those of a quorum of all of them. */
export function isQuorum(state: StateReader, approvals: readonly Uint8Array[]): boolean {
  return approvals.length >= quorum(listMembers(state).length)
}

/** The member that a change is about. */
export function subjectOf(change: MemberChange): Uint8Array {
  return change.type === 'add' ? memberId(change.member.operatorKey) : change.member
}

/** The keys that a change brings. */
export function keysOf(change: MemberChange): MemberKeys | undefined {
  if (change.type === 'remove') return undefined
  return change.type === 'add' ? change.member : change.keys
}

/** The bytes of the four keys, as names, with their purpose. */
export function namedKeys(keys: MemberKeys): readonly (readonly [purpose: string, key: string])[] {
  return [
    ['operator', toHex(keys.operatorKey.bytes)],
    ['consensus', toHex(keys.consensusKey)],
    ['checkpoint', toHex(keys.checkpointKey)],
    ['transport', toHex(keys.transportKey)]
  ]
}

/** Whether only one of two changes can take effect: they are about one member, one name, or bring one key. */
export function exclude(one: MemberChange, other: MemberChange): boolean {
  if (equalBytes(subjectOf(one), subjectOf(other))) return true
  if (one.type === 'add' && other.type === 'add' && one.member.name === other.member.name)
    return true
  const [keys, others] = [keysOf(one), keysOf(other)]
  if (keys === undefined || others === undefined) return false
  const names = new Set(namedKeys(keys).map(([, key]) => key))
  return namedKeys(others).some(([, key]) => names.has(key))
}
