import { VitalchainError } from '@vitalchain/core'
import { refusal } from '../dev/node-api.ts'
import { EXIT, printable, type CliIo } from './io.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { adminUrl } from './own-node.ts'

/** How long the administration may take to answer, ms. */
const ANSWER_MS = 10_000

/** What all commands about tokens take. */
export interface TokenFlags {
  readonly dataDir: string
  readonly url?: string
  readonly json: boolean
}

/** What `vitalchain token create` takes. */
export interface TokenCreateOptions extends TokenFlags {
  readonly role: string
  readonly days?: number
}

/** Makes a token and shows it. @returns the exit code. @throws VitalchainError `ERR_NAME_TAKEN`, `ERR_SCHEMA`, `ERR_UNREACHABLE` */
export async function tokenCreateCommand(
  name: string,
  { role, days, ...flags }: TokenCreateOptions,
  io: CliIo
): Promise<number> {
  const made = await ask(flags, 'POST', '/admin/tokens', {
    name,
    role,
    ...(days === undefined ? {} : { days })
  })
  if (flags.json) io.out(made.json())
  else {
    io.out(made.field('token').text())
    io.err(
      `token ${made.field('id').text()} for ${printable(name)}: ${role}. It is shown this once.`
    )
  }
  return EXIT.ok
}

/** Lists the tokens that were given out. @returns the exit code. @throws VitalchainError `ERR_UNREACHABLE` */
export async function tokenListCommand(flags: TokenFlags, io: CliIo): Promise<number> {
  const tokens = (await ask(flags, 'GET', '/admin/tokens')).field('tokens')
  if (flags.json) io.out(tokens.json())
  else for (const each of tokens.list()) io.out(line(each))
  return EXIT.ok
}

/** Takes a token back. @returns the exit code. @throws VitalchainError `ERR_NOT_FOUND`, `ERR_UNREACHABLE` */
export async function tokenRevokeCommand(
  id: string,
  flags: TokenFlags,
  io: CliIo
): Promise<number> {
  if (!/^[0-9a-f]{16}$/.test(id))
    throw new VitalchainError('ERR_USAGE', 'a token is named by the 16 digits that the list shows')
  await ask(flags, 'DELETE', `/admin/tokens/${id}`)
  io.out(flags.json ? JSON.stringify({ id, revoked: true }) : `token ${id} opens nothing any more`)
  return EXIT.ok
}

function line(token: JsonReader): string {
  const expires = token.optional('expires')?.integer()
  const until = expires === undefined ? 'until revoked' : `until ${day(expires)}`
  const [id, role, name] = ['id', 'role', 'name'].map(field => token.field(field).text())
  return `${id}  ${role?.padEnd(8)}  since ${day(token.field('created').integer())}  ${until}  ${printable(name ?? '')}`
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** Asks the administration of a running node. @throws VitalchainError with the code of the refusal, `ERR_UNREACHABLE` */
async function ask(
  node: Pick<TokenFlags, 'dataDir' | 'url'>,
  method: string,
  path: string,
  body?: object
): Promise<JsonReader> {
  const { url: base, token } = await adminUrl(node)
  const response = await fetch(new URL(path, base), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS)
  }).catch((cause: unknown) => {
    throw new VitalchainError('ERR_UNREACHABLE', `nothing answers at ${base}`, {
      cause,
      retryable: true
    })
  })
  const text = await response.text()
  if (!response.ok) throw refusal(text, path)
  return parseJson(text === '' ? '{}' : text, path)
}
