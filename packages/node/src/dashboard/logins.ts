import { randomBytes } from 'node:crypto'
import { sha256, toHex, utf8, VitalchainError } from '@vitalchain/core'
import type { Role } from '../http/roles.ts'

/** How long a code is good, ms: to open a browser, or to copy a line. */
export const CODE_MS: number = 120_000

/** How long a session of the dashboard is good, ms: a shift. */
export const SESSION_MS: number = 12 * 3_600_000

/** Codes that wait at once; the oldest goes for a new one. */
const CODES_MAX = 16

/** Sessions at once; the oldest goes for a new one. */
const SESSIONS_MAX = 64

/** Bytes of a code and of a session's token: nobody guesses either. */
const SECRET_BYTES = 32

/** A secret, told once. */
export interface Granted {
  readonly secret: string
  readonly role: Role
  readonly expiresInMs: number
}

/**
 * Signing in to the dashboard with a code instead of the operator's token. A code is good once and for two minutes, so it may
 * stand in an address; what it opens is a session, which ends by itself and with the process. Of both, hashes are kept.
 */
export interface DashboardLogins {
  /** Makes a code for a role. */
  createCode(role: Role): Granted
  /** Takes a code, and gives the token of a session for it. @throws VitalchainError `ERR_UNAUTHORIZED` */
  open(code: string): Granted
  /** Who a session's token is for, and how long it is good yet, ms; undefined for one that is unknown or over. */
  find(
    token: string
  ): { readonly role: Role; readonly name: string; readonly goodMs: number } | undefined
}

/** Makes the {@link DashboardLogins} of a node. */
export function createDashboardLogins(now: () => number): DashboardLogins {
  const codes = createSecrets(now, CODES_MAX, CODE_MS)
  const sessions = createSecrets(now, SESSIONS_MAX, SESSION_MS)
  return {
    createCode: role => codes.create(role),
    open(code) {
      const found = codes.find(code)
      codes.delete(code)
      if (found === undefined)
        throw new VitalchainError(
          'ERR_UNAUTHORIZED',
          'the code is unknown, used or over: make another one'
        )
      return sessions.create(found.role)
    },
    find(token) {
      const found = sessions.find(token)
      if (found === undefined) return undefined
      const { role, expires } = found
      return { role, name: 'dashboard', goodMs: expires - now() }
    }
  }
}

interface Kept {
  readonly role: Role
  /** ms since 1970 */
  readonly expires: number
}

interface Secrets {
  create(role: Role): Granted
  find(secret: string): Kept | undefined
  delete(secret: string): void
}

/** A bounded set of secrets that end by themselves. */
function createSecrets(now: () => number, max: number, ms: number): Secrets {
  const kept = new Map<string, Kept>()
  return {
    create(role) {
      const secret = randomBytes(SECRET_BYTES).toString('hex')
      for (const oldest of kept.keys()) {
        if (kept.size < max) break
        kept.delete(oldest)
      }
      kept.set(hash(secret), { role, expires: now() + ms })
      return { secret, role, expiresInMs: ms }
    },
    find(secret) {
      const found = kept.get(hash(secret))
      return found !== undefined && found.expires > now() ? found : undefined
    },
    delete: secret => void kept.delete(hash(secret))
  }
}

/** Looking up a hash tells nothing of a secret by its time. */
function hash(secret: string): string {
  return toHex(sha256(utf8(secret)))
}
