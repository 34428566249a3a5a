import { concatBytes, u8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import type { NodeReader } from '../../src/merkle/history-prove.ts'
import { appendLeaves, EMPTY_FRONTIER, nodeHash, type Frontier } from '../../src/merkle/history.ts'

// The definitions of RFC 9162 section 2.1 word for word, slow and without any state: what the
// library must agree with.

function split(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

/** MTH(D_n), section 2.1.1, over leaf hashes. */
export function mth(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0))
  if (leaves.length === 1) return leaves[0]!
  const k = split(leaves.length)
  return sha256(concatBytes([u8(1), mth(leaves.slice(0, k)), mth(leaves.slice(k))]))
}

/** PATH(m, D_n), section 2.1.3.1. */
export function path(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))]
}

/** SUBPROOF(m, D_n, b), section 2.1.4.1. */
export function subproof(m: number, leaves: readonly Uint8Array[], b: boolean): Uint8Array[] {
  if (m === leaves.length) return b ? [] : [mth(leaves)]
  const k = split(leaves.length)
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), b), mth(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))]
}

/** A tree that keeps all its nodes in memory. Reading one that is not complete fails. */
export function memoryTree(leaves: readonly Uint8Array[]): {
  frontier: Frontier
  read: NodeReader
} {
  const nodes = new Map<string, Uint8Array>()
  const frontier = appendLeaves(EMPTY_FRONTIER, leaves, (level, index, hash) => {
    nodes.set(`${level}/${index}`, hash)
  })
  return {
    frontier,
    read: (level, index) => {
      const hash = nodes.get(`${level}/${index}`)
      if (hash === undefined) throw new Error(`no node ${level}/${index}`)
      return hash
    }
  }
}

/**
 * A tree of any size in which all leaves are equal except a few: only the nodes above those few
 * have to be computed.
 */
export function sparseTree(special: ReadonlyMap<number, Uint8Array>): NodeReader {
  const plain = [sha256(u8(0))]
  const plainAt = (level: number): Uint8Array =>
    (plain[level] ??= nodeHash(plainAt(level - 1), plainAt(level - 1)))
  const read = (level: number, index: number): Uint8Array => {
    const width = 2 ** level
    const inside = [...special].filter(([leaf]) => Math.floor(leaf / width) === index)
    if (inside.length === 0) return plainAt(level)
    if (level === 0) return inside[0]![1]
    return nodeHash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
  }
  return read
}
