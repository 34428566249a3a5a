import { HASH_BYTES } from '../crypto/hash.ts'
import { VitalchainError } from '../errors.ts'
import { appendLeaves, EMPTY_FRONTIER, frontierRoot, type Frontier } from './history.ts'
import type { NodeReader } from './history-prove.ts'

/** Levels of the tree that one level of tiles spans (C2SP tlog-tiles). */
const TILE_LEVELS = 8
/** Hashes in a full tile. */
export const TILE_WIDTH: number = 2 ** TILE_LEVELS

/** Names a tile: tile `tileIndex`, from the left, of tile level `tileLevel`. */
export interface TileId {
  /** 0 holds leaf hashes; each hash at level n + 1 is the root of a full tile at level n. */
  readonly tileLevel: number
  readonly tileIndex: number
}

/** A tile: 1 to 256 hashes of 32 bytes, one after the other. */
export interface Tile extends TileId {
  readonly bytes: Uint8Array
}

/** Where a node of the tree is found: it is the root over `width` hashes from `position` on. */
export interface TilePlace extends TileId {
  readonly position: number
  /** 1 when the tile holds the node itself, otherwise a power of two up to 128. */
  readonly width: number
}

/**
 * Reads a tile, as far as it is filled. It may hold more hashes than the tree in question had, never
 * fewer; `undefined` when there is none.
 */
export type TileReader = (tileLevel: number, tileIndex: number) => Uint8Array | undefined

/** The tile that holds the node `index` of `level`, and where in it (C2SP tlog-tiles, "Merkle Tree"). */
export function tileOf(level: number, index: number): TilePlace {
  const width = 2 ** (level % TILE_LEVELS)
  const first = index * width
  return {
    tileLevel: Math.floor(level / TILE_LEVELS),
    tileIndex: Math.floor(first / TILE_WIDTH),
    position: first % TILE_WIDTH,
    width
  }
}

/**
 * How many hashes of a tile are filled in a tree of `size` leaves: 0 to 256. Between 1 and 255 it is
 * a partial tile, and 0 means that there is none.
 */
export function tileFill({ tileLevel, tileIndex }: TileId, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** tileLevel)
  return Math.min(TILE_WIDTH, Math.max(0, hashes - tileIndex * TILE_WIDTH))
}

/**
 * The path at which C2SP tlog-tiles serves a tile in a tree of `size` leaves, without leading slash:
 * `tile/<L>/<N>[.p/<W>]`, N in groups of three digits.
 */
export function tilePath(tile: TileId, size: number): string {
  const digits = String(tile.tileIndex)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const index = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  const fill = tileFill(tile, size)
  return `tile/${tile.tileLevel}/${index}${fill < TILE_WIDTH ? `.p/${fill}` : ''}`
}

/**
 * A node reader over tiles. Levels between those of the tiles are hashed from the tile: at most 127
 * hashes a node.
 *
 * The reader throws VitalchainError `ERR_TILE_MISSING` when a tile is absent or too short.
 */
export function tileNodeReader(readTile: TileReader): NodeReader {
  return (level, index) => {
    const place = tileOf(level, index)
    const bytes = readFilled(readTile, place, place.position + place.width)
    const hashes: Uint8Array[] = []
    for (let at = place.position; at < place.position + place.width; at += 1) {
      hashes.push(bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES))
    }
    return frontierRoot(appendLeaves(EMPTY_FRONTIER, hashes))
  }
}

/**
 * Appends leaves to a tree kept as tiles: the new frontier, and each tile that changed, whole. A
 * block rewrites at most one partial tile a level besides the tiles it fills, so the cost for each
 * leaf does not grow with the tree.
 *
 * @throws VitalchainError `ERR_TILE_MISSING` when a partial tile of the tree cannot be read, and as
 *   {@link appendLeaves} does.
 */
export function appendToTiles(
  frontier: Frontier,
  leafHashes: readonly Uint8Array[],
  readTile: TileReader
): { readonly frontier: Frontier; readonly tiles: readonly Tile[] } {
  // For each tile level the index of its first new hash, and the new hashes.
  const added: { first: number; hashes: Uint8Array[] }[] = []
  const next = appendLeaves(frontier, leafHashes, (level, index, hash) => {
    if (level % TILE_LEVELS !== 0) return
    const row = (added[level / TILE_LEVELS] ??= { first: index, hashes: [] })
    row.hashes.push(hash)
  })
  const tiles = added.flatMap(({ first, hashes }, tileLevel) =>
    fillTiles(tileLevel, first, hashes, readTile)
  )
  return { frontier: next, tiles }
}

/** The tiles of one level that new hashes fall into, with what their first one held before. */
function fillTiles(
  tileLevel: number,
  first: number,
  hashes: readonly Uint8Array[],
  readTile: TileReader
): Tile[] {
  const tiles: Tile[] = []
  let done = 0
  while (done < hashes.length) {
    const tileIndex = Math.floor((first + done) / TILE_WIDTH)
    const kept = (first + done) % TILE_WIDTH
    const part = hashes.slice(done, done + TILE_WIDTH - kept)
    const bytes = new Uint8Array((kept + part.length) * HASH_BYTES)
    if (kept > 0) {
      const before = readFilled(readTile, { tileLevel, tileIndex }, kept)
      bytes.set(before.subarray(0, kept * HASH_BYTES))
    }
    for (const [offset, hash] of part.entries()) bytes.set(hash, (kept + offset) * HASH_BYTES)
    tiles.push({ tileLevel, tileIndex, bytes })
    done += part.length
  }
  return tiles
}

/** A tile that holds at least `fill` hashes. */
function readFilled(readTile: TileReader, tile: TileId, fill: number): Uint8Array {
  const { tileLevel, tileIndex } = tile
  const bytes = readTile(tileLevel, tileIndex)
  if (bytes === undefined || bytes.length < fill * HASH_BYTES) {
    throw new VitalchainError(
      'ERR_TILE_MISSING',
      'a tile of the history tree is missing or short',
      {
        values: { tileLevel, tileIndex, fill, length: bytes?.length ?? 0 }
      }
    )
  }
  return bytes
}
