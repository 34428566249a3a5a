import { gcm } from '@noble/ciphers/aes.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, u8, utf8 } from '../bytes.ts'
import { VitalchainError } from '../errors.ts'

/** Bytes of an X25519 key (RFC 7748), secret or public, and of what the encapsulation puts beside a ciphertext. */
export const X25519_KEY_BYTES: number = 32

/** How HPKE encrypts. Ours is AES-256-GCM; the other one is for the vectors of the RFC. */
export interface HpkeAead {
  /** RFC 9180 section 7.3. */
  readonly id: number
  readonly keyBytes: number
}

const AES_256_GCM: HpkeAead = { id: 2, keyBytes: 32 }

const NONCE_BYTES = 12
const NOTHING = new Uint8Array(0)
const BASE_MODE = u8(0)

/** DHKEM(X25519, HKDF-SHA256) and HKDF-SHA256, RFC 9180 section 7. */
const KEM_ID = 0x20
const KDF_ID = 1

/** A message for one recipient. */
export interface HpkeSealed {
  /** The sender's ephemeral public key, 32 bytes. */
  readonly enc: Uint8Array
  /** As long as the message and 16 bytes more. */
  readonly ciphertext: Uint8Array
}

/** What both sides know: it is not sent, and must be the same for a message to open. */
export interface HpkeContext {
  /** What the message is for: keys of another purpose are other keys. */
  readonly info: Uint8Array
  /** What else must be as it was. */
  readonly aad: Uint8Array
}

/** The public key of an X25519 secret key: any 32 random bytes. @throws VitalchainError `ERR_KEY_INVALID` */
export function x25519PublicKey(secretKey: Uint8Array): Uint8Array {
  checkKey(secretKey)
  return x25519.getPublicKey(secretKey)
}

/**
 * Encrypts one message to a public key, as HPKE (RFC 9180) in base mode does with a single message: DHKEM(X25519, HKDF-SHA256),
 * HKDF-SHA256, AES-256-GCM.
 *
 * @param recipient - 32 bytes
 * @param ephemeral - 32 fresh random bytes, used for nothing else
 * @throws VitalchainError `ERR_KEY_INVALID` for a key that is none, also one of low order
 */
export function sealHpke(
  clear: Uint8Array,
  recipient: Uint8Array,
  ephemeral: Uint8Array,
  context: HpkeContext,
  aead: HpkeAead = AES_256_GCM
): HpkeSealed {
  const enc = x25519PublicKey(ephemeral)
  const { key, nonce } = keysOf(agree(ephemeral, recipient), enc, recipient, context.info, aead)
  return { enc, ciphertext: gcm(key, nonce, context.aad).encrypt(clear) }
}

/**
 * Decrypts what {@link sealHpke} encrypted.
 *
 * @param secretKey - the recipient's, 32 bytes
 * @throws VitalchainError `ERR_HPKE` when the message is for another key, in another context, or was changed; `ERR_KEY_INVALID`
 */
export function openHpke(
  { enc, ciphertext }: HpkeSealed,
  secretKey: Uint8Array,
  context: HpkeContext,
  aead: HpkeAead = AES_256_GCM
): Uint8Array {
  const recipient = x25519PublicKey(secretKey)
  const { key, nonce } = keysOf(agree(secretKey, enc), enc, recipient, context.info, aead)
  try {
    return gcm(key, nonce, context.aad).decrypt(ciphertext)
  } catch (cause) {
    throw new VitalchainError('ERR_HPKE', 'the key does not open the message', { cause })
  }
}

/** Diffie and Hellman. RFC 9180 section 7.1.4 refuses the zeros that a point of low order gives, and so does the library. */
function agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  checkKey(publicKey)
  try {
    return x25519.getSharedSecret(secretKey, publicKey)
  } catch (cause) {
    throw new VitalchainError('ERR_KEY_INVALID', 'a point of low order is no X25519 key', { cause })
  }
}

/** Key and nonce of the first message: RFC 9180 sections 4.1 and 5.1, mode_base. */
function keysOf(
  shared: Uint8Array,
  enc: Uint8Array,
  recipient: Uint8Array,
  info: Uint8Array,
  { id, keyBytes }: HpkeAead
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const kem = labelled(concatBytes([utf8('KEM'), u16(KEM_ID)]))
  const kemContext = concatBytes([enc, recipient])
  const secretOfKem = kem.expand(
    kem.extract(NOTHING, 'eae_prk', shared),
    'shared_secret',
    kemContext,
    32
  )
  const suite = labelled(concatBytes([utf8('HPKE'), u16(KEM_ID), u16(KDF_ID), u16(id)]))
  const schedule = concatBytes([
    BASE_MODE,
    suite.extract(NOTHING, 'psk_id_hash', NOTHING),
    suite.extract(NOTHING, 'info_hash', info)
  ])
  const secret = suite.extract(secretOfKem, 'secret', NOTHING)
  return {
    key: suite.expand(secret, 'key', schedule, keyBytes),
    nonce: suite.expand(secret, 'base_nonce', schedule, NONCE_BYTES)
  }
}

/** LabeledExtract and LabeledExpand of RFC 9180 section 4. */
function labelled(suiteId: Uint8Array): {
  extract(salt: Uint8Array, label: string, secret: Uint8Array): Uint8Array
  expand(key: Uint8Array, label: string, info: Uint8Array, length: number): Uint8Array
} {
  const prefix = (label: string): Uint8Array => concatBytes([utf8('HPKE-v1'), suiteId, utf8(label)])
  return {
    extract: (salt, label, secret) => extract(sha256, concatBytes([prefix(label), secret]), salt),
    expand: (key, label, info, length) =>
      expand(sha256, key, concatBytes([u16(length), prefix(label), info]), length)
  }
}

/** Two bytes, big-endian. */
function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}

function checkKey(key: Uint8Array): void {
  if (key.length !== X25519_KEY_BYTES)
    throw new VitalchainError('ERR_KEY_INVALID', 'an X25519 key has 32 bytes', {
      values: { bytes: key.length }
    })
}
