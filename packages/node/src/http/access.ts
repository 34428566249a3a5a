import { timingSafeEqual } from 'node:crypto'
import { equalBytes, sha256, utf8, VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import type { DeviceTokens } from './device-tokens.ts'
import type { RequestSignatures } from './request-signatures.ts'
import { ROLES, type Role } from './roles.ts'
import type { RoleTokens } from './role-tokens.ts'
import type { SignedRequest } from './signature-base.ts'

/** Characters of the operator's token: 128 bits in hexadecimal, so that nobody guesses it. */
const OPERATOR_TOKEN_CHARACTERS_MIN = 32

/** Characters of any token; a device's has 108. */
const TOKEN_CHARACTERS_MAX = 512

/** Who may ask a route: anybody, a device of what is its own and every reader, or those with at least this role. */
export type RouteAccess = 'anyone' | 'device' | Role

/** Who asks. */
export type Caller =
  | {
      readonly type: 'role'
      readonly role: Role
      readonly name: string
      /** Aborts when what was shown is taken back; undefined when nobody can take it back. */
      readonly revoked?: AbortSignal
      /** How long it is good, ms; undefined for one without an end. */
      readonly goodMs?: number | undefined
    }
  | { readonly type: 'device'; readonly device: Uint8Array }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may ask this route. A route without it cannot be added. */
    access?: RouteAccess
    /** How many usual requests one of this route counts for. Default: 1. */
    cost?: number
  }
  interface FastifyRequest {
    /** Who asks; null for a stranger. */
    caller: Caller | null
  }
}

/** Decides by its headers who a request is from. Tokens are taken from nowhere else: URLs end in logs. */
export interface Access {
  /**
   * Who asks; undefined for a stranger.
   *
   * @throws VitalchainError `ERR_HTTP_SIGNATURE` for a signature that is not right
   */
  callerOf(request: SignedRequest): Caller | undefined
  /** Who shows this token; undefined for one that opens nothing. */
  bearer(token: string): Caller | undefined
}

/** What {@link createAccess} decides by. */
export interface AccessInit {
  /** The operator's token. */
  readonly token: string
  readonly devices: Pick<DeviceTokens, 'find'>
  /** Further tokens, each with a role. */
  readonly tokens: Pick<RoleTokens, 'find'>
  readonly signatures: RequestSignatures
}

/**
 * Makes the {@link Access} of a node.
 *
 * @throws VitalchainError `ERR_TOKEN` for a token that could be guessed, or that no header can carry
 */
export function createAccess({ token, devices, tokens, signatures }: AccessInit): Access {
  if (token.length < OPERATOR_TOKEN_CHARACTERS_MIN || bearerToken(`Bearer ${token}`) !== token)
    throw new VitalchainError(
      'ERR_TOKEN',
      `the operator's token needs ${OPERATOR_TOKEN_CHARACTERS_MIN} to ${TOKEN_CHARACTERS_MAX} characters of A-Z a-z 0-9 - . _ ~ + /`
    )
  // Hashes have one length, and comparing them tells nothing about the token by its time.
  const expected = sha256(utf8(token))

  function bearer(given: string): Caller | undefined {
    if (given.length > TOKEN_CHARACTERS_MAX) return undefined
    if (timingSafeEqual(sha256(utf8(given)), expected))
      return { type: 'role', role: 'operator', name: 'operator' }
    const found = tokens.find(given)
    if (found !== undefined) return { type: 'role', ...found }
    const device = devices.find(given)
    return device === undefined ? undefined : { type: 'device', device }
  }

  return {
    bearer,
    callerOf(request) {
      const { authorization } = request.headers
      const given = authorization === undefined ? undefined : bearerToken(authorization)
      if (given !== undefined) return bearer(given)
      return signatures.signerOf(request)
    }
  }
}

/**
 * Lets nobody in who may not ask a route, before anything else of the request is looked at.
 * Adding a route that does not say who may ask fails.
 */
export function guardRoutes(app: FastifyInstance, access: Access): void {
  app.decorateRequest('caller', null)
  app.addHook('onRoute', ({ url, config }) => {
    if (config?.access === undefined) throw new Error(`${url} does not say who may ask`)
  })
  app.addHook('onRequest', async request => {
    const caller = access.callerOf(request)
    request.caller = caller ?? null
    // Without one, nothing is there, which anybody may hear.
    requireAccess(caller, request.routeOptions.config?.access ?? 'anyone')
  })
}

/** @throws VitalchainError `ERR_UNAUTHORIZED` for a stranger where not anybody may ask, `ERR_FORBIDDEN` for who may not */
export function requireAccess(caller: Caller | undefined, asked: RouteAccess): void {
  if (asked === 'anyone') return
  if (caller === undefined)
    throw new VitalchainError('ERR_UNAUTHORIZED', 'reading needs a bearer token or a signature')
  if (!mayAsk(caller, asked)) throw forbidden()
}

/** Whether somebody may ask a route. Of what a device may read, its handler decides. */
function mayAsk(caller: Caller, asked: Exclude<RouteAccess, 'anyone'>): boolean {
  if (caller.type === 'device') return asked === 'device'
  return ROLES.indexOf(caller.role) <= ROLES.indexOf(asked === 'device' ? 'reader' : asked)
}

/** Whether somebody may read what concerns a device: readers of everything, and the device itself. */
export function mayReadOf(caller: Caller | null, device: Uint8Array | undefined): boolean {
  if (caller === null) return false
  if (caller.type === 'role') return mayAsk(caller, 'reader')
  return device !== undefined && equalBytes(caller.device, device)
}

/** The refusal for somebody who is known but may not read this. */
export function forbidden(): VitalchainError {
  return new VitalchainError('ERR_FORBIDDEN', 'what was shown does not open this')
}

/** The token of an `Authorization` header (RFC 6750 section 2.1). */
function bearerToken(authorization: string): string | undefined {
  const token = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization)?.[1]
  return token === undefined || token.length > TOKEN_CHARACTERS_MAX ? undefined : token
}
