import { compareBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { isHash, nodeHash } from './history.ts'
import {
  damaged,
  EMPTY_STATE_ROOT,
  pathBit,
  readChildren,
  readTop,
  stateInnerHash,
  stateLeafHash,
  stateNodeHash,
  statePosition,
  STATE_DEPTH_MAX,
  type NodeStore,
  type StateNode
} from './state-node.ts'

/** Proof that a key has a value in the state, or that it has none. */
export interface StateProof {
  /**
   * Hashes beside the way from the end of the key's path (first) up to the root (last): at most
   * {@link STATE_DEPTH_MAX}, about log2 n in a tree of n entries. Empty siblings are 32 zero bytes.
   */
  readonly siblings: readonly Uint8Array[]
  /** The other entry that is where the key would be. Only in a proof of absence. */
  readonly leaf?: StateProofLeaf
}

/** The leaf of another key, by SHA-256 of that key and of its value. */
export interface StateProofLeaf {
  readonly path: Uint8Array
  readonly valueHash: Uint8Array
}

/** What {@link verifyStateProof} checks: this key has this value, or none, under this root. */
export interface StateClaim {
  readonly root: Uint8Array
  readonly key: Uint8Array
  /** The value; `undefined` claims that the key is absent. */
  readonly value: Uint8Array | undefined
  readonly proof: StateProof
}

/**
 * Proof of the presence or absence of a key in the tree of a store. Every record on the way is hashed
 * again, since a disk can flip bits that it does not notice: what is handed out is consistent.
 *
 * @throws VitalchainError `ERR_STATE_NODE` when a record is missing or damaged.
 */
export function proveState(store: NodeStore, key: Uint8Array): StateProof {
  const path = sha256(key)
  const siblings: Uint8Array[] = []
  let node: StateNode = readTop(store)
  for (let depth = 0; node.kind === 'inner'; depth += 1) {
    const position = statePosition(path, depth)
    const children = readChildren(store, position)
    if (depth >= STATE_DEPTH_MAX || compareBytes(stateInnerHash(children), node.hash) !== 0) {
      throw damaged(position)
    }
    const goesLeft = pathBit(path, depth) === 0
    siblings.push(stateNodeHash(goesLeft ? children.right : children.left))
    node = goesLeft ? children.left : children.right
  }
  siblings.reverse()
  if (node.kind === 'empty' || compareBytes(node.path, path) === 0) return { siblings }
  return { siblings, leaf: { path: node.path, valueHash: node.valueHash } }
}

/**
 * Whether a proof holds. Any input gets an answer; nothing is thrown.
 *
 * Why a proof cannot lie, short of a collision of SHA-256: a leaf is hashed under 0x00 and an inner
 * node under 0x01, both with fixed-length content, so that neither passes for the other, and no input
 * is known that hashes to the 32 zero bytes of an empty subtree. Hence the root fixes one tree, and
 * the path of a key, its bits chosen by the verifier, one way down through it. The leaf contains its
 * whole path, so it cannot be shown in the place of another key that ends in the same subtree; and
 * since an honest tree has an entry's leaf where its way ends, finding there nothing, or the leaf of
 * another key that shares the way so far, shows that the key is absent.
 *
 * Each fact has one proof: the number of siblings is given by the tree, a leaf may be named only
 * where it is needed, and a lone entry must be as high up as it can (the lowest sibling is never
 * empty).
 */
export function verifyStateProof({ root, key, value, proof }: StateClaim): boolean {
  if (!isHash(root) || !(key instanceof Uint8Array) || !isProof(proof)) return false
  if (value !== undefined && !(value instanceof Uint8Array)) return false
  const { siblings, leaf } = proof
  const path = sha256(key)
  const lowest = siblings[0]
  if (lowest !== undefined && compareBytes(lowest, EMPTY_STATE_ROOT) === 0) return false
  let hash: Uint8Array
  if (value !== undefined) {
    if (leaf !== undefined) return false
    hash = stateLeafHash(path, sha256(value))
  } else if (leaf !== undefined) {
    const shared = sharedBits(leaf.path, path)
    if (shared === STATE_DEPTH_MAX || shared < siblings.length) return false
    hash = stateLeafHash(leaf.path, leaf.valueHash)
  } else {
    hash = EMPTY_STATE_ROOT
  }
  let depth = siblings.length
  for (const sibling of siblings) {
    depth -= 1
    hash = pathBit(path, depth) === 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash)
  }
  return compareBytes(hash, root) === 0
}

/** How many leading bits two paths share. */
function sharedBits(one: Uint8Array, other: Uint8Array): number {
  let bits = 0
  while (bits < STATE_DEPTH_MAX && pathBit(one, bits) === pathBit(other, bits)) bits += 1
  return bits
}

/** Whether a value from outside has the form of a proof. */
function isProof(value: unknown): value is StateProof {
  if (typeof value !== 'object' || value === null) return false
  const { siblings, leaf } = value as Partial<Record<keyof StateProof, unknown>>
  if (!Array.isArray(siblings) || siblings.length > STATE_DEPTH_MAX) return false
  // Not `every`, which would step over the holes of a sparse array.
  for (const sibling of siblings) if (!isHash(sibling)) return false
  if (leaf === undefined) return true
  if (typeof leaf !== 'object' || leaf === null) return false
  const { path, valueHash } = leaf as Partial<Record<keyof StateProofLeaf, unknown>>
  return isHash(path) && isHash(valueHash)
}
