import { timingSafeEqual } from 'node:crypto'
import { equalBytes, sha256, utf8, VitalchainError } from '@vitalchain/core'
import type { DeviceTokens } from './device-tokens.ts'

/** Characters of the operator's token: 128 bits in hexadecimal, so that nobody guesses it. */
const OPERATOR_TOKEN_CHARACTERS_MIN = 32

/** Characters of any token; a device's has 108. */
const TOKEN_CHARACTERS_MAX = 512

/** Who may read: the operator of this node everything, a device its own chains, nobody else anything. */
export type Reader =
  | { readonly type: 'operator' }
  | { readonly type: 'device'; readonly device: Uint8Array }

/** Decides by the `Authorization` header who asks. Tokens are taken from nowhere else: URLs end in logs. */
export interface Access {
  /** Who asks; undefined for a stranger. */
  readerOf(authorization: string | undefined): Reader | undefined
  /** @throws VitalchainError `ERR_UNAUTHORIZED` for a stranger */
  requireReader(authorization: string | undefined): Reader
  /** @throws VitalchainError `ERR_UNAUTHORIZED` for a stranger, `ERR_FORBIDDEN` for a device */
  requireOperator(authorization: string | undefined): void
}

/**
 * Makes the {@link Access} of a node.
 *
 * @param token - the operator's
 * @throws VitalchainError `ERR_TOKEN` for a token that could be guessed, or that no header can carry
 */
export function createAccess(token: string, devices: DeviceTokens): Access {
  if (token.length < OPERATOR_TOKEN_CHARACTERS_MIN || bearerToken(`Bearer ${token}`) !== token)
    throw new VitalchainError(
      'ERR_TOKEN',
      `the operator's token needs ${OPERATOR_TOKEN_CHARACTERS_MIN} to ${TOKEN_CHARACTERS_MAX} characters of A-Z a-z 0-9 - . _ ~ + /`
    )
  // Hashes have one length, and comparing them tells nothing about the token by its time.
  const expected = sha256(utf8(token))

  const access: Access = {
    readerOf(authorization) {
      const given = authorization === undefined ? undefined : bearerToken(authorization)
      if (given === undefined) return undefined
      if (timingSafeEqual(sha256(utf8(given)), expected)) return { type: 'operator' }
      const device = devices.find(given)
      return device === undefined ? undefined : { type: 'device', device }
    },
    requireReader(authorization) {
      const reader = access.readerOf(authorization)
      if (reader === undefined)
        throw new VitalchainError('ERR_UNAUTHORIZED', 'reading needs a bearer token')
      return reader
    },
    requireOperator(authorization) {
      if (access.requireReader(authorization).type !== 'operator') throw forbidden()
    }
  }
  return access
}

/** Whether a reader may read what concerns a device. */
export function mayReadOf(reader: Reader, device: Uint8Array | undefined): boolean {
  if (reader.type === 'operator') return true
  return device !== undefined && equalBytes(reader.device, device)
}

/** The refusal for somebody who is known but may not read this. */
export function forbidden(): VitalchainError {
  return new VitalchainError('ERR_FORBIDDEN', 'this token does not open this')
}

/** The token of an `Authorization` header (RFC 6750 section 2.1). */
function bearerToken(authorization: string): string | undefined {
  const token = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization)?.[1]
  return token === undefined || token.length > TOKEN_CHARACTERS_MAX ? undefined : token
}
