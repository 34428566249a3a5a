import { randomBytes } from 'node:crypto'
import { sha256, toHex, utf8, VitalchainError } from '@vitalchain/core'
import { Type, type TSchema } from 'typebox'
import { isRole, ROLES, type Role } from './roles.ts'
import { nullable, oneOf, timeSchema } from './schemas.ts'

/** Tokens at once: people and programs of one hospital. */
export const ROLE_TOKENS_MAX: number = 256

/** Characters of a token's name. */
export const TOKEN_NAME_MAX: number = 64

/** The longest that a token may be good, days: ten years. */
export const TOKEN_DAYS_MAX: number = 3_650

const TOKEN_BYTES = 32
const DAY_MS = 24 * 60 * 60 * 1_000
const FORMAT = 'vitalchain-tokens/1'

/** A token as its list has it: never the token itself. */
export interface RoleToken {
  /** The first 16 hexadecimal digits of its hash. */
  readonly id: string
  readonly name: string
  readonly role: Role
  /** ms since 1970 */
  readonly created: number
  /** ms since 1970; null for one that is good until it is taken back. */
  readonly expires: number | null
}

/** The schema of a {@link RoleToken}. */
export const ROLE_TOKEN_SCHEMA: TSchema = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  name: Type.String({ maxLength: TOKEN_NAME_MAX }),
  role: oneOf(ROLES),
  created: timeSchema('When it was made'),
  expires: nullable(timeSchema('When it ends'))
})

/** Where tokens are kept between starts. */
export interface TokenFile {
  /** The text that was written last; undefined when there was none. */
  readonly text: string | undefined
  /** Resolves when the text is durable. */
  write(text: string): Promise<void>
}

/** What a token opens now. */
export interface FoundToken {
  readonly role: Role
  readonly name: string
  /** Aborts when the token is taken back. */
  readonly revoked?: AbortSignal
  /** How long it is good, ms; undefined until it is taken back. */
  readonly goodMs?: number | undefined
}

/** Bearer tokens with roles, which an operator gives out and takes back. Kept as hashes: the file opens nothing. */
export interface RoleTokens {
  /** Who a token was given to; undefined for one that is unknown, over or taken back. */
  find(token: string): FoundToken | undefined
  /** Those that were given out and not taken back, also when they are over. */
  list(): readonly RoleToken[]
  /**
   * Makes a token. It is told once.
   *
   * @throws VitalchainError `ERR_BUSY` at the limit, `ERR_NAME_TAKEN`; an error of the file
   */
  create(options: {
    readonly name: string
    readonly role: Role
    readonly days?: number
  }): Promise<RoleToken & { readonly token: string }>
  /** Takes a token back. @returns whether there was one */
  revoke(id: string): Promise<boolean>
}

/** A token with its hash, as the file has it. */
interface Kept extends RoleToken {
  readonly hash: string
}

/**
 * Opens the tokens of a node. Without a file they last until the process ends.
 *
 * @throws VitalchainError `ERR_FILE` for a file that was not written so
 */
export function createRoleTokens(now: () => number, file?: TokenFile): RoleTokens {
  const kept = new Map<string, Kept>()
  for (const each of readTokens(file?.text)) kept.set(each.hash, each)
  /** For those that were shown, so never more than there are tokens. */
  const revoking = new Map<string, AbortController>()
  // One change after the other: the last one that is written is the newest.
  let writing = Promise.resolve()

  function save(): Promise<void> {
    const written = writing.then(() =>
      file?.write(`${JSON.stringify({ format: FORMAT, tokens: [...kept.values()] }, null, 2)}\n`)
    )
    writing = written.catch(() => undefined)
    return written
  }

  return {
    find(token) {
      const hash = hashOf(token)
      const found = kept.get(hash)
      if (found === undefined) return undefined
      const { role, name, expires } = found
      const goodMs = expires === null ? undefined : expires - now()
      if (goodMs !== undefined && goodMs <= 0) return undefined
      const controller = revoking.get(hash) ?? new AbortController()
      revoking.set(hash, controller)
      return { role, name, revoked: controller.signal, goodMs }
    },
    list: () => [...kept.values()].map(told),
    async create({ name, role, days }) {
      const time = now()
      for (const each of kept.values())
        if (each.expires !== null && each.expires <= time) {
          kept.delete(each.hash)
          revoking.delete(each.hash)
        }
      if ([...kept.values()].some(each => each.name === name))
        throw new VitalchainError('ERR_NAME_TAKEN', 'another token has this name')
      if (kept.size >= ROLE_TOKENS_MAX)
        throw new VitalchainError('ERR_BUSY', `there are ${ROLE_TOKENS_MAX} tokens`)
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      const hash = hashOf(token)
      const made = {
        id: hash.slice(0, 16),
        name,
        role,
        created: time,
        expires: days === undefined ? null : time + days * DAY_MS,
        hash
      }
      kept.set(hash, made)
      try {
        await save()
      } catch (error) {
        kept.delete(hash)
        throw error
      }
      return { ...told(made), token }
    },
    async revoke(id) {
      const found = [...kept.values()].find(each => each.id === id)
      if (found === undefined) return false
      // From now on, whatever becomes of the file.
      kept.delete(found.hash)
      revoking.get(found.hash)?.abort()
      revoking.delete(found.hash)
      await save()
      return true
    }
  }
}

/** Looking a hash up in a table tells by its time nothing that helps to find a token with it. */
function hashOf(token: string): string {
  return toHex(sha256(utf8(token)))
}

function told({ id, name, role, created, expires }: Kept): RoleToken {
  return { id, name, role, created, expires }
}

function readTokens(text: string | undefined): readonly Kept[] {
  if (text === undefined) return []
  try {
    const file: unknown = JSON.parse(text)
    if (!isRecord(file) || file['format'] !== FORMAT || !Array.isArray(file['tokens']))
      throw wrong()
    return file['tokens'].map(readToken)
  } catch (cause) {
    throw wrong({ cause })
  }
}

function readToken(given: unknown): Kept {
  if (!isRecord(given)) throw wrong()
  const { id, name, role, created, expires, hash } = given
  if (typeof id !== 'string' || typeof name !== 'string' || typeof hash !== 'string') throw wrong()
  if (typeof role !== 'string' || !isRole(role) || typeof created !== 'number') throw wrong()
  if (!/^[0-9a-f]{64}$/.test(hash) || (expires !== null && typeof expires !== 'number'))
    throw wrong()
  return { id, name, role, created, expires, hash }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function wrong(options?: ErrorOptions): VitalchainError {
  return new VitalchainError('ERR_FILE', 'the file of tokens was not written by this node', options)
}
