import {
  appendToTiles,
  EMPTY_FRONTIER,
  frontierHead,
  HASH_BYTES,
  inclusionProof,
  leafHash,
  tileFill,
  tileNodeReader,
  u32be,
  useCryptoBackend,
  type Frontier
} from '@vitalchain/core'
import t from 'tap'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { provenEntries, provenTile } from '../../src/checkpoints/served-tiles.ts'

useCryptoBackend(nodeCryptoBackend)

/** A history of numbered leaves, with its tiles. */
function history(size: number): {
  readonly tiles: Map<string, Uint8Array>
  readonly ledger: Parameters<typeof provenTile>[0]
} {
  const tiles = new Map<string, Uint8Array>()
  const read = (level: number, index: number): Uint8Array | undefined =>
    tiles.get(`${level}/${index}`)
  let frontier: Frontier = EMPTY_FRONTIER
  for (let from = 0; from < size; from += 1_000) {
    const count = Math.min(1_000, size - from)
    const leaves = Array.from({ length: count }, (_, k) => leafHash(u32be(from + k)))
    const next = appendToTiles(frontier, leaves, read)
    frontier = next.frontier
    for (const { tileLevel, tileIndex, bytes } of next.tiles)
      tiles.set(`${tileLevel}/${tileIndex}`, bytes)
  }
  const ledger = {
    head: { history: frontierHead(frontier) },
    tile: read,
    inclusionProof: (index: number, of: number) => inclusionProof(index, of, tileNodeReader(read)),
    transaction: (index: number) => (index < size ? u32be(index) : undefined)
  } as unknown as Parameters<typeof provenTile>[0]
  return { tiles, ledger }
}

const SIZES = [1, 2, 255, 256, 257, 511, 70_000]

for (const size of SIZES) {
  t.test(
    `every tile of a tree of ${size} leaves is proved, at every width that it has`,
    async t => {
      const { tiles, ledger } = history(size)
      for (const [at, [name, bytes]] of [...tiles].entries()) {
        // Full tiles of level 0 are alike.
        if (name.startsWith('0/') && at % 17 > 0 && bytes.length === 256 * HASH_BYTES) continue
        const [tileLevel = 0, tileIndex = 0] = name.split('/').map(Number)
        const fill = tileFill({ tileLevel, tileIndex }, size)
        for (const width of new Set([1, 2, 3, 100, fill - 1, fill].filter(w => w > 0 && w <= fill)))
          t.same(
            provenTile(ledger, { tileLevel, tileIndex, width }),
            bytes.subarray(0, width * HASH_BYTES),
            `${name} to ${width}`
          )
        if (fill < 256)
          t.equal(provenTile(ledger, { tileLevel, tileIndex, width: fill + 1 }), undefined)
      }
      t.equal(provenTile(ledger, { tileLevel: 7, tileIndex: 0, width: 1 }), undefined)
    }
  )
}

t.test('a tile with one flipped bit in any hash is not served', async t => {
  const { tiles, ledger } = history(70_000)
  for (const [name, width] of [
    ['0/0', 256],
    ['0/273', 112],
    ['1/0', 256],
    ['1/1', 17],
    ['2/0', 1]
  ] as const) {
    const [tileLevel = 0, tileIndex = 0] = name.split('/').map(Number)
    const whole = tiles.get(name)!
    for (let at = 0; at < width; at += name === '2/0' ? 1 : 7) {
      const damaged = Uint8Array.from(whole)
      damaged[at * HASH_BYTES + 5]! ^= 4
      tiles.set(name, damaged)
      t.throws(() => provenTile(ledger, { tileLevel, tileIndex, width }), { code: 'ERR_DAMAGED' })
    }
    tiles.set(name, whole.subarray(0, (width - 1) * HASH_BYTES))
    t.throws(() => provenTile(ledger, { tileLevel, tileIndex, width }), { code: 'ERR_DAMAGED' })
    tiles.set(name, whole)
  }
})

t.test(
  'entries are the transactions behind their lengths, and none under a damaged tile',
  async t => {
    const { tiles, ledger } = history(257)
    const bundle = provenEntries(ledger, { tileIndex: 0, width: 256 })!
    t.equal(bundle.length, 256 * 6)
    t.same(bundle.slice(0, 12), Uint8Array.of(0, 4, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1))
    t.same(provenEntries(ledger, { tileIndex: 1, width: 1 }), Uint8Array.of(0, 4, 0, 0, 1, 0))
    t.equal(provenEntries(ledger, { tileIndex: 1, width: 2 }), undefined)
    tiles.get('0/0')![0]! ^= 1
    t.throws(() => provenEntries(ledger, { tileIndex: 0, width: 256 }), { code: 'ERR_DAMAGED' })
  }
)
