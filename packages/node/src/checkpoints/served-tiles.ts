import {
  appendLeaves,
  concatBytes,
  EMPTY_FRONTIER,
  HASH_BYTES,
  TILE_WIDTH,
  tileFill,
  verifyInclusion,
  VitalchainError,
  type TileId
} from '@vitalchain/core'
import type { LedgerReader } from '../ledger/ledger.ts'

/** Tile levels of a tree of at most 2^53 leaves, from 0 on. */
const TILE_LEVELS_MAX = 7

/** A tile as it is asked for: the first `width` of its hashes, 1 to 256. */
export interface AskedTile extends TileId {
  readonly width: number
}

type TileLedger = Pick<LedgerReader, 'head' | 'tile' | 'inclusionProof' | 'transaction'>

/**
 * A tile of the history, proved to lead to the root of the newest block before it is handed out. One or, for a partial
 * tile, up to eight paths through the tree. spec K-15
 *
 * @returns undefined when the tree does not fill the tile so far
 * @throws VitalchainError `ERR_DAMAGED` when what is stored does not lead to the root
 */
export function provenTile(ledger: TileLedger, asked: AskedTile): Uint8Array | undefined {
  const { tileLevel, tileIndex, width } = asked
  const { size, root } = ledger.head.history
  if (tileLevel >= TILE_LEVELS_MAX || tileFill(asked, size) < width) return undefined
  const stored = ledger.tile(tileLevel, tileIndex)
  if (stored === undefined || stored.length < width * HASH_BYTES) throw damaged(asked)
  const bytes = stored.slice(0, width * HASH_BYTES)
  const hashes = Array.from({ length: width }, (_, k) =>
    bytes.subarray(k * HASH_BYTES, (k + 1) * HASH_BYTES)
  )
  // The tile is made of perfect subtrees, a full one of one alone. Each is a node of the tree, whose path is what the path of
  // its first leaf ends with.
  let first = tileIndex * TILE_WIDTH
  for (const { level, peak } of peaksOf(hashes)) {
    const treeLevel = 8 * tileLevel + level
    const leaves = 2 ** treeLevel
    const index = first / 2 ** level
    const path = ledger.inclusionProof(index * leaves, size).slice(treeLevel)
    if (!verifyInclusion(peak, index, Math.floor((size - 1) / leaves) + 1, path, root))
      throw damaged(asked)
    first += 2 ** level
  }
  return bytes
}

/**
 * The transactions under a tile of level 0 (C2SP tlog-tiles, "Log entries"): each behind its length, u16. Each is hashed
 * again against the proven tile.
 *
 * @returns as {@link provenTile}
 * @throws VitalchainError `ERR_DAMAGED`
 */
export function provenEntries(
  ledger: TileLedger,
  asked: Pick<AskedTile, 'tileIndex' | 'width'>
): Uint8Array | undefined {
  if (provenTile(ledger, { tileLevel: 0, ...asked }) === undefined) return undefined
  const parts: Uint8Array[] = []
  for (let k = 0; k < asked.width; k++) {
    const bytes = ledger.transaction(asked.tileIndex * TILE_WIDTH + k)
    if (bytes === undefined) throw damaged({ tileLevel: 0, ...asked })
    parts.push(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes)
  }
  return concatBytes(parts)
}

/** The perfect subtrees over some hashes, largest first, with their levels above them. */
function peaksOf(
  hashes: readonly Uint8Array[]
): readonly { readonly level: number; readonly peak: Uint8Array }[] {
  const { peaks } = appendLeaves(EMPTY_FRONTIER, hashes)
  const levels = [8, 7, 6, 5, 4, 3, 2, 1, 0].filter(level => (hashes.length >> level) % 2 === 1)
  return levels.flatMap((level, k) => {
    const peak = peaks[k]
    return peak === undefined ? [] : [{ level, peak }]
  })
}

function damaged({ tileLevel, tileIndex }: TileId): VitalchainError {
  return new VitalchainError('ERR_DAMAGED', 'a tile of the history is missing or damaged here', {
    values: { tileLevel, tileIndex }
  })
}
