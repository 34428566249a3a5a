import type { NodeReader } from '@vitalchain/core'

/** Nodes that are remembered: the paths of thousands of transactions in 3 MB. */
const NODES_MAX = 16_384

/** A reader of tree nodes that hashes each of them once. */
export interface NodeMemory {
  readonly read: NodeReader
  /** Forgets all: what was read may have been damaged. */
  forget(): void
}

/**
 * Remembers completed nodes of the history tree, which never change. Without it each path is hashed from whole tiles: some
 * 255 hashes for each of their levels.
 */
export function createNodeMemory(read: NodeReader, max: number = NODES_MAX): NodeMemory {
  const nodes = new Map<string, Uint8Array>()
  return {
    read(level, index) {
      const name = `${level}.${index}`
      const known = nodes.get(name)
      if (known !== undefined) return known
      const node = read(level, index)
      if (nodes.size >= max) for (const [oldest] of nodes) if (nodes.delete(oldest)) break
      nodes.set(name, node)
      return node
    },
    forget: () => nodes.clear()
  }
}
