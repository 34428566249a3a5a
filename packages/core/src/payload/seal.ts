import { gcm } from '@noble/ciphers/aes.js'
import { concatBytes, equalBytes, u32be, u64be, u8, utf8 } from '../bytes.ts'
import { hkdfSha256, hmacSha256, sha256 } from '../crypto/hash.ts'
import { VitalchainError } from '../errors.ts'
import { PAYLOAD_BYTES_MAX } from '../ledger/limits.ts'
import type { ReadingStatement, StatementPlace } from '../ledger/statement.ts'
import { deflatePadded, inflatePadded } from './deflate.ts'

/** Random bytes at the start of a payload. With them a restored outbox never repeats a key. */
export const PAYLOAD_SALT_BYTES: number = 16

/** Bytes that sealing adds: a version byte, the salt and the tag of AES-GCM. */
export const PAYLOAD_OVERHEAD_BYTES: number = 1 + PAYLOAD_SALT_BYTES + 16

/** First byte of a payload: how it is sealed. */
const VERSION = { plain: 1, deflated: 2 } as const
type Version = (typeof VERSION)[keyof typeof VERSION]

// Each key encrypts exactly one payload, so the nonce need not vary.
const NONCE = new Uint8Array(12)

/** An encrypted payload with what its statement says of it. */
export interface SealedPayload {
  /** Version byte, salt, AES-256-GCM ciphertext and tag. */
  readonly payload: Uint8Array
  /** SHA-256 of `payload`. */
  readonly payloadDigest: Uint8Array
  /** HMAC-SHA-256 of the payload in clear. */
  readonly commitment: Uint8Array
}

/**
 * Encrypts a payload for its place. Encryption and commitment key are HKDF-SHA-256 of the epoch key, with the salt and the
 * place, so that keys differ by network, device, lane, boot and sequence number even where a salt repeats. spec P-3. With
 * `compress` it is deflated where that saves a quarter or more. spec P-4
 *
 * @param epochKey - 32 bytes, see `epochKey`
 * @param salt - 16 fresh random bytes
 * @throws VitalchainError `ERR_TOO_LARGE` when the sealed payload would be above `PAYLOAD_BYTES_MAX`, which no node takes
 */
export function sealPayload(
  clear: Uint8Array,
  place: StatementPlace,
  epochKey: Uint8Array,
  salt: Uint8Array,
  { compress = false }: { readonly compress?: boolean } = {}
): SealedPayload {
  const bytes = clear.length + PAYLOAD_OVERHEAD_BYTES
  if (bytes > PAYLOAD_BYTES_MAX) {
    throw new VitalchainError('ERR_TOO_LARGE', `a sealed payload of ${bytes} bytes is too large`, {
      values: { bytes, bytesMax: PAYLOAD_BYTES_MAX }
    })
  }
  const deflated = compress ? deflatePadded(clear) : undefined
  const version = deflated === undefined ? VERSION.plain : VERSION.deflated
  const { encryptionKey, commitmentKey } = payloadKeys(version, epochKey, place, salt)
  const ciphertext = gcm(encryptionKey, NONCE).encrypt(deflated ?? clear)
  const payload = concatBytes([u8(version), salt, ciphertext])
  return { payload, payloadDigest: sha256(payload), commitment: hmacSha256(commitmentKey, clear) }
}

/**
 * Decrypts a payload and checks everything its statement says of it.
 *
 * @throws VitalchainError `ERR_PAYLOAD_DIGEST` when it is another payload, `ERR_PAYLOAD_KEY` when the key does not open it,
 * `ERR_PAYLOAD_COMMITMENT` when it opens to something else than the device committed to
 */
export function openPayload(
  statement: ReadingStatement,
  payload: Uint8Array,
  epochKey: Uint8Array
): Uint8Array {
  if (
    payload.length !== statement.payloadSize ||
    !equalBytes(sha256(payload), statement.payloadDigest)
  ) {
    throw new VitalchainError(
      'ERR_PAYLOAD_DIGEST',
      'the payload is not the one that the statement names'
    )
  }
  const version = payload[0]
  if (
    (version !== VERSION.plain && version !== VERSION.deflated) ||
    payload.length < PAYLOAD_OVERHEAD_BYTES
  ) {
    throw new VitalchainError('ERR_PAYLOAD_KEY', 'the payload is sealed in an unknown way')
  }
  const { encryptionKey, commitmentKey } = payloadKeys(
    version,
    epochKey,
    statement,
    payload.subarray(1, 1 + PAYLOAD_SALT_BYTES)
  )
  let opened: Uint8Array
  try {
    opened = gcm(encryptionKey, NONCE).decrypt(payload.subarray(1 + PAYLOAD_SALT_BYTES))
  } catch (cause) {
    throw new VitalchainError('ERR_PAYLOAD_KEY', 'the key does not open the payload', { cause })
  }
  const clear = version === VERSION.deflated ? inflate(opened) : opened
  if (!equalBytes(hmacSha256(commitmentKey, clear), statement.commitment)) throw otherContent()
  return clear
}

function inflate(opened: Uint8Array): Uint8Array {
  try {
    return inflatePadded(opened, PAYLOAD_BYTES_MAX)
  } catch (cause) {
    throw otherContent(cause)
  }
}

function otherContent(cause?: unknown): VitalchainError {
  return new VitalchainError(
    'ERR_PAYLOAD_COMMITMENT',
    'the payload opens to something else than the device committed to',
    { cause }
  )
}

function payloadKeys(
  version: Version,
  epochKey: Uint8Array,
  place: StatementPlace,
  salt: Uint8Array
): { encryptionKey: Uint8Array; commitmentKey: Uint8Array } {
  const info = concatBytes([
    utf8(`vitalchain/payload/${version}\0`),
    place.network,
    place.device,
    u8(place.lane),
    u32be(place.boot),
    u64be(place.seq)
  ])
  const keys = hkdfSha256(epochKey, salt, info, 64)
  return { encryptionKey: keys.subarray(0, 32), commitmentKey: keys.subarray(32) }
}
