import { compareBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import {
  EMPTY_NODE,
  encodeStateRecord,
  pathBit,
  readChildren,
  readTop,
  stateInnerHash,
  stateNodeHash,
  statePosition,
  STATE_TOP,
  type LeafNode,
  type NodeStore,
  type StateNode
} from './state-node.ts'

// What users of the tree need of its nodes; the rest is between the files of the tree.
export { EMPTY_STATE_ROOT, STATE_DEPTH_MAX, type NodeStore } from './state-node.ts'

/** A key to set to a value, or to delete when the value is `undefined`. */
export type StateChange = readonly [key: Uint8Array, value: Uint8Array | undefined]

/** Records to keep by position, `undefined` for one to delete. */
export type StateWrites = ReadonlyMap<string, Uint8Array | undefined>

/** What a batch of changes does to the tree. */
export interface StateUpdate {
  /** The root after the changes. */
  readonly root: Uint8Array
  /** What the store must change, all or nothing. */
  readonly writes: StateWrites
}

/** A change by the path of its key; without a value hash it is a deletion. */
interface PathChange {
  readonly path: Uint8Array
  readonly valueHash: Uint8Array | undefined
}

/** One run of an update: where it reads, and what it wants written. */
interface Run {
  readonly store: NodeStore
  readonly changes: readonly PathChange[]
  readonly writes: Map<string, Uint8Array | undefined>
}

/**
 * Root of the tree in a store.
 *
 * @throws VitalchainError `ERR_STATE_NODE` when the record of the whole tree is damaged.
 */
export function readStateRoot(store: NodeStore): Uint8Array {
  return stateNodeHash(readTop(store))
}

/**
 * Applies changes to the state tree: a sparse Merkle tree with SHA-256(key) as path, in which a
 * subtree with one entry is that entry's leaf. So the root depends on the set of entries alone, not
 * on the order or the batches in which they came, and a tree of n entries is about log2 n deep.
 *
 * Changes nothing itself: it returns the writes, which the caller keeps, or throws away with the
 * proposal they belong to. Reads, writes and hashes each touched node once: O(log n) for each key,
 * less in a batch, whose keys share the upper nodes. Of two changes to one key the later one counts;
 * deleting an absent key and setting the value already there do nothing. Records are not hashed
 * again when read: a flipped bit gives another root, which the replicas' vote on the root shows.
 *
 * @throws VitalchainError `ERR_STATE_NODE` when a record is missing or has not the right form.
 */
export function updateStateTree(store: NodeStore, changes: Iterable<StateChange>): StateUpdate {
  const run: Run = { store, changes: sortChanges(changes), writes: new Map() }
  const before = readTop(store)
  const after = updateNode(run, before, 0, 0, run.changes.length)
  // An inner node has written its record; the top has no parent to hold it when it is a leaf.
  if (after !== before && after.kind === 'leaf') run.writes.set(STATE_TOP, encodeStateRecord(after))
  if (after !== before && after.kind === 'empty') run.writes.set(STATE_TOP, undefined)
  return { root: stateNodeHash(after), writes: run.writes }
}

/** A store as it will be after some writes; overlays can be laid upon overlays. */
export function overlayNodes(store: NodeStore, writes: StateWrites): NodeStore {
  return {
    get: position => (writes.has(position) ? writes.get(position) : store.get(position))
  }
}

/** The last change to each key, by path. */
function sortChanges(changes: Iterable<StateChange>): PathChange[] {
  const sorted: PathChange[] = []
  for (const [key, value] of changes) {
    sorted.push({ path: sha256(key), valueHash: value && sha256(value) })
  }
  // The sort is stable, so among changes to one key the last one stays last.
  sorted.sort((one, other) => compareBytes(one.path, other.path))
  return sorted.filter((change, at) => {
    const next = sorted[at + 1]
    return next === undefined || compareBytes(change.path, next.path) !== 0
  })
}

/** Applies the changes `from` to `to`, which all lie under `node`. The same node when it stays. */
function updateNode(run: Run, node: StateNode, depth: number, from: number, to: number): StateNode {
  const some = run.changes[from]
  if (some === undefined || from >= to) return node
  if (node.kind !== 'inner') return buildNode(run, mergeLeaf(run, node, from, to), depth)
  const position = statePosition(some.path, depth)
  const before = readChildren(run.store, position)
  const middle = splitAt(run.changes, depth, from, to)
  const left = updateNode(run, before.left, depth + 1, from, middle)
  const right = updateNode(run, before.right, depth + 1, middle, to)
  if (left === before.left && right === before.right) return node
  return joinNodes(run, position, left, right)
}

/** The entries of a subtree that held at most one, after the changes, by path. */
function mergeLeaf(run: Run, node: StateNode, from: number, to: number): LeafNode[] {
  const leaves: LeafNode[] = []
  let old = node.kind === 'leaf' ? node : undefined
  for (const { path, valueHash } of run.changes.slice(from, to)) {
    const order = old === undefined ? 1 : compareBytes(old.path, path)
    if (old !== undefined && order <= 0) {
      // The same object stays when its value does, which shows that nothing changed.
      const same = valueHash !== undefined && compareBytes(old.valueHash, valueHash) === 0
      if (order < 0 || same) leaves.push(old)
      old = undefined
      if (order === 0 && same) continue
    }
    if (valueHash !== undefined) leaves.push({ kind: 'leaf', path, valueHash })
  }
  if (old !== undefined) leaves.push(old)
  return leaves
}

/** The subtree with just these entries, sorted by path; there are no records under it yet. */
function buildNode(run: Run, leaves: readonly LeafNode[], depth: number): StateNode {
  const [first, second] = leaves
  if (first === undefined) return EMPTY_NODE
  if (second === undefined) return first
  const middle = splitAt(leaves, depth, 0, leaves.length)
  const left = buildNode(run, leaves.slice(0, middle), depth + 1)
  const right = buildNode(run, leaves.slice(middle), depth + 1)
  return joinNodes(run, statePosition(first.path, depth), left, right)
}

/** The node with these children: itself a leaf or empty when no two entries are left in it. */
function joinNodes(run: Run, position: string, left: StateNode, right: StateNode): StateNode {
  const other = left.kind === 'empty' ? right : left
  if ((left.kind === 'empty' || right.kind === 'empty') && other.kind !== 'inner') {
    run.writes.set(position, undefined)
    return other
  }
  const children = { left, right }
  run.writes.set(position, encodeStateRecord(children))
  return { kind: 'inner', hash: stateInnerHash(children) }
}

/** Where, among sorted items from `from` to `to`, those with a one-bit at `depth` begin. */
function splitAt(
  items: readonly { readonly path: Uint8Array }[],
  depth: number,
  from: number,
  to: number
): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >> 1
    const item = items[middle]
    if (item !== undefined && pathBit(item.path, depth) === 0) low = middle + 1
    else high = middle
  }
  return low
}
