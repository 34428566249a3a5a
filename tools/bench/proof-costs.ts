// What it costs to make a proof from tiles in a store.
import {
  consistencyProof,
  inclusionProof,
  tileNodeReader,
  type NodeReader,
  type TileReader
} from '@vitalchain/core'
import { createRandom } from '../../packages/node/src/dev/random.ts'
import { percentile } from '../../packages/node/src/dev/percentile.ts'

/** Proofs made of each kind, of random leaves and sizes. */
const PROOFS = 300

/** What it costs to make a proof of one kind. */
export interface ProofCost {
  readonly p50Microseconds: number
  readonly p99Microseconds: number
  /** Nodes of the tree that were asked for, on average. */
  readonly nodeReads: number
  /** Records read from the store, on average. */
  readonly tileReads: number
  /** Hashes in the longest proof. */
  readonly hashesMax: number
}

/** Makes inclusion proofs in a tree, and consistency proofs up to it, as an archive does. */
export function measureProofs(
  size: number,
  readTile: TileReader
): { readonly inclusion: ProofCost; readonly consistency: ProofCost } {
  const random = createRandom(size)
  const below = (limit: number): number => Math.floor(random.uniform() * limit)
  return {
    inclusion: measure(readTile, read => inclusionProof(below(size), size, read)),
    consistency: measure(readTile, read => consistencyProof(1 + below(size - 1), size, read))
  }
}

function measure(
  readTile: TileReader,
  prove: (read: NodeReader) => readonly Uint8Array[]
): ProofCost {
  let nodeReads = 0
  let tileReads = 0
  const readNode = tileNodeReader((level, index) => {
    tileReads += 1
    return readTile(level, index)
  })
  const counted: NodeReader = (level, index) => {
    nodeReads += 1
    return readNode(level, index)
  }
  const times: number[] = []
  let hashesMax = 0
  for (let k = 0; k < PROOFS; k += 1) {
    const from = performance.now()
    const proof = prove(counted)
    times.push(1_000 * (performance.now() - from))
    hashesMax = Math.max(hashesMax, proof.length)
  }
  return {
    p50Microseconds: Math.round(percentile(times, 0.5) ?? 0),
    p99Microseconds: Math.round(percentile(times, 0.99) ?? 0),
    nodeReads: rounded(nodeReads / PROOFS),
    tileReads: rounded(tileReads / PROOFS),
    hashesMax
  }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
