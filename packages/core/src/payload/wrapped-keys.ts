import { concatBytes, equalBytes, utf8 } from '../bytes.ts'
import { openHpke, sealHpke, x25519PublicKey, X25519_KEY_BYTES } from '../crypto/hpke.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import {
  bytes,
  format,
  hash32,
  list,
  tagged,
  tuple,
  u32,
  uint,
  type Decoded,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import {
  coverEpochs,
  coversEpoch,
  EPOCH_TREE_DEPTH,
  epochKey,
  subtreeKey,
  type EpochSubtree
} from './epoch-key.ts'

/** A node of a key tree with its key, 32 bytes. */
export interface SubtreeKey extends EpochSubtree {
  readonly key: Uint8Array
}

/** What opens a part of a stream: the custodian of it has the root, others have what covers the period that was granted. */
export interface StreamKeys {
  /** The network's identifier, 32 bytes. */
  readonly network: Uint8Array
  /** The stream's pseudonym, 16 bytes. */
  readonly stream: Uint8Array
  readonly generation: number
  /** 1 to {@link SUBTREES_MAX}, in the order of their epochs, none of which is in two. */
  readonly subtrees: readonly SubtreeKey[]
}

/** Subtrees in one document: 62 cover any one range of epochs. */
export const SUBTREES_MAX: number = 64

/** Bytes of a document: 64 subtrees with their keys take about 2 800. */
const WRAPPED_KEYS_BYTES_MAX = 4_096

const KEY_BYTES = 32
const GCM_TAG_BYTES = 16
const KIND = 'vitalchain/wrapped-keys'

/** Purpose of the encryption (RFC 9180, info). */
const INFO = utf8(KIND)

const header = {
  network: hash32,
  stream: bytes(16),
  generation: u32,
  subtrees: list(tuple({ first: u32, depth: uint(EPOCH_TREE_DEPTH) }), SUBTREES_MAX, 1),
  recipient: bytes(X25519_KEY_BYTES)
}
const headerCodec = tagged([KIND], header)
const codec = tagged([KIND], {
  ...header,
  enc: bytes(X25519_KEY_BYTES),
  sealed: bytes(KEY_BYTES + GCM_TAG_BYTES, SUBTREES_MAX * KEY_BYTES + GCM_TAG_BYTES)
})

/** Wrapped keys as everybody reads them: what they are for is not secret, the keys are. */
export interface WrappedKeys extends Omit<StreamKeys, 'subtrees'> {
  readonly subtrees: readonly EpochSubtree[]
  /** The X25519 public key of whom they are for. */
  readonly recipient: Uint8Array
  /** The ephemeral public key of HPKE, and the encrypted keys. */
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
}

/** How wrapped keys are written. spec P-7 */
export const wrappedKeysFormat: Format<WrappedKeys> = format(
  'wrapped-keys',
  WRAPPED_KEYS_BYTES_MAX,
  codec
)

/**
 * The keys of a range of epochs and no others.
 *
 * @param secret - the root of the generation's key tree, 32 bytes
 * @param epochs - both included. Default: all, which is what a custodian has
 */
export function streamKeys(
  of: Omit<StreamKeys, 'subtrees'>,
  secret: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number } = { from: 0, to: 0xffff_ffff }
): StreamKeys {
  const subtrees = coverEpochs(from, to).map(each => ({ ...each, key: subtreeKey(secret, each) }))
  return { ...of, subtrees }
}

/** The key of an epoch; undefined when it is not among these. */
export function epochKeyOf({ subtrees }: StreamKeys, epoch: number): Uint8Array | undefined {
  const found = subtrees.find(each => coversEpoch(each, epoch))
  return found && epochKey(found.key, epoch, found.depth)
}

/**
 * Encrypts keys of a stream to one recipient by HPKE (RFC 9180): the hospital's custodian, or whom a consent grants a period. What
 * they are for stays readable and cannot be changed. spec P-7
 *
 * @param recipient - an X25519 public key, 32 bytes
 * @param ephemeral - 32 fresh random bytes, used for nothing else
 * @throws VitalchainError `ERR_KEY_INVALID` for a recipient's key that is none, `ERR_SCHEMA` for subtrees that overlap or are none
 */
export function wrapStreamKeys(
  { network, stream, generation, subtrees }: StreamKeys,
  recipient: Uint8Array,
  ephemeral: Uint8Array
): Uint8Array {
  const told = {
    network,
    stream,
    generation,
    subtrees: subtrees.map(({ first, depth }) => ({ first, depth })),
    recipient
  }
  const clear = concatBytes(subtrees.map(({ key }) => key))
  checkSubtrees(told.subtrees, clear.length)
  const { enc, ciphertext } = sealHpke(clear, recipient, ephemeral, contextOf(told))
  return wrappedKeysFormat.encode({ ...told, enc, sealed: ciphertext })
}

/**
 * The keys that were wrapped for this secret key.
 *
 * @throws VitalchainError `ERR_HPKE` when they are for another key or were changed; as a format's `decode`, `ERR_SCHEMA`
 */
export function unwrapStreamKeys(encoded: Uint8Array, secretKey: Uint8Array): StreamKeys {
  const { enc, sealed, ...told } = wrappedKeysFormat.decode(encoded)
  const { network, stream, generation, subtrees, recipient } = told
  checkSubtrees(subtrees, sealed.length - GCM_TAG_BYTES)
  if (!equalBytes(x25519PublicKey(secretKey), recipient))
    throw new VitalchainError('ERR_HPKE', 'the keys are wrapped for another recipient')
  const clear = openHpke({ enc, ciphertext: sealed }, secretKey, contextOf(told))
  return {
    network,
    stream,
    generation,
    subtrees: subtrees.map((each, k) => ({
      ...each,
      key: clear.slice(k * KEY_BYTES, (k + 1) * KEY_BYTES)
    }))
  }
}

function contextOf(told: Decoded<typeof headerCodec>): {
  readonly info: Uint8Array
  readonly aad: Uint8Array
} {
  return { info: INFO, aad: encodeCbor(headerCodec.write(told)) }
}

/** In order, each where such a subtree begins, none in another, and with a key each. */
function checkSubtrees(subtrees: readonly EpochSubtree[], keyBytes: number): void {
  const faulty = subtrees.findIndex(({ first, depth }, k) => {
    const before = subtrees[k - 1]
    const isBehind = before === undefined || (first > before.first && !coversEpoch(before, first))
    return !isBehind || first % 2 ** (EPOCH_TREE_DEPTH - depth) !== 0
  })
  if (faulty >= 0 || keyBytes !== subtrees.length * KEY_BYTES)
    throw new VitalchainError(
      'ERR_SCHEMA',
      'wrapped-keys: expected subtrees in order with a key each',
      {
        values: { subtree: faulty }
      }
    )
}
