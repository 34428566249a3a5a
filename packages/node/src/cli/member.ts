import type { MemberChange } from '@vitalchain/contracts'
import {
  createSigner,
  ed25519PublicKey,
  equalBytes,
  isVitalchainError,
  memberId,
  toHex,
  useCryptoBackend,
  VitalchainError
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import {
  approveChange,
  proposeChange,
  readyForChange,
  withdrawChange,
  type MemberOperator
} from '../dev/member-calls.ts'
import { createNodeApi, type MembersAnswer, type NodeApi } from '../dev/node-api.ts'
import { EXIT, type CliIo } from './io.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { readMemberFile, requireKey } from './member-file.ts'
import { changeText, membersText, previewText, short } from './member-text.ts'
import { operatorToken, readNodeDir, type NodeSecrets } from './node-dir.ts'

/** Hexadecimal digits by which a change may be named at least. */
const PREFIX_MIN = 4

/** What all commands about members take. */
export interface MemberFlags {
  /** The data directory of the own node, which runs. */
  readonly dataDir: string
  /** Where its HTTP API is, when node.json does not say. */
  readonly url?: string
  readonly json: boolean
  /** How long to wait for what was asked, s. */
  readonly timeout: number
}

/** Which change is meant: one of the three. */
export interface ChangeFlags {
  /** The description of a newcomer: a file. */
  readonly add?: string
  /** A member's name or identifier. */
  readonly remove?: string
  /** The description of a member with its new keys: a file. */
  readonly replace?: string
}

/** Shows the members and what is to become of them. */
export async function memberListCommand(flags: MemberFlags, io: CliIo): Promise<number> {
  const { api } = await openNode(flags)
  const { text } = await api.members()
  say(io, flags, text, () => membersText(parseJson(text, '/v1/members')))
  return EXIT.ok
}

/** Shows what a change would do, and changes nothing. Exit code 1 when it would be refused even if forced. */
export async function memberPreviewCommand(
  flags: MemberFlags & ChangeFlags,
  io: CliIo
): Promise<number> {
  const { api } = await openNode(flags)
  const preview = await api.preview(await readChange(flags, await api.members()))
  say(io, flags, preview.json(), () => previewText(preview))
  return isRefused(preview, true) ? EXIT.failed : EXIT.ok
}

/** Proposes a change, after its preview; that counts as the own approval. */
export async function memberProposeCommand(
  flags: MemberFlags & ChangeFlags & { readonly force: boolean },
  io: CliIo
): Promise<number> {
  const { api, operator } = await openNode(flags)
  const change = await readChange(flags, await api.members())
  const preview = await api.preview(change)
  if (!flags.json) for (const line of previewText(preview)) io.out(line)
  if (isRefused(preview, flags.force)) {
    const [first] = refusals(preview, flags.force)
    throw new VitalchainError(
      first?.field('code').text() ?? 'ERR_USAGE',
      first?.field('message').text() ?? 'the change is refused'
    )
  }
  const id = await inTime(flags, io, signal =>
    proposeChange({ api, operator: operator() }, change, { forced: flags.force, signal })
  )
  say(io, flags, JSON.stringify({ change: toHex(id) }), () => [
    `Proposed as ${toHex(id)}. The others approve it with:`,
    `  vitalchain member approve ${short(toHex(id))} --data-dir DIR`
  ])
  return EXIT.ok
}

/** Approves an open change. */
export async function memberApproveCommand(
  name: string,
  flags: MemberFlags,
  io: CliIo
): Promise<number> {
  return vote(name, flags, io, { done: 'Approved', act: approveChange })
}

/** Takes the own approval back; a change that nobody approves any more is void. */
export async function memberWithdrawCommand(
  name: string,
  flags: MemberFlags,
  io: CliIo
): Promise<number> {
  return vote(name, flags, io, { done: 'Withdrawn', act: withdrawChange })
}

/** Says that this node, whose keys were approved, is up: from the next height on it votes. */
export async function memberReadyCommand(flags: MemberFlags, io: CliIo): Promise<number> {
  const { api, operator, secrets } = await openNode(flags)
  const consensus = requireKey(secrets.consensus, 'consensus')
  const checkpoint = requireKey(secrets.checkpoint, 'checkpoint')
  const consensusPublicKey = ed25519PublicKey(consensus)
  const id = await inTime(flags, io, signal =>
    readyForChange(
      { api, operator: operator() },
      { consensus, checkpoint, consensusPublicKey },
      signal
    )
  )
  say(io, flags, JSON.stringify({ change: toHex(id) }), () => [
    'The keys of this node are in force. It votes from the next block on.'
  ])
  return EXIT.ok
}

async function vote(
  name: string,
  flags: MemberFlags,
  io: CliIo,
  {
    done,
    act
  }: {
    readonly done: string
    readonly act: (who: MemberOperator, change: Uint8Array, signal: AbortSignal) => Promise<void>
  }
): Promise<number> {
  const { api, operator } = await openNode(flags)
  const { id, text } = findChange(await api.members(), name)
  await inTime(flags, io, signal => act({ api, operator: operator() }, id, signal))
  say(io, flags, JSON.stringify({ change: toHex(id) }), () => [`${done}:`, ...changeText(text)])
  return EXIT.ok
}

interface OwnNode {
  readonly api: NodeApi
  readonly secrets: NodeSecrets
  readonly operator: () => MemberOperator['operator']
}

async function openNode({ dataDir, url }: MemberFlags): Promise<OwnNode> {
  useCryptoBackend(nodeCryptoBackend)
  const { config, secrets } = await readNodeDir(dataDir)
  const { host, port } = config.http
  if (url === undefined && port === 0)
    throw new VitalchainError(
      'ERR_USAGE',
      'node.json leaves the port of the HTTP API open: say --url'
    )
  return {
    api: createNodeApi(url ?? `http://${host}:${port}`, await operatorToken(dataDir)),
    secrets,
    operator: () => createSigner('ed25519', requireKey(secrets.operator, 'operator'))
  }
}

async function readChange(
  { add, remove, replace }: ChangeFlags,
  { members }: MembersAnswer
): Promise<MemberChange> {
  const given = [add, remove, replace].filter(each => each !== undefined)
  if (given.length !== 1)
    throw new VitalchainError('ERR_USAGE', 'say one of --add, --remove and --replace')
  if (add !== undefined) return { type: 'add', member: await readMemberFile(add) }
  if (replace !== undefined) {
    const { name, ...keys } = await readMemberFile(replace)
    const own = memberId(keys.operatorKey)
    // The operator's key may be one of the new ones: then the name tells whose.
    const member =
      members.find(({ operatorKey }) => equalBytes(operatorKey, keys.operatorKey.bytes)) ??
      members.find(each => each.name === name || equalBytes(each.id, own))
    if (member === undefined) throw unknownMember(name)
    return { type: 'replace', member: member.id, keys }
  }
  const named = remove ?? ''
  const member =
    members.find(({ name }) => name === named) ?? members.find(({ id }) => toHex(id) === named)
  if (member === undefined) throw unknownMember(named)
  return { type: 'remove', member: member.id }
}

function unknownMember(name: string): VitalchainError {
  return new VitalchainError('ERR_UNKNOWN_MEMBER', `there is no member "${name}"`)
}

/** The open change whose identifier begins so. */
function findChange(
  { changes, text }: MembersAnswer,
  name: string
): { readonly id: Uint8Array; readonly text: JsonReader } {
  const prefix = name.toLowerCase()
  const found = changes.filter(({ id }) => toHex(id).startsWith(prefix))
  if (prefix.length < PREFIX_MIN || found.length > 1)
    throw new VitalchainError('ERR_USAGE', `"${name}" does not name one change: give more of it`)
  const [change] = found
  const json = parseJson(text, '/v1/members')
    .field('changes')
    .list()
    .find(each => change !== undefined && each.field('id').text() === toHex(change.id))
  if (change === undefined || json === undefined)
    throw new VitalchainError('ERR_CHANGE_UNKNOWN', `no change ${name} is open`)
  return { id: change.id, text: json }
}

function refusals(preview: JsonReader, forced: boolean): readonly JsonReader[] {
  return preview
    .field('refusals')
    .list()
    .filter(each => !(forced && each.field('forcible').boolean()))
}

function isRefused(preview: JsonReader, forced: boolean): boolean {
  return refusals(preview, forced).length > 0
}

/** Waits for as long as the caller allows. */
async function inTime<T>(
  { timeout }: MemberFlags,
  io: CliIo,
  act: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const late = AbortSignal.timeout(timeout * 1_000)
  try {
    return await act(AbortSignal.any([io.stop, late]))
  } catch (cause) {
    if (isVitalchainError(cause) || (!late.aborted && !io.stop.aborted)) throw cause
    throw new VitalchainError(
      'ERR_TIMEOUT',
      late.aborted
        ? `not committed within ${timeout} s; it may be later: vitalchain member list shows it`
        : 'interrupted; it may be committed all the same: vitalchain member list shows it',
      { cause, retryable: true }
    )
  }
}

function say(
  io: CliIo,
  { json }: MemberFlags,
  answer: string,
  lines: () => readonly string[]
): void {
  for (const line of json ? [answer] : lines()) io.out(line)
}
