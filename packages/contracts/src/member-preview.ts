import {
  checkPublicKey,
  faultTolerance,
  isVitalchainError,
  quorum,
  toHex,
  VALIDATORS_MAX,
  VALIDATORS_SAFE_MIN,
  type Genesis,
  type PublicKey
} from '@vitalchain/core'
import type { StateReader } from './contract.ts'
import type { MemberChange } from './member-changes.ts'
import { evidenceAgainst } from './member-evidence.ts'
import { exclude, keysOf, namedKeys, openRecords, subjectOf } from './member-open.ts'
import {
  ed25519Key,
  getMember,
  listMembers,
  type Member,
  type MemberKeys
} from './member-records.ts'

/** What a number of validators means for the network. */
export interface Strength {
  readonly validators: number
  /** How many of them may fail in any way, lying included. */
  readonly faults: number
  /** How many votes decide. */
  readonly quorum: number
}

/** Why a change cannot be made, or can only be forced. */
export interface ChangeRefusal {
  /** A code of docs/errors.md. */
  readonly code: string
  readonly message: string
  /** Whether a change that was proposed as forced is taken in spite of it. */
  readonly forcible: boolean
}

/** What people should know before they approve. */
export interface ChangeWarning {
  readonly code: 'quorum-grows' | 'fewer-may-be-away' | 'evidence'
  readonly message: string
}

/** What a change would do to the network. */
export interface ChangePreview {
  readonly before: Strength
  readonly after: Strength
  readonly refusals: readonly ChangeRefusal[]
  readonly warnings: readonly ChangeWarning[]
}

/**
 * What a change would do if it took effect now. The rules refuse with the first refusal that is not forced. spec M-8.
 *
 * @param self - the identifier of the change if it is open already: it does not stand in its own way
 */
export function previewChange(
  state: StateReader,
  genesis: Genesis,
  change: MemberChange,
  self?: Uint8Array
): ChangePreview {
  const members = listMembers(state)
  const before = strength(members.length)
  const member = getMember(state, subjectOf(change))
  const after = strength(before.validators + difference(change, member))
  return {
    before,
    after,
    refusals: [
      ...identityRefusals(members, change, member),
      ...keyRefusals(members, genesis, change),
      ...openRefusals(state, change, self),
      ...strengthRefusals(genesis, before, after)
    ],
    warnings: [...strengthWarnings(before, after), ...evidenceWarnings(state, change)]
  }
}

function strength(validators: number): Strength {
  // A set without members has no quorum; it is refused in any case.
  if (validators === 0) return { validators, faults: 0, quorum: 0 }
  return { validators, faults: faultTolerance(validators), quorum: quorum(validators) }
}

function difference(change: MemberChange, member: Member | undefined): number {
  if (change.type === 'add') return member === undefined ? 1 : 0
  return change.type === 'remove' && member !== undefined ? -1 : 0
}

function* identityRefusals(
  members: readonly Member[],
  change: MemberChange,
  member: Member | undefined
): Generator<ChangeRefusal> {
  if (change.type !== 'add') {
    if (member === undefined) yield never('ERR_UNKNOWN_MEMBER', 'there is no such member')
    else if (change.type === 'replace' && equalNames(member, change.keys))
      yield never('ERR_NOTHING_CHANGES', 'these are the keys that the member has')
    return
  }
  if (member !== undefined)
    yield never('ERR_MEMBER_EXISTS', `the operator's key is that of ${member.name}, a member`)
  if (members.some(each => each.name === change.member.name))
    yield never('ERR_NAME_TAKEN', 'another member has this name')
}

function equalNames(one: MemberKeys, other: MemberKeys): boolean {
  return namedKeys(one).join() === namedKeys(other).join()
}

