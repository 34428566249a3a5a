// What it costs to append to the history tree as it grows, kept as a node keeps it: tiles in LevelDB, one synced write
// for each block.
import { hash } from 'node:crypto'
import {
  appendToTiles,
  EMPTY_FRONTIER,
  frontierHead,
  type TileReader,
  type TreeHead
} from '@vitalchain/core'
import { percentile } from '../../packages/node/src/dev/percentile.ts'
import type { Store, StoreWrite } from '../../packages/node/src/store/store.ts'
import { tileKey } from '../../packages/node/src/store/tables.ts'

/** Leaves of a block: a busy network's second. */
const BLOCK_LEAVES = 1_000

/** What a leaf cost on average since the point before. */
export interface GrowthPoint {
  /** Size of the tree at this point. */
  readonly leaves: number
  /** All of it: hashes, tiles read and written, one sync a block. */
  readonly microsecondsPerLeaf: number
  /** The same in the median block. */
  readonly medianPerLeaf: number
  /** Hashes and tiles read, in the median block. */
  readonly ofWhichHashing: number
  readonly tilesReadPerBlock: number
  readonly tilesWrittenPerBlock: number
  /** Bytes of keys and values given to the store. */
  readonly bytesPerLeaf: number
}

/** A tree that grows in a store. */
export interface GrowingHistory {
  readonly head: TreeHead
  /** Reads tiles as an archive does. */
  readonly readTile: TileReader
  /** Appends made-up leaves up to a size, and says what they cost. */
  growTo(leaves: number): Promise<GrowthPoint>
}

/**
 * An empty tree in an empty store.
 *
 * @param given - leaf hashes that stand at their index in place of made-up ones
 */
export function growingHistory(
  store: Store,
  given: ReadonlyMap<number, Uint8Array> = new Map()
): GrowingHistory {
  let frontier = EMPTY_FRONTIER
  let reads = 0
  const readTile: TileReader = (tileLevel, tileIndex) => {
    reads += 1
    return store.get('tiles', tileKey({ tileLevel, tileIndex }))
  }
  return {
    get head() {
      return frontierHead(frontier)
    },
    readTile,
    async growTo(leaves) {
      const from = frontier.size
      const perLeaf: { hashing: number; all: number }[] = []
      const sum = { ms: 0, tiles: 0, bytes: 0 }
      reads = 0
      while (frontier.size < leaves) {
        const end = Math.min(leaves, frontier.size + BLOCK_LEAVES)
        const hashes = madeUpLeaves(frontier.size, end).map(
          (leaf, offset) => given.get(frontier.size + offset) ?? leaf
        )
        const start = performance.now()
        const appended = appendToTiles(frontier, hashes, readTile)
        const hashed = performance.now()
        const writes = appended.tiles.map((tile): StoreWrite => ({
          table: 'tiles',
          key: tileKey(tile),
          value: tile.bytes
        }))
        await store.write(writes)
        const done = performance.now()
        const microseconds = (ms: number): number => (1_000 * ms) / hashes.length
        perLeaf.push({ hashing: microseconds(hashed - start), all: microseconds(done - start) })
        sum.ms += done - start
        sum.tiles += writes.length
        for (const { key, value } of writes) sum.bytes += 1 + key.length + (value?.length ?? 0)
        frontier = appended.frontier
      }
      const count = frontier.size - from
      return {
        leaves,
        microsecondsPerLeaf: rounded((1_000 * sum.ms) / count),
        medianPerLeaf: median(perLeaf.map(({ all }) => all)),
        ofWhichHashing: median(perLeaf.map(({ hashing }) => hashing)),
        tilesReadPerBlock: rounded(reads / perLeaf.length),
        tilesWrittenPerBlock: rounded(sum.tiles / perLeaf.length),
        bytesPerLeaf: rounded(sum.bytes / count)
      }
    }
  }
}

/** Leaf hashes from one index to another: hashes of the index, the same in every run. */
function madeUpLeaves(from: number, to: number): Uint8Array[] {
  const counter = new Uint8Array(8)
  const view = new DataView(counter.buffer)
  return Array.from({ length: to - from }, (_, offset) => {
    view.setBigUint64(0, BigInt(from + offset))
    return new Uint8Array(hash('sha256', counter, 'buffer'))
  })
}

function median(values: readonly number[]): number {
  return rounded(percentile(values, 0.5) ?? 0)
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
