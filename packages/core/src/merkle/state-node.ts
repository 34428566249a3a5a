import { HASH_BYTES } from '../crypto/hash.ts'
import { VitalchainError } from '../errors.ts'
import { LEAF_PREFIX, nodeHash, pairHash } from './history.ts'

/** Bits of a path, and so the greatest depth of a leaf. */
export const STATE_DEPTH_MAX: number = 8 * HASH_BYTES

/** The hash of a subtree without entries: 32 zero bytes, which no SHA-256 input is known to give. */
export const EMPTY_STATE_ROOT: Uint8Array = new Uint8Array(HASH_BYTES)

/** Reads node records by position; `undefined` when nothing is kept there. */
export interface NodeStore {
  /** The record at a position; undefined where the tree has none. */
  get(position: string): Uint8Array | undefined
}

/** What is in a subtree: nothing, exactly one entry, or two and more. */
export type StateNode = EmptyNode | LeafNode | InnerNode

/** A subtree without entries. */
export interface EmptyNode {
  readonly kind: 'empty'
}

/** A subtree with one entry, at whatever depth: it is that entry's leaf. */
export interface LeafNode {
  readonly kind: 'leaf'
  /** SHA-256 of the key. */
  readonly path: Uint8Array
  /** SHA-256 of the value. */
  readonly valueHash: Uint8Array
}

/** A subtree of two entries or more, by its hash; its record tells its two children. */
export interface InnerNode {
  readonly kind: 'inner'
  readonly hash: Uint8Array
}

/** The two children of an inner node. */
export interface StateChildren {
  readonly left: StateNode
  readonly right: StateNode
}

/** The one empty node. */
export const EMPTY_NODE: EmptyNode = { kind: 'empty' }

/** Bit `depth` of a path, the most significant bit of its first byte being bit 0. */
export function pathBit(path: Uint8Array, depth: number): 0 | 1 {
  const byte = path[depth >> 3] ?? 0
  return (byte & (0x80 >> (depth & 7))) === 0 ? 0 : 1
}

/** Hash of a node as its parent sees it. */
export function stateNodeHash(node: StateNode): Uint8Array {
  if (node.kind === 'inner') return node.hash
  return node.kind === 'leaf' ? stateLeafHash(node.path, node.valueHash) : EMPTY_STATE_ROOT
}

/** Hash of a leaf: SHA-256(0x00 || path || SHA-256(value)). */
export function stateLeafHash(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return pairHash(LEAF_PREFIX, path, valueHash)
}

/** Hash of an inner node: SHA-256(0x01 || left || right). */
export function stateInnerHash({ left, right }: StateChildren): Uint8Array {
  return nodeHash(stateNodeHash(left), stateNodeHash(right))
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0')
)

/**
 * Position of the node at `depth` (0 to 255) on a path: the first `depth` bits, a one-bit, and zeros
 * up to a whole byte, in hexadecimal. With the one-bit no two nodes share a position, it takes
 * three bytes at a million entries, and the order of the positions is the tree from left to right, so
 * that the nodes near a leaf lie in the same block of a sorted store. Hexadecimal because it keeps
 * that order under any key encoding of a store, and can be read in its tools.
 */
export function statePosition(path: Uint8Array, depth: number): string {
  const whole = depth >> 3
  let position = ''
  for (let at = 0; at < whole; at += 1) position += HEX[path[at] ?? 0] ?? ''
  const mark = 0x80 >> (depth & 7)
  // The bits of the last byte above the mark, then the mark; those below it are cut off.
  const last = ((path[whole] ?? 0) & ~(2 * mark - 1) & 0xff) | mark
  return position + (HEX[last] ?? '')
}

/** Position of the record of the whole tree. */
export const STATE_TOP: string = '80'

// A record is a child, or two of them: a byte for what it is, and its content. Only the record of
// the whole tree can be a single leaf; other leaves live in the record of their parent, which spares
// a read and a write for each entry and lets a parent that lost its other child become that leaf.
// Two inner children, the usual case, are just their hashes: no other record is 64 bytes long, and
// up to 64 bytes JavaScript engines allocate ten times faster.
const KINDS = ['empty', 'inner', 'leaf'] as const
const CONTENT_BYTES = { empty: 0, inner: HASH_BYTES, leaf: 2 * HASH_BYTES } as const

/** Record of an inner node, 34 to 130 bytes (64 when both children are inner), or of a tree that is one leaf, 65 bytes. */
export function encodeStateRecord(record: LeafNode | StateChildren): Uint8Array {
  if ('left' in record && record.left.kind === 'inner' && record.right.kind === 'inner') {
    const hashes = new Uint8Array(2 * HASH_BYTES)
    hashes.set(record.left.hash)
    hashes.set(record.right.hash, HASH_BYTES)
    return hashes
  }
  const nodes = 'left' in record ? [record.left, record.right] : [record]
  const bytes = new Uint8Array(nodes.reduce((sum, { kind }) => sum + 1 + CONTENT_BYTES[kind], 0))
  let at = 0
  for (const node of nodes) {
    bytes[at] = KINDS.indexOf(node.kind)
    if (node.kind === 'inner') {
      bytes.set(node.hash, at + 1)
    } else if (node.kind === 'leaf') {
      bytes.set(node.path, at + 1)
      bytes.set(node.valueHash, at + 1 + HASH_BYTES)
    }
    at += 1 + CONTENT_BYTES[node.kind]
  }
  return bytes
}

/** The children of the inner node at a position. Throws as {@link readTop} does. */
export function readChildren(store: NodeStore, position: string): StateChildren {
  const nodes = decodeStateRecord(store.get(position), position)
  const [left, right] = nodes
  if (left === undefined || right === undefined) throw damaged(position)
  return { left, right }
}

/**
 * The whole tree: empty, one leaf, or an inner node.
 *
 * @throws VitalchainError `ERR_STATE_NODE` when the record is damaged.
 */
export function readTop(store: NodeStore): StateNode {
  const record = store.get(STATE_TOP)
  if (record === undefined) return EMPTY_NODE
  const [left, right] = decodeStateRecord(record, STATE_TOP)
  if (left === undefined) throw damaged(STATE_TOP)
  if (right !== undefined) return { kind: 'inner', hash: stateInnerHash({ left, right }) }
  if (left.kind !== 'leaf') throw damaged(STATE_TOP)
  return left
}

function decodeStateRecord(record: Uint8Array | undefined, position: string): StateNode[] {
  if (record === undefined) throw damaged(position)
  if (record.length === 2 * HASH_BYTES) {
    return [
      { kind: 'inner', hash: record.slice(0, HASH_BYTES) },
      { kind: 'inner', hash: record.slice(HASH_BYTES) }
    ]
  }
  const nodes: StateNode[] = []
  let at = 0
  while (at < record.length) {
    const kind = KINDS[record[at] ?? KINDS.length]
    if (kind === undefined || nodes.length === 2) throw damaged(position)
    const from = at + 1
    const middle = from + HASH_BYTES
    at = from + CONTENT_BYTES[kind]
    if (at > record.length) throw damaged(position)
    if (kind === 'empty') nodes.push(EMPTY_NODE)
    else if (kind === 'inner') nodes.push({ kind, hash: record.slice(from, at) })
    else nodes.push({ kind, path: record.slice(from, middle), valueHash: record.slice(middle, at) })
  }
  return nodes
}

/** The error for a record that is absent or not what its parent says. */
export function damaged(position: string): VitalchainError {
  return new VitalchainError('ERR_STATE_NODE', 'a record of the state tree is missing or damaged', {
    values: { position }
  })
}
