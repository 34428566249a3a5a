import {
  ED25519_PUBLIC_KEY_BYTES,
  es256PublicKeyFromSec1,
  normalizeEs256,
  VitalchainError,
  type Algorithm,
  type PublicKey,
  type Signer
} from '@vitalchain/core'

const PARAMETERS = {
  ed25519: { name: 'Ed25519' },
  es256: { name: 'ECDSA', namedCurve: 'P-256' }
} as const satisfies Readonly<Record<Algorithm, object>>

/** A key of WebCrypto, whatever the platform's types call it. */
export type WebCryptoKey = Parameters<typeof crypto.subtle.sign>[1]

/** A key pair of WebCrypto. */
export interface WebCryptoKeys {
  readonly privateKey: WebCryptoKey
  readonly publicKey: WebCryptoKey
}

/**
 * A new key pair whose private key never leaves the platform's WebCrypto: no program can read it, but IndexedDB can keep
 * the pair as it is. Not every browser has Ed25519.
 *
 * @throws DOMException `NotSupportedError` for an algorithm that the platform does not have
 */
export async function createWebCryptoKeys(algorithm: Algorithm): Promise<WebCryptoKeys> {
  const keys = await crypto.subtle.generateKey(PARAMETERS[algorithm], false, ['sign', 'verify'])
  if (!('privateKey' in keys)) throw notADeviceKey()
  return keys
}

/**
 * A signer over a key pair of WebCrypto, Ed25519 or ECDSA on P-256; the private key need not be extractable.
 *
 * @throws VitalchainError `ERR_KEY_INVALID` for a pair of another kind
 */
export async function webCryptoSigner({ privateKey, publicKey }: WebCryptoKeys): Promise<Signer> {
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
  const known = publicKeyOf(privateKey.algorithm.name, raw)
  const { algorithm } = known
  const parameters =
    algorithm === 'ed25519' ? PARAMETERS.ed25519 : { name: 'ECDSA', hash: 'SHA-256' }
  return {
    publicKey: known,
    async sign(message) {
      const bytes = Uint8Array.from(message)
      const signature = new Uint8Array(await crypto.subtle.sign(parameters, privateKey, bytes))
      return algorithm === 'ed25519' ? signature : normalizeEs256(signature)
    }
  }
}

function publicKeyOf(name: string, raw: Uint8Array): PublicKey {
  if (name === 'Ed25519' && raw.length === ED25519_PUBLIC_KEY_BYTES)
    return { algorithm: 'ed25519', bytes: raw }
  if (name === 'ECDSA') return { algorithm: 'es256', bytes: es256PublicKeyFromSec1(raw) }
  throw notADeviceKey()
}

function notADeviceKey(): VitalchainError {
  return new VitalchainError('ERR_KEY_INVALID', 'a device signs with Ed25519 or ECDSA on P-256')
}
