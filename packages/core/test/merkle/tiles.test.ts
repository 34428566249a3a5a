import t from 'tap'
import { concatBytes, toHex, utf8 } from '../../src/bytes.ts'
import { inclusionProof, rootAt } from '../../src/merkle/history-prove.ts'
import {
  EMPTY_FRONTIER,
  frontierRoot,
  leafHash,
  verifyInclusion
} from '../../src/merkle/history.ts'
import {
  appendToTiles,
  tileFill,
  tileNodeReader,
  tileOf,
  tilePath,
  TILE_WIDTH,
  type TileReader
} from '../../src/merkle/tiles.ts'
import { memoryTree } from './history-reference.ts'
import { useNodeCrypto } from '../ledger/node-crypto.ts'

useNodeCrypto()

/** The size in the example of C2SP tlog-tiles: three levels of tiles. */
const EXAMPLE_SIZE = 70_000
const LEAVES = Array.from({ length: EXAMPLE_SIZE }, (_, index) => leafHash(utf8(`leaf ${index}`)))
const TREE = memoryTree(LEAVES)

/** Appends the leaves in blocks of these sizes in turn. */
function store(blocks: readonly number[], size: number) {
  const tiles = new Map<string, Uint8Array>()
  const readTile: TileReader = (level, index) => tiles.get(`${level}/${index}`)
  let frontier = EMPTY_FRONTIER
  let written = 0
  for (let block = 0; frontier.size < size; block += 1) {
    const count = Math.min(size - frontier.size, blocks[block % blocks.length]!)
    const leaves = LEAVES.slice(frontier.size, frontier.size + count)
    const appended = appendToTiles(frontier, leaves, readTile)
    frontier = appended.frontier
    for (const { tileLevel, tileIndex, bytes } of appended.tiles) {
      tiles.set(`${tileLevel}/${tileIndex}`, bytes)
      written += bytes.length
    }
  }
  return { tiles, readTile, frontier, written }
}

t.test('a tree of 70 000 leaves has the tiles that tlog-tiles lists for it', t => {
  const { tiles, frontier } = store([100, 1, 256, 7, 999], EXAMPLE_SIZE)
  t.same(frontierRoot(frontier), frontierRoot(TREE.frontier))
  const widths = (level: number): number[] =>
    [...tiles]
      .filter(([name]) => name.startsWith(`${level}/`))
      .map(([, bytes]) => bytes.length / 32)
      .toSorted((one, other) => other - one)
  t.same(widths(0), [...Array.from({ length: 273 }, () => 256), 112])
  t.same(widths(1), [256, 17])
  t.same(widths(2), [1])
  t.equal(tiles.size, 274 + 2 + 1)
  t.end()
})

t.test('each tile holds the hashes of the definition, however the blocks were cut', t => {
  const { tiles } = store([3, 500, 1], 3000)
  for (const [name, bytes] of tiles) {
    const [level = 0, index = 0] = name.split('/').map(Number)
    const fill = tileFill({ tileLevel: level, tileIndex: index }, 3000)
    const hashes = Array.from({ length: fill }, (_, at) => TREE.read(8 * level, 256 * index + at))
    t.equal(toHex(bytes), toHex(concatBytes(hashes)), name)
  }
  const whole = store([3000], 3000)
  t.same(new Set(tiles.keys()), new Set(whole.tiles.keys()))
  for (const [name, bytes] of tiles) t.same(bytes, whole.tiles.get(name), name)
  t.end()
})

t.test('every completed node is found in the tiles', t => {
  const { readTile } = store([1000], 1500)
  const read = tileNodeReader(readTile)
  for (let level = 0; 2 ** level <= 1500; level += 1) {
    const last = Math.floor(1500 / 2 ** level) - 1
    for (let index = 0; index <= last; index += level < 3 ? 97 : 1) {
      t.equal(toHex(read(level, index)), toHex(TREE.read(level, index)), `${level}/${index}`)
    }
    t.throws(() => read(level, last + 1), { code: 'ERR_TILE_MISSING' })
  }
  t.end()
})

