import { fingerprintOf } from '../genesis/network-file.ts'
import { EXIT, type CliIo } from './io.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { columns, short } from './member-text.ts'
import { openNode, say, type NodeFlags } from './own-node.ts'
import { isoTime } from './proven-text.ts'

/** Shows where the own node stands. @throws VitalchainError as `openNode`, `ERR_UNREACHABLE` */
export async function statusCommand(flags: NodeFlags, io: CliIo): Promise<number> {
  const { api } = await openNode(flags, io)
  const text = await api.text('/v1/status')
  say(io, flags, text, () => statusText(parseJson(text, '/v1/status')))
  return EXIT.ok
}

function statusText(status: JsonReader): readonly string[] {
  const names = (field: string): string =>
    (status.optional(field)?.list() ?? []).map(each => each.text()).join(', ') || '-'
  const missing = status.field('payloadsMissing').integer()
  const votes = status.field('votes').boolean() ? 'votes' : 'does not vote'
  const name = status.optional('name')?.text() ?? 'no member'
  const rows: readonly (readonly [string, string])[] = [
    ['node', `${name} (${status.field('membership').text()}, ${votes})`],
    ['network', status.field('network').text()],
    ['fingerprint', fingerprintOf(status.field('network').text())],
    ['peer', status.field('peer').text()],
    ['height', `${status.field('height').integer()}  ${short(status.field('head').text())}`],
    [
      'view',
      `${status.field('view').integer()}, led by ${status.optional('leader')?.text() ?? 'nobody'}`
    ],
    ['links', names('links')],
    ['kept out', names('banned')],
    [
      'transactions',
      `${status.field('transactions').integer()}, ${status.field('waiting').integer()} wait`
    ],
    ['payloads missing', missing < MISSING_SHOWN_MAX ? String(missing) : `${missing} or more`],
    ['device sessions', String(status.field('deviceSessions').integer())],
    ['checkpoint', String(status.field('checkpoint').integer())],
    ...restored(status),
    ...fault(status)
  ]
  return columns(rows)
}

/** As many missing payloads as a node counts. */
const MISSING_SHOWN_MAX = 64

function restored(status: JsonReader): readonly (readonly [string, string])[] {
  const found = status.optional('restored')
  if (found === undefined) return []
  const resumedAt = found.optional('resumedAt')?.integer()
  const lost = resumedAt === undefined ? '' : ` above block ${resumedAt}`
  const from = `from a backup of ${isoTime(found.field('taken').integer())}, to block ${found.field('height').integer()}`
  return [['restored', `${found.field('state').text()}${lost}; ${from}`]]
}

function fault(status: JsonReader): readonly (readonly [string, string])[] {
  const code = status.optional('checkpointFault')?.text()
  return code === undefined ? [] : [['checkpoint fault', code]]
}
