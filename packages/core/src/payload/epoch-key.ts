import { hmacSha256 } from '../crypto/hash.ts'
import { u8 } from '../bytes.ts'

/** Levels of a stream's key tree: an epoch is an unsigned 32-bit counter. */
export const EPOCH_TREE_DEPTH: number = 32

/** The highest epoch. */
const EPOCH_MAX = 0xffff_ffff

/** A node of a key tree: the epochs from `first` on whose first `depth` bits are the same, 2^(32 - depth) of them. */
export interface EpochSubtree {
  /** Unsigned 32-bit integer, of which the last 32 - `depth` bits are 0. */
  readonly first: number
  /** 0 for the root, which covers all epochs, to 32 for a leaf. */
  readonly depth: number
}

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
  return subtreeKey(node, { first: epoch, depth: EPOCH_TREE_DEPTH }, depth)
}

/**
 * The key of a node of the tree, from which those of its epochs follow and no others. spec P-2
 *
 * @param node - 32 bytes: the generation's secret, or a node above
 * @param from - the depth of `node`; 0 for the root
 */
export function subtreeKey(
  node: Uint8Array,
  { first, depth }: EpochSubtree,
  from: number = 0
): Uint8Array {
  let key = node
  for (let level = from; level < depth; level++) {
    key = hmacSha256(key, u8((first >>> (EPOCH_TREE_DEPTH - 1 - level)) & 1))
  }
  return key
}

/** Whether an epoch is among those of a subtree. */
export function coversEpoch({ first, depth }: EpochSubtree, epoch: number): boolean {
  return epoch >= first && epoch - first < 2 ** (EPOCH_TREE_DEPTH - depth)
}

/**
 * The fewest subtrees that cover the epochs from one to another, both included, and no others: at most 62, in order. spec P-2
 *
 * @param from - unsigned 32-bit integer
 * @param to - the same, not below `from`
 */
export function coverEpochs(from: number, to: number): readonly EpochSubtree[] {
  const cover: EpochSubtree[] = []
  for (let first = from; first <= to && first <= EPOCH_MAX;) {
    let depth = EPOCH_TREE_DEPTH
    // Doubled as long as it begins where such a subtree does and ends in time.
    while (depth > 0 && first % 2 ** (EPOCH_TREE_DEPTH - depth + 1) === 0) {
      if (first + 2 ** (EPOCH_TREE_DEPTH - depth + 1) - 1 > to) break
      depth--
    }
    cover.push({ first, depth })
    first += 2 ** (EPOCH_TREE_DEPTH - depth)
  }
  return cover
}
