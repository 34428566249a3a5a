import { hmacSha256 } from '../crypto/hash.ts'
import { u8 } from '../bytes.ts'

/** Levels of a stream's key tree: an epoch is an unsigned 32-bit counter. */
export const EPOCH_TREE_DEPTH: number = 32

/**
 * The key of one epoch of a stream: a leaf of a binary key tree (Goldreich, Goldwasser, Micali 1986) whose root is the
 * generation's secret. A child is HMAC-SHA-256(parent, 0x00 for left, 0x01 for right), the epoch's bits from the highest
 * say the way. So a whole range of epochs can be handed on as the few nodes above it, and no other epoch follows from them. spec P-2.
 *
 * @param node - 32 bytes: the generation's secret, or the inner node that covers the epoch
 * @param epoch - unsigned 32-bit integer
 * @param depth - how many of the epoch's high bits lead to `node`; 0 for the root
 */
export function epochKey(node: Uint8Array, epoch: number, depth: number = 0): Uint8Array {
  let key = node
  for (let level = depth; level < EPOCH_TREE_DEPTH; level++) {
    key = hmacSha256(key, u8((epoch >>> (EPOCH_TREE_DEPTH - 1 - level)) & 1))
  }
  return key
}
