import { createPublicKey, hash, verify, type KeyObject } from 'node:crypto'
import {
  BoundedCache,
  concatBytes,
  fromHex,
  precheckSignature,
  verifySignature,
  type Algorithm,
  type CryptoBackend,
  type PublicKey
} from '@vitalchain/core'

/** How many decoded keys of each algorithm are kept; about 1 KB each, most of it in OpenSSL. */
const KEY_OBJECTS_MAX = 4096

interface NativeScheme {
  /** The DER of a SubjectPublicKeyInfo (RFC 5280) up to the key itself, which comes last. */
  readonly spkiPrefix: Uint8Array
  /** What `crypto.verify` hashes the message with before the equation. */
  readonly digest: 'sha256' | null
  readonly keys: BoundedCache<KeyObject>
}

const SCHEMES: Readonly<Record<Algorithm, NativeScheme>> = {
  // RFC 8410: id-Ed25519.
  ed25519: {
    spkiPrefix: fromHex('302a300506032b6570032100'),
    digest: null,
    keys: new BoundedCache(KEY_OBJECTS_MAX)
  },
  // RFC 5480: id-ecPublicKey, secp256r1, a compressed point.
  es256: {
    spkiPrefix: fromHex('3039301306072a8648ce3d020106082a8648ce3d030107032200'),
    digest: 'sha256',
    keys: new BoundedCache(KEY_OBJECTS_MAX)
  }
}

/**
 * Hashes and signatures by `node:crypto` (OpenSSL). Its Ed25519 compares encode([S]B - [k]A) with R
 * byte for byte, which is the equation of the rule; keys, encodings and points on which OpenSSL and
 * releases of Node.js differ from the rule are refused by the pre-checks before this is asked.
 */
export const nodeCryptoBackend: CryptoBackend = {
  sha256: bytes => plainBytes(hash('sha256', bytes, 'buffer')),
  sha512: bytes => plainBytes(hash('sha512', bytes, 'buffer')),
  verifyEd25519: (publicKey, message, signature) =>
    verify(null, message, verifyKey('ed25519', publicKey), signature),
  verifyEs256: (publicKey, message, signature) =>
    verify('sha256', message, verifyKey('es256', publicKey), signature)
}

/**
 * The verdict of `verifySignature`, computed on libuv's thread pool so that many signatures at once
 * use every core and leave the event loop free. The pool has four threads unless
 * `UV_THREADPOOL_SIZE` says otherwise, and shares them with disk access. Never rejects.
 */
export async function verifyInThreadPool(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array
): Promise<boolean> {
  if (!precheckSignature(key, signature)) return false
  try {
    return await verifyNatively(key, message, signature)
  } catch {
    // OpenSSL could not decide (no memory, FIPS): the verdict must not depend on that.
    return verifySignature(key, message, signature)
  }
}

function verifyNatively(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array
): Promise<boolean> {
  const { digest } = SCHEMES[key.algorithm]
  const native = verifyKey(key.algorithm, key.bytes)
  return new Promise((resolve, reject) => {
    verify(digest, message, native, signature, (error, valid) => {
      if (error === null) resolve(valid)
      else reject(error)
    })
  })
}

function verifyKey(algorithm: Algorithm, publicKey: Uint8Array): VerifyKey {
  const { keys, spkiPrefix } = SCHEMES[algorithm]
  let key = keys.get(publicKey)
  if (key === undefined) {
    const der = Buffer.from(concatBytes([spkiPrefix, publicKey]))
    key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    keys.set(publicKey, key)
  }
  // Raw r || s; Ed25519 has one encoding and ignores it.
  return { key, dsaEncoding: 'ieee-p1363' }
}

interface VerifyKey {
  readonly key: KeyObject
  readonly dsaEncoding: 'ieee-p1363'
}

// A Buffer is a Uint8Array whose slice() and toString() mean something else: it stays in here.
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
