import { compareBytes } from '../bytes.ts'
import { inclusionProof, type NodeReader } from './history-prove.ts'
import { isHash, nodeHash } from './history.ts'

/** A leaf with its place, and the part of its path that no leaf before it has shown. */
export interface PlacedLeaf {
  readonly index: number
  readonly leafHash: Uint8Array
  readonly path: readonly Uint8Array[]
}

/**
 * The paths of several leaves in the tree of `size` leaves: each as RFC 9162 section 2.1.3.1 has it, but cut where it
 * comes to a node that is on the path of the leaf before, or beside it. So neighbours share what they have in common.
 *
 * @param indices - ascending, none twice
 * @throws VitalchainError `ERR_TREE_RANGE` when the tree of this size has no such leaf.
 */
export function inclusionProofs(
  indices: readonly number[],
  size: number,
  read: NodeReader
): Uint8Array[][] {
  return indices.map((index, k) => {
    const path = inclusionProof(index, size, read)
    const before = indices[k - 1]
    return before === undefined ? path : path.slice(0, unsharedLength(index, before, size))
  })
}

/**
 * Whether paths of {@link inclusionProofs} prove that these leaves are in the tree of `size` leaves under `root`, in
 * ascending order. Any input gets an answer; nothing is thrown. Each fact has one proof: a path that is longer or
 * shorter than it must be is refused.
 */
export function verifyInclusions(
  leaves: readonly PlacedLeaf[],
  size: number,
  root: Uint8Array
): boolean {
  if (!Number.isSafeInteger(size) || !isHash(root)) return false
  // What is proven of the way of the leaf before: the nodes on it and beside it, by level.
  let on: Uint8Array[] = []
  let beside: (Uint8Array | undefined)[] = []
  let before: number | undefined
  for (const { index, leafHash, path } of leaves) {
    if (!Number.isSafeInteger(index) || index <= (before ?? -1) || index >= size) return false
    if (!isHash(leafHash) || !Array.isArray(path)) return false
    const newOn: Uint8Array[] = []
    const newBeside: (Uint8Array | undefined)[] = []
    let hash = leafHash
    let used = 0
    let node = index
    let last = size - 1
    let other = before
    let level = 0
    for (; last > 0 && !isShared(node, other); level += 1) {
      newOn.push(hash)
      let sibling: Uint8Array | undefined
      if (hasSibling(node, last)) {
        const next: unknown = path[used]
        if (!isHash(next)) return false
        sibling = next
        hash = node % 2 === 1 ? nodeHash(next, hash) : nodeHash(hash, next)
        used += 1
      }
      newBeside.push(sibling)
      node = half(node)
      last = half(last)
      other = other === undefined ? undefined : half(other)
    }
    const known =
      other === undefined || last === 0 ? root : node === other ? on[level] : beside[level]
    if (used !== path.length || known === undefined || compareBytes(hash, known) !== 0) return false
    // Where the two ways meet, what was beside the one is on the other.
    const crossed = other !== undefined && node !== other
    on = [...newOn, ...(crossed ? [hash] : on.slice(level, level + 1)), ...on.slice(level + 1)]
    beside = [...newBeside, crossed ? on[level] : beside[level], ...beside.slice(level + 1)]
    before = index
  }
  return true
}

/** How many hashes of a leaf's path come before the first node that the way of another leaf knows. */
function unsharedLength(index: number, other: number, size: number): number {
  let length = 0
  let node = index
  let last = size - 1
  for (let from = other; last > 0 && !isShared(node, from); from = half(from)) {
    if (hasSibling(node, last)) length += 1
    node = half(node)
    last = half(last)
  }
  return length
}

/** Whether a node is on the way of another leaf, or beside it. Leaves ascend, so beside is to the right. */
function isShared(node: number, other: number | undefined): boolean {
  return other !== undefined && (node === other || (other % 2 === 0 && node === other + 1))
}

function hasSibling(node: number, last: number): boolean {
  return node % 2 === 1 || node < last
}

function half(value: number): number {
  return Math.floor(value / 2)
}
