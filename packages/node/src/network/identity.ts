import { createPrivateKey, createPublicKey } from 'node:crypto'
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { concatBytes, fromHex, VitalchainError } from '@vitalchain/core'

/** Length of a transport key's seed and of its raw public key (Ed25519, RFC 8032), in bytes. */
export const TRANSPORT_KEY_BYTES: number = 32

// The fixed DER head of an Ed25519 private key in PKCS #8 (RFC 8410 section 7); the seed follows.
const PKCS8_ED25519_HEAD = fromHex('302e020100300506032b657004220420')

/**
 * The raw Ed25519 public key of a transport key's seed, 32 bytes.
 *
 * @throws VitalchainError `ERR_TRANSPORT_KEY` unless the seed is 32 bytes.
 */
export function transportPublicKey(seed: Uint8Array): Uint8Array {
  checkLength(seed)
  const privateKey = createPrivateKey({
    key: Buffer.from(concatBytes([PKCS8_ED25519_HEAD, seed])),
    format: 'der',
    type: 'pkcs8'
  })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(-TRANSPORT_KEY_BYTES))
}

/** libp2p's private key of a transport key's seed. */
export function transportPrivateKey(seed: Uint8Array): PrivateKey {
  return privateKeyFromRaw(concatBytes([seed, transportPublicKey(seed)]))
}

/**
 * The PeerId of a raw Ed25519 public key.
 *
 * @throws VitalchainError `ERR_TRANSPORT_KEY` unless the key is 32 bytes.
 */
export function peerIdOf(transportKey: Uint8Array): PeerId {
  checkLength(transportKey)
  return peerIdFromPublicKey(publicKeyFromRaw(transportKey))
}

/** The PeerId of a raw Ed25519 public key as text. Same error as {@link peerIdOf}. */
export function peerNameOf(transportKey: Uint8Array): string {
  return peerIdOf(transportKey).toString()
}

/**
 * The raw Ed25519 public key behind a PeerId.
 *
 * @throws VitalchainError `ERR_PEER_ID` for a text that is none, or of another kind of key
 */
export function transportKeyOf(peer: string): Uint8Array {
  try {
    const { publicKey } = peerIdFromString(peer)
    if (publicKey?.type === 'Ed25519') return publicKey.raw
  } catch {
    // As for one with another key.
  }
  throw new VitalchainError('ERR_PEER_ID', `"${peer}" is no PeerId of a node`)
}

/**
 * The address with its PeerId, so that dialling it proves who answers; `undefined` when the text is
 * no address or names another peer. Addresses come from the ledger and from people: a bad one is
 * skipped, not fatal.
 */
export function addressOf(text: string, peer: PeerId): Multiaddr | undefined {
  try {
    const address = multiaddr(text)
    const named = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
    if (named === undefined) {
      return address.encapsulate(`/p2p/${peer.toString()}`)
    }
    return named === peer.toString() ? address : undefined
  } catch {
    return undefined
  }
}

function checkLength(key: Uint8Array): void {
  if (key.length !== TRANSPORT_KEY_BYTES) {
    throw new VitalchainError(
      'ERR_TRANSPORT_KEY',
      `a transport key has ${TRANSPORT_KEY_BYTES} bytes, not ${key.length}`,
      { values: { length: key.length } }
    )
  }
}
