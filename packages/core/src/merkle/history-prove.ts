import { VitalchainError } from '../errors.ts'
import { frontierRoot, type Frontier } from './history.ts'

/**
 * Reads the hash of a completed node: the root over the 2^`level` leaves from leaf
 * `index` * 2^`level` on. Is asked only for nodes that a tree of the size in question has completed.
 */
export type NodeReader = (level: number, index: number) => Uint8Array

/** Levels a tree can have: its size is a safe integer, below 2^53. */
const LEVEL_MAX = 52

/**
 * The path that proves leaf `index` in the tree of `size` leaves, from the leaf upwards (RFC 9162
 * section 2.1.3.1). Reads O(log size) nodes.
 *
 * @throws VitalchainError `ERR_TREE_RANGE` when the tree of this size has no such leaf.
 */
export function inclusionProof(index: number, size: number, read: NodeReader): Uint8Array[] {
  checkRange(index, size - 1)
  const path: Uint8Array[] = []
  // The subtree that holds the leaf: `width` leaves from leaf `start` on.
  let start = 0
  let width = size
  while (width > 1) {
    const left = splitOf(width)
    if (index < start + left) {
      path.push(rangeRoot(start + left, width - left, read))
      width = left
    } else {
      path.push(rangeRoot(start, left, read))
      start += left
      width -= left
    }
  }
  return path.toReversed()
}

/**
 * The proof that the tree of `second` leaves continues the tree of `first` leaves (RFC 9162 section
 * 2.1.4.1); empty when the sizes are equal or `first` is 0. Reads O(log second) nodes.
 *
 * @throws VitalchainError `ERR_TREE_RANGE` when `first` is larger than `second`.
 */
export function consistencyProof(first: number, second: number, read: NodeReader): Uint8Array[] {
  checkRange(first, second)
  if (first === 0) return []
  const proof: Uint8Array[] = []
  let start = 0
  let width = second
  while (first < start + width) {
    const left = splitOf(width)
    if (first <= start + left) {
      proof.push(rangeRoot(start + left, width - left, read))
      width = left
    } else {
      proof.push(rangeRoot(start, left, read))
      start += left
      width -= left
    }
  }
  // When the walk never went right, what is left is the first tree itself, whose root is known.
  if (start > 0) proof.push(rangeRoot(start, width, read))
  return proof.toReversed()
}

/** Root that the tree had at an earlier size. Throws as {@link frontierAt} does. */
export function rootAt(size: number, read: NodeReader): Uint8Array {
  return frontierRoot(frontierAt(size, read))
}

/**
 * The frontier that the tree had at an earlier size, for instance to go on appending after a start.
 *
 * @throws VitalchainError `ERR_TREE_RANGE` when the size is not a safe, non-negative integer.
 */
export function frontierAt(size: number, read: NodeReader): Frontier {
  checkRange(size, size)
  return { size, peaks: peaksOf(0, size, read) }
}

/** Root over `width` leaves from leaf `start` on, where the RFC's recursion places a subtree. */
function rangeRoot(start: number, width: number, read: NodeReader): Uint8Array {
  return frontierRoot({ size: width, peaks: peaksOf(start, width, read) })
}

/** The perfect subtrees that make up a range, largest first. `start` is aligned to the largest. */
function peaksOf(start: number, width: number, read: NodeReader): Uint8Array[] {
  const peaks: Uint8Array[] = []
  let from = start
  let rest = width
  for (let level = LEVEL_MAX; level >= 0 && rest > 0; level -= 1) {
    const leaves = 2 ** level
    if (rest >= leaves) {
      peaks.push(read(level, from / leaves))
      from += leaves
      rest -= leaves
    }
  }
  return peaks
}

/** Largest power of two below `width`, which is at least 2. Math.log2 rounds wrongly near 2^53. */
function splitOf(width: number): number {
  let split = 1
  while (split * 2 < width) split *= 2
  return split
}

function checkRange(value: number, max: number): void {
  if (!Number.isSafeInteger(value) || !Number.isSafeInteger(max) || value < 0 || value > max) {
    throw new VitalchainError('ERR_TREE_RANGE', 'the tree has no such leaf or size', {
      values: { value, max }
    })
  }
}
