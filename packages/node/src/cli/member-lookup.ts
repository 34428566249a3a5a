import type { MemberChange } from '@vitalchain/contracts'
import { equalBytes, memberId, toHex, VitalchainError, type Signer } from '@vitalchain/core'
import type { MembersAnswer } from '../dev/node-api.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { readPartFile } from '../genesis/member-json.ts'

/** Hexadecimal digits by which a change may be named at least. */
const PREFIX_MIN = 4
const CHANGE_NAME = new RegExp(`^[0-9a-f]{${PREFIX_MIN},64}$`)

/** An identifier of a member, or as much of it as `member list` shows. */
const MEMBER_ID = /^[0-9a-f]{12,64}$/

/** Which change is meant: one of the three. */
export interface ChangeFlags {
  /** The description of a newcomer: a file. */
  readonly add?: string
  /** A member's name or identifier. */
  readonly remove?: string
  /** The description of a member with its new keys: a file. */
  readonly replace?: string
}

/**
 * The change that the flags mean.
 *
 * @throws VitalchainError `ERR_USAGE` unless there is one, `ERR_FILE`, `ERR_MEMBER_PART`, `ERR_UNKNOWN_MEMBER`
 */
export async function readChange(
  { add, remove, replace }: ChangeFlags,
  { members }: MembersAnswer
): Promise<MemberChange> {
  const given = [add, remove, replace].filter(each => each !== undefined)
  if (given.length !== 1)
    throw new VitalchainError('ERR_USAGE', 'say one of --add, --remove and --replace')
  if (add !== undefined) return { type: 'add', member: (await readPartFile(add)).member }
  if (replace !== undefined) {
    const { name, ...keys } = (await readPartFile(replace)).member
    const own = memberId(keys.operatorKey)
    // The operator's key may be one of the new ones: then the name tells whose.
    const member =
      members.find(({ operatorKey }) => equalBytes(operatorKey, keys.operatorKey.bytes)) ??
      members.find(each => each.name === name || equalBytes(each.id, own))
    if (member === undefined) throw unknownMember(name)
    return { type: 'replace', member: member.id, keys }
  }
  const named = remove ?? ''
  const byId = MEMBER_ID.test(named) ? members.filter(({ id }) => toHex(id).startsWith(named)) : []
  const member =
    members.find(({ name }) => name === named) ?? (byId.length === 1 ? byId[0] : undefined)
  if (member === undefined) throw unknownMember(named)
  return { type: 'remove', member: member.id }
}

function unknownMember(name: string): VitalchainError {
  return new VitalchainError('ERR_UNKNOWN_MEMBER', `there is no member "${name}"`)
}

/**
 * The open change that a person names: by the beginning of its identifier, or by the member that it is about.
 *
 * @throws VitalchainError `ERR_USAGE`, `ERR_CHANGE_UNKNOWN`
 */
export function findChange(
  { changes }: MembersAnswer,
  name: string
): MembersAnswer['changes'][number] {
  const prefix = name.toLowerCase()
  const named = changes.filter(each => each.name === name)
  if (named.length === 0 && !CHANGE_NAME.test(prefix))
    throw new VitalchainError(
      'ERR_USAGE',
      `no open change is about "${name}": give its member's name, or ${PREFIX_MIN} or more hexadecimal digits of it`
    )
  const found = named.length > 0 ? named : changes.filter(({ id }) => toHex(id).startsWith(prefix))
  if (found.length > 1)
    throw new VitalchainError('ERR_USAGE', `"${name}" names several changes: give more of it`)
  const [change] = found
  if (change === undefined)
    throw new VitalchainError('ERR_CHANGE_UNKNOWN', `no change ${name} is open`)
  return change
}

/** An open change as the node tells it; undefined when it is not open any more. */
export function openChange({ text }: MembersAnswer, id: Uint8Array): JsonReader | undefined {
  const changes = parseJson(text, '/v1/members').field('changes').list()
  return changes.find(each => each.field('id').text() === toHex(id))
}

/**
 * Refuses what would only run out of time: a call through a node that the others do not hear, or by nobody's operator.
 *
 * @throws VitalchainError `ERR_NOT_A_MEMBER`
 */
export function requireMember({ members, text }: MembersAnswer, { publicKey }: Signer): void {
  const membership = parseJson(text, '/v1/members').field('membership').text()
  if (membership !== 'member' && membership !== 'approved')
    throw new VitalchainError(
      'ERR_NOT_A_MEMBER',
      `this node is no member (${membership}): members change through the node of a member`
    )
  if (!members.some(({ operatorKey }) => equalBytes(operatorKey, publicKey.bytes)))
    throw new VitalchainError('ERR_NOT_A_MEMBER', "the operator's key of this node is no member's")
}

/** Whether this consensus key, the node's own, is in force. */
export function isInForce({ text }: MembersAnswer, consensusKey: Uint8Array): boolean {
  const answer = parseJson(text, '/v1/members')
  const key = toHex(consensusKey)
  return (
    answer.field('membership').text() === 'member' &&
    answer
      .field('members')
      .list()
      .some(each => each.field('consensusKey').text() === key)
  )
}
