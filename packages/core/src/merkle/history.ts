import { compareBytes } from '../bytes.ts'
import { HASH_BYTES, sha256 } from '../crypto/hash.ts'
import { VitalchainError } from '../errors.ts'

/** First byte of what a leaf hash covers (RFC 9162 section 2.1.1): no leaf can pass for a node. */
export const LEAF_PREFIX = 0x00
/** First byte of what an interior hash covers (RFC 9162 section 2.1.1). */
const NODE_PREFIX = 0x01

/** The root of a tree without leaves: SHA-256 of nothing (RFC 9162 section 2.1.1). */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0))

/** A state of the append-only history tree: how many leaves it holds, and the root over them. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * All that is needed to append: the roots of the perfect subtrees that make up a tree of `size`
 * leaves, largest (leftmost) first. There are as many as `size` has one-bits, so at most 53.
 */
export interface Frontier {
  readonly size: number
  readonly peaks: readonly Uint8Array[]
}

/** The frontier of a tree without leaves. */
export const EMPTY_FRONTIER: Frontier = { size: 0, peaks: [] }

/**
 * Is told each perfect subtree as it is completed: the one of 2^`level` leaves that starts at leaf
 * `index` * 2^`level`. Leaves are level 0.
 */
export type NodeListener = (level: number, index: number, hash: Uint8Array) => void

/** Hash of a leaf: SHA-256(0x00 || data) (RFC 9162 section 2.1.1). */
export function leafHash(data: Uint8Array): Uint8Array {
  const input = new Uint8Array(data.length + 1)
  input[0] = LEAF_PREFIX
  input.set(data, 1)
  return sha256(input)
}

// One buffer for all hashes over a pair: hashing is synchronous, and a fresh buffer of 65 bytes
// would cost as much as the hash itself.
const pairInput = new Uint8Array(1 + 2 * HASH_BYTES)

/** SHA-256(prefix || left || right), where left and right are 32 bytes each. */
export function pairHash(prefix: number, left: Uint8Array, right: Uint8Array): Uint8Array {
  pairInput[0] = prefix
  pairInput.set(left, 1)
  pairInput.set(right, 1 + HASH_BYTES)
  return sha256(pairInput)
}

/** Hash of an interior node over its two 32-byte children: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return pairHash(NODE_PREFIX, left, right)
}

/**
 * The frontier after appending leaves by their {@link leafHash}; the given one stays as it is. One
 * node hash a leaf on average.
 *
 * @param onNode is told each completed node, a node after its children.
 * @throws VitalchainError `ERR_TREE_LEAF` when a leaf hash is not 32 bytes long, `ERR_TREE_SIZE`
 *   when the tree would outgrow the safe integers.
 */
export function appendLeaves(
  frontier: Frontier,
  leafHashes: readonly Uint8Array[],
  onNode?: NodeListener
): Frontier {
  const size = frontier.size + leafHashes.length
  if (!Number.isSafeInteger(size)) {
    throw new VitalchainError('ERR_TREE_SIZE', 'the history tree is full', { values: { size } })
  }
  const peaks = [...frontier.peaks]
  for (const [offset, leaf] of leafHashes.entries()) {
    if (leaf.length !== HASH_BYTES) {
      throw new VitalchainError('ERR_TREE_LEAF', 'a leaf hash must be 32 bytes long', {
        values: { length: leaf.length }
      })
    }
    let hash = leaf
    let level = 0
    let index = frontier.size + offset
    onNode?.(level, index, hash)
    // An odd index is a right child: its left sibling is the last peak, and both make a node.
    while (index % 2 === 1) {
      hash = nodeHash(peaks.pop() ?? missingPeak(frontier), hash)
      level += 1
      index = (index - 1) / 2
      onNode?.(level, index, hash)
    }
    peaks.push(hash)
  }
  return { size, peaks }
}

function missingPeak(frontier: Frontier): never {
  throw new VitalchainError('ERR_TREE_FRONTIER', 'the frontier does not fit its size', {
    values: { size: frontier.size, peaks: frontier.peaks.length }
  })
}

