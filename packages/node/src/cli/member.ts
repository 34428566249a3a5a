import {
  createSigner,
  ed25519PublicKey,
  isVitalchainError,
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
import { createNodeApi, type NodeApi } from '../dev/node-api.ts'
import { EXIT, type CliIo } from './io.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { requireKey } from './member-file.ts'
import {
  findChange,
  isInForce,
  openChange,
  readChange,
  requireMember,
  type ChangeFlags
} from './member-lookup.ts'
import { changeText, membersText, previewText, short } from './member-text.ts'
import { operatorToken, readNodeDir, type NodeSecrets } from './node-dir.ts'

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
  const answer = await api.members()
  const change = await readChange(flags, answer)
  requireMember(answer, operator())
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
  return vote(name, flags, io, { done: 'Approved', gone: 'it is in force', act: approveChange })
}

/** Takes the own approval back; a change that nobody approves any more is void. */
export async function memberWithdrawCommand(
  name: string,
  flags: MemberFlags,
  io: CliIo
): Promise<number> {
  return vote(name, flags, io, { done: 'Withdrawn', gone: 'it is void', act: withdrawChange })
}

/** Says that this node, whose keys were approved, is up: from the next height on it votes. */
export async function memberReadyCommand(flags: MemberFlags, io: CliIo): Promise<number> {
  const { api, operator, secrets } = await openNode(flags)
  const consensus = requireKey(secrets.consensus, 'consensus')
  const checkpoint = requireKey(secrets.checkpoint, 'checkpoint')
  const consensusPublicKey = ed25519PublicKey(consensus)
  if (isInForce(await api.members(), consensusPublicKey))
    throw new VitalchainError(
      'ERR_NOT_APPROVED',
      'the keys of this node are in force already: there is nothing to be ready for'
    )
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
    gone,
    act
  }: {
    readonly done: string
    /** What to say of a change that is not open any more. */
    readonly gone: string
    readonly act: (who: MemberOperator, change: Uint8Array, signal: AbortSignal) => Promise<void>
  }
): Promise<number> {
  const { api, operator } = await openNode(flags)
  const before = await api.members()
  requireMember(before, operator())
  const change = findChange(before, name)
  await inTime(flags, io, signal => act({ api, operator: operator() }, change.id, signal))
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