/** A key has one holder and one purpose. A member may keep a key in its place. */
function* keyRefusals(
  members: readonly Member[],
  genesis: Genesis,
  change: MemberChange
): Generator<ChangeRefusal> {
  const keys = keysOf(change)
  if (keys === undefined) return
  const subject = toHex(subjectOf(change))
  const holders = new Map<string, string>()
  for (const key of genesis.recovery.keys) holders.set(toHex(key.bytes), 'recovery')
  for (const member of members)
    for (const [purpose, key] of namedKeys(member))
      holders.set(key, `${purpose} ${toHex(member.id)}`)
  const isFree = (purpose: string, key: string): boolean => {
    const holder = holders.get(key)
    holders.set(key, 'this change')
    return holder === undefined || holder === `${purpose} ${subject}`
  }
  for (const [purpose, key] of namedKeys(keys)) {
    if (!isFree(purpose, key))
      yield never('ERR_KEY_TAKEN', `the ${purpose} key is in use, or named for two purposes`)
  }
  const raw = [keys.consensusKey, keys.checkpointKey, keys.transportKey]
  const all = [keys.operatorKey, ...raw.map(ed25519Key)]
  if (!all.every(isKey)) yield never('ERR_KEY_INVALID', 'one of the keys is not acceptable')
}

function isKey(key: PublicKey): boolean {
  try {
    checkPublicKey(key)
    return true
  } catch (error) {
    if (isVitalchainError(error)) return false
    throw error
  }
}

/** An approved change holds its member, name and keys, so that nothing can come between approval and READY. */
function* openRefusals(
  state: StateReader,
  change: MemberChange,
  self: Uint8Array | undefined
): Generator<ChangeRefusal> {
  // Members whose approved new keys never come must be removable.
  if (change.type === 'remove') return
  const own = self === undefined ? undefined : toHex(self)
  const isInTheWay = openRecords(state).some(
    each => each.approved && toHex(each.id) !== own && exclude(each.change, change)
  )
  if (isInTheWay)
    yield never('ERR_CHANGE_OPEN', 'an approved change has the same member, name or keys')
}

function* strengthRefusals(
  genesis: Genesis,
  before: Strength,
  after: Strength
): Generator<ChangeRefusal> {
  if (after.validators > VALIDATORS_MAX)
    yield never('ERR_TOO_MANY_MEMBERS', `a network has at most ${VALIDATORS_MAX} members`)
  if (after.validators >= before.validators) return
  const isSmall = after.validators < VALIDATORS_SAFE_MIN
  if (after.validators === 0 || (isSmall && !genesis.parameters.unsafeSmallNetwork)) {
    yield {
      code: 'ERR_TOO_FEW_MEMBERS',
      message: `${after.validators} members tolerate no fault; ${VALIDATORS_SAFE_MIN} are needed`,
      forcible: after.validators > 0
    }
  }
  if (after.faults < before.faults) {
    yield {
      code: 'ERR_FAULTS_FALL',
      message: `${after.faults} faulty members would be tolerated instead of ${before.faults}`,
      forcible: true
    }
  }
}

function* strengthWarnings(before: Strength, after: Strength): Generator<ChangeWarning> {
  if (after.quorum > before.quorum && after.faults <= before.faults) {
    yield {
      code: 'quorum-grows',
      message: `${after.quorum} votes would decide instead of ${before.quorum}, and no more faults would be tolerated`
    }
  }
  const [may, might] = [before.validators - before.quorum, after.validators - after.quorum]
  if (might < may) {
    yield {
      code: 'fewer-may-be-away',
      message: `the number of members that may be away falls from ${may} to ${might}`
    }
  }
}

function* evidenceWarnings(state: StateReader, change: MemberChange): Generator<ChangeWarning> {
  if (change.type === 'remove') return
  const { count } = evidenceAgainst(state, subjectOf(change))
  if (count > 0)
    yield { code: 'evidence', message: `${count} proofs of false votes stand against this member` }
}

function never(code: string, message: string): ChangeRefusal {
  return { code, message, forcible: false }
}
