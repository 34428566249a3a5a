import { concatBytes, toHex, u8, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import type { NodeStore, StateChange, StateWrites } from '../../src/merkle/state-tree.ts'
import { updateStateTree } from '../../src/merkle/state-tree.ts'

/** The bits of SHA-256(key) as text. */
export function bitsOf(path: Uint8Array): string {
  return Array.from(path, byte => byte.toString(2).padStart(8, '0')).join('')
}

/** The root by its definition, from the whole set of entries, slow and without any state. */
export function stateRoot(entries: Iterable<readonly [Uint8Array, Uint8Array]>): Uint8Array {
  const leaves = Array.from(entries, ([key, value]) => {
    const path = sha256(key)
    return { bits: bitsOf(path), hash: sha256(concatBytes([u8(0), path, sha256(value)])) }
  })
  const root = (part: typeof leaves, depth: number): Uint8Array => {
    if (part.length === 0) return new Uint8Array(32)
    if (part.length === 1) return part[0]!.hash
    const left = part.filter(({ bits }) => bits[depth] === '0')
    const right = part.filter(({ bits }) => bits[depth] === '1')
    return sha256(concatBytes([u8(1), root(left, depth + 1), root(right, depth + 1)]))
  }
  return root(leaves, 0)
}

/** A store in memory that counts what is read. */
export class MemoryNodes implements NodeStore {
  readonly records = new Map<string, Uint8Array>()
  reads = 0

  get(position: string): Uint8Array | undefined {
    this.reads += 1
    return this.records.get(position)
  }

  write(writes: StateWrites): void {
    for (const [position, record] of writes) {
      if (record === undefined) this.records.delete(position)
      else this.records.set(position, record)
    }
  }

  /** Updates and writes at once; gives the root. */
  apply(changes: Iterable<StateChange>): Uint8Array {
    const { root, writes } = updateStateTree(this, changes)
    this.write(writes)
    return root
  }

  /** All records as text, for comparing stores. */
  dump(): string[] {
    return Array.from(
      this.records,
      ([position, record]) => `${position} ${toHex(record)}`
    ).toSorted()
  }
}

/** Key number `index`, at random places of the tree. */
export function keyOf(index: number): Uint8Array {
  return utf8(`key ${index}`)
}

/**
 * Three keys whose paths share at least 16 bits, and two that share 24 and more: what somebody who
 * searches for keys can do to the shape of the tree.
 */
export function crowdedKeys(): {
  triple: Uint8Array[]
  pair: readonly [Uint8Array, Uint8Array]
} {
  const byPrefix = new Map<string, Uint8Array[]>()
  let triple: Uint8Array[] | undefined
  let pair: readonly [Uint8Array, Uint8Array] | undefined
  for (let index = 0; triple === undefined || pair === undefined; index += 1) {
    const key = utf8(`crowded ${index}`)
    const path = toHex(sha256(key))
    const add = (prefix: string): Uint8Array[] => {
      const keys = [...(byPrefix.get(prefix) ?? []), key]
      byPrefix.set(prefix, keys)
      return keys
    }
    const near = add(path.slice(0, 4))
    const nearer = add(path.slice(0, 6))
    if (near.length === 3) triple ??= near
    if (nearer.length === 2) pair ??= [nearer[0]!, nearer[1]!]
  }
  return { triple, pair }
}
