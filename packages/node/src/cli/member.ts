import { ed25519PublicKey, toHex, VitalchainError } from '@vitalchain/core'
import {
  activateProtocol,
  approveChange,
  proposeChange,
  readyForChange,
  withdrawChange,
  type MemberOperator
} from '../dev/member-calls.ts'
import { EXIT, type CliIo } from './io.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { requireKey } from '../keys/keys-file.ts'
import {
  findChange,
  isInForce,
  openChange,
  readChange,
  requireMember,
  type ChangeFlags
} from './member-lookup.ts'
import { changeText, membersText, previewText, protocolText, short } from './member-text.ts'
import { inTime, openNode, say, type NodeFlags } from './own-node.ts'

/** Which command shows whether a change came after all. */
const SHOW = 'vitalchain member list'

/** Shows the members and what is to become of them. */
export async function memberListCommand(flags: NodeFlags, io: CliIo): Promise<number> {
  const { api } = await openNode(flags, io)
  const { text } = await api.members()
  say(io, flags, text, () => membersText(parseJson(text, '/v1/members')))
  return EXIT.ok
}

/** Shows what a change would do, and changes nothing. Exit code 1 when it would be refused even if forced. */
export async function memberPreviewCommand(
  flags: NodeFlags & ChangeFlags,
  io: CliIo
): Promise<number> {
  const { api } = await openNode(flags, io)
  const preview = await api.preview(await readChange(flags, await api.members()))
  say(io, flags, preview.json(), () => previewText(preview))
  return isRefused(preview, true) ? EXIT.failed : EXIT.ok
}

/** Proposes a change, after its preview; that counts as the own approval. */
export async function memberProposeCommand(
  flags: NodeFlags & ChangeFlags & { readonly force: boolean },
  io: CliIo
): Promise<number> {
  const { api, operator: load } = await openNode(flags, io)
  const operator = await load()
  const answer = await api.members()
  const change = await readChange(flags, answer)
  requireMember(answer, operator)
  const preview = await api.preview(change)
  if (!flags.json) for (const line of previewText(preview)) io.out(line)
  if (isRefused(preview, flags.force)) {
    const [first] = refusals(preview, flags.force)
    throw new VitalchainError(
      first?.field('code').text() ?? 'ERR_USAGE',
      first?.field('message').text() ?? 'the change is refused'
    )
  }
  const id = await inTime(flags, io, SHOW, signal =>
    proposeChange({ api, operator }, change, { forced: flags.force, signal })
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
  flags: NodeFlags,
  io: CliIo
): Promise<number> {
  return vote(name, flags, io, { done: 'Approved', gone: 'it is in force', act: approveChange })
}

/** Takes the own approval back; a change that nobody approves any more is void. */
export async function memberWithdrawCommand(
  name: string,
  flags: NodeFlags,
  io: CliIo
): Promise<number> {
  return vote(name, flags, io, { done: 'Withdrawn', gone: 'it is void', act: withdrawChange })
}

/** Says that this node, whose keys were approved, is up: from the next height on it votes. */
export async function memberReadyCommand(flags: NodeFlags, io: CliIo): Promise<number> {
  const { api, operator: load, secrets: read } = await openNode(flags, io)
  const [secrets, operator] = [await read(), await load()]
  const consensus = requireKey(secrets.consensus, 'consensus')
  const checkpoint = requireKey(secrets.checkpoint, 'checkpoint')
  const consensusPublicKey = ed25519PublicKey(consensus)
  if (isInForce(await api.members(), consensusPublicKey))
    throw new VitalchainError(
      'ERR_NOT_APPROVED',
      'the keys of this node are in force already: there is nothing to be ready for'
    )
  const id = await inTime(flags, io, SHOW, signal =>
    readyForChange({ api, operator }, { consensus, checkpoint, consensusPublicKey }, signal)
  )
  say(io, flags, JSON.stringify({ change: toHex(id) }), () => [
    'The keys of this node are in force. It votes from the next block on.'
  ])
  return EXIT.ok
}

/** Votes for a protocol version from a height on; a quorum of equal votes activates it. */
export async function memberActivateCommand(
  version: number,
  flags: NodeFlags & { readonly at: number },
  io: CliIo
): Promise<number> {
  const { api, operator: load } = await openNode(flags, io)
  const operator = await load()
  requireMember(await api.members(), operator)
  const activation = { version, height: flags.at }
  await inTime(flags, io, SHOW, signal => activateProtocol({ api, operator }, activation, signal))
  const { text } = await api.members()
  say(io, flags, JSON.stringify(activation), () => protocolText(parseJson(text, '/v1/members')))
  return EXIT.ok
}

async function vote(
  name: string,
  flags: NodeFlags,
  io: CliIo,
  {
    done,
    gone,
    act
  }: {
    readonly done: string
    /** What to say of a change that is not open any more. */
    readonly gone: string
    readonly act: (who: MemberOperator, change: Uint8Array, signal: AbortSignal) => Promise<void>
  }
): Promise<number> {
  const { api, operator: load } = await openNode(flags, io)
  const operator = await load()
  const before = await api.members()
  requireMember(before, operator)
  const change = findChange(before, name)
  await inTime(flags, io, SHOW, signal => act({ api, operator }, change.id, signal))
  const now = openChange(await api.members(), change.id)
  const id = toHex(change.id)
  say(io, flags, JSON.stringify({ change: id }), () => [
    `${done}:`,
    ...(now === undefined
      ? [`  ${short(id)}  ${change.type} ${change.name}: ${gone}`]
      : changeText(now))
  ])
  return EXIT.ok
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
