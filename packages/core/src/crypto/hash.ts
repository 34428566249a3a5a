import { hkdf as nobleHkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { cryptoBackend } from './backend.ts'

/** Length of every hash in the ledger, in bytes. */
export const HASH_BYTES: number = 32

/** SHA-256 (FIPS 180-4). */
export function sha256(bytes: Uint8Array): Uint8Array {
  return cryptoBackend().sha256(bytes)
}

/** SHA-512 (FIPS 180-4), as Ed25519 needs it. */
export function sha512(bytes: Uint8Array): Uint8Array {
  return cryptoBackend().sha512(bytes)
}

/** HMAC-SHA-256 (RFC 2104). */
export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, bytes)
}

/** HKDF with SHA-256 (RFC 5869): `length` bytes of key material. */
export function hkdfSha256(
  secret: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number
): Uint8Array {
  return nobleHkdf(nobleSha256, secret, salt, info, length)
}