t.test('tiles prove the tree at its size and at every earlier one', t => {
  const { readTile } = store([333], 70_000)
  const read = tileNodeReader(readTile)
  for (const size of [1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000]) {
    const root = rootAt(size, read)
    t.equal(toHex(root), toHex(rootAt(size, TREE.read)))
    for (const index of [0, size >> 1, size - 1]) {
      t.ok(verifyInclusion(LEAVES[index]!, index, size, inclusionProof(index, size, read), root))
    }
  }
  t.end()
})

t.test('what a leaf costs on disk does not grow with the tree', t => {
  const costOf = (size: number): number => {
    const { readTile, frontier, written } = store([64], size)
    const more = appendToTiles(frontier, LEAVES.slice(size, size + 64), readTile)
    t.ok(more.tiles.length <= 4, `${more.tiles.length} tiles for a block`)
    return written / size
  }
  // In blocks of 64, the four writes of a leaf tile are 80 bytes a leaf. The level above adds half a
  // tile every 256 leaves, 16 bytes a leaf, and all further levels together a 255th of that.
  for (const size of [1024, 4096, 65_536]) {
    const cost = costOf(size)
    t.ok(cost >= 80 && cost < 97, `${cost} bytes a leaf`)
  }
  t.end()
})

t.test('a short or lost partial tile is an error, not another tree', t => {
  const { frontier, readTile } = store([300], 300)
  const cut: TileReader = (level, index) => readTile(level, index)?.subarray(32)
  const missing = { code: 'ERR_TILE_MISSING' }
  t.throws(() => appendToTiles(frontier, LEAVES.slice(300, 301), cut), missing)
  t.throws(() => appendToTiles(frontier, LEAVES.slice(300, 301), () => undefined), missing)
  t.throws(() => rootAt(300, tileNodeReader(cut)), missing)
  t.same(appendToTiles(frontier, [], readTile), { frontier, tiles: [] })
  t.end()
})

t.test('a node is placed by its level and index, also past 32 bits', t => {
  t.same(tileOf(0, 300), { tileLevel: 0, tileIndex: 1, position: 44, width: 1 })
  t.same(tileOf(3, 33), { tileLevel: 0, tileIndex: 1, position: 8, width: 8 })
  t.same(tileOf(8, 300), { tileLevel: 1, tileIndex: 1, position: 44, width: 1 })
  const place = tileOf(7, 2 ** 40 + 1)
  t.same(place, { tileLevel: 0, tileIndex: 2 ** 39, position: 128, width: 128 })
  t.equal(tileFill({ tileLevel: 0, tileIndex: 2 ** 32 }, 2 ** 40 + 5), 5)
  t.equal(tileFill({ tileLevel: 0, tileIndex: 2 ** 32 + 1 }, 2 ** 40 + 5), 0)
  t.equal(tileFill({ tileLevel: 5, tileIndex: 0 }, 2 ** 40), 1)
  t.equal(TILE_WIDTH, 256)
  t.end()
})

function leafTilePath(tileIndex: number, size: number): string {
  return tilePath({ tileLevel: 0, tileIndex }, size)
}

t.test('tiles have the paths of tlog-tiles', t => {
  t.equal(leafTilePath(1_234_067, 2 ** 40), 'tile/0/x001/x234/067')
  t.equal(leafTilePath(0, 256), 'tile/0/000')
  t.equal(leafTilePath(273, 70_000), 'tile/0/273.p/112')
  t.equal(tilePath({ tileLevel: 1, tileIndex: 1 }, 70_000), 'tile/1/001.p/17')
  t.equal(tilePath({ tileLevel: 2, tileIndex: 0 }, 70_000), 'tile/2/000.p/1')
  t.end()
})