/** Root of the tree that a frontier stands for. At most 52 hashes. */
export function frontierRoot(frontier: Frontier): Uint8Array {
  return frontier.peaks.length === 0
    ? EMPTY_ROOT
    : frontier.peaks.reduceRight((right, left) => nodeHash(left, right))
}

/** Size and root of the tree that a frontier stands for. */
export function frontierHead(frontier: Frontier): TreeHead {
  return { size: frontier.size, root: frontierRoot(frontier) }
}

/**
 * Whether `path` proves that the leaf with this hash is number `index` of the tree of `size` leaves
 * under `root` (RFC 9162 section 2.1.3.2). Any input gets an answer; nothing is thrown. A path that
 * is too long or too short is refused, so each fact has one proof.
 */
export function verifyInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array
): boolean {
  const shown = inclusionRoot(leafHash, index, size, path)
  return shown !== undefined && isHash(root) && compareBytes(shown, root) === 0
}

/**
 * The root that the tree of `size` leaves has if this path is that of its leaf number `index`; undefined when the path
 * has not exactly as many hashes as it needs. Any input gets an answer; nothing is thrown.
 */
export function inclusionRoot(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[]
): Uint8Array | undefined {
  if (!isSize(index) || !isSize(size) || index >= size) return undefined
  if (!isHash(leafHash) || !Array.isArray(path)) return undefined
  let hash = leafHash
  let used = 0
  // At each level: the position of the node over the leaf, and that of the last node.
  for (let node = index, last = size - 1; last > 0; node = half(node), last = half(last)) {
    // The last node of a ragged level has no sibling and goes up as it is.
    if (node === last && node % 2 === 0) continue
    const sibling: unknown = path[used]
    if (!isHash(sibling)) return undefined
    hash = node % 2 === 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
    used += 1
  }
  return used === path.length ? hash : undefined
}

/**
 * Whether `proof` shows that the tree `second` was made from the tree `first` by appending only
 * (RFC 9162 section 2.1.4.2). Equal sizes need equal roots and an empty proof, and the empty tree,
 * by its own root, needs an empty proof too (the RFC leaves these two open). Any input gets an
 * answer; nothing is thrown.
 */
export function verifyConsistency(
  first: TreeHead,
  second: TreeHead,
  proof: readonly Uint8Array[]
): boolean {
  if (!isHead(first) || !isHead(second) || !Array.isArray(proof)) return false
  if (first.size > second.size) return false
  if (first.size === second.size) {
    return proof.length === 0 && compareBytes(first.root, second.root) === 0
  }
  if (first.size === 0) return proof.length === 0
  let node = first.size - 1
  let last = second.size - 1
  while (node % 2 === 1) {
    node = half(node)
    last = half(last)
  }
  // The walk starts at the largest perfect subtree that ends where `first` ends. When `first` is
  // itself perfect, that is its root, which the proof then leaves out.
  const wholeTree = node === 0
  const start: unknown = wholeTree ? first.root : proof[0]
  if (!isHash(start)) return false
  let firstHash = start
  let secondHash = start
  for (const sibling of wholeTree ? proof : proof.slice(1)) {
    if (last === 0 || !isHash(sibling)) return false
    if (node % 2 === 1 || node === last) {
      firstHash = nodeHash(sibling, firstHash)
      secondHash = nodeHash(sibling, secondHash)
      while (node % 2 === 0 && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else {
      secondHash = nodeHash(secondHash, sibling)
    }
    node = half(node)
    last = half(last)
  }
  return (
    last === 0 &&
    compareBytes(firstHash, first.root) === 0 &&
    compareBytes(secondHash, second.root) === 0
  )
}

/** Shift right by one. Bit operators would cut the number to 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2)
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** Whether a value is 32 bytes. */
export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === HASH_BYTES
}

/** A head of any shape; that of an empty tree only with the one root it can have. */
function isHead(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { size, root } = value as Partial<Record<keyof TreeHead, unknown>>
  if (!isSize(size) || !isHash(root)) return false
  return size > 0 || compareBytes(root, EMPTY_ROOT) === 0
}
