import {
  decodeTransaction,
  equalBytes,
  HASH_BYTES,
  leafHash,
  TILE_WIDTH,
  tileNodeReader,
  VitalchainError,
  type Block,
  type Certificate,
  type Header,
  type NodeReader,
  type Place,
  type TileReader,
  type Transaction
} from '@vitalchain/core'
import type { StoreRange, StoreReader, StoreRecord } from '../store/store.ts'
import { numberKey, placeKey, readNumber, tileKey } from '../store/tables.ts'
import type { ValidatorTerm } from './check-header.ts'
import { nodeStore, type Head } from './head.ts'
import { createProofs, type GoodCertificates, type Proofs } from './proofs.ts'
import {
  damaged,
  firstLeaf,
  readHeaderRecord,
  readTransactionRecord,
  toBlock,
  type HeaderRecord,
  type TransactionRecord
} from './records.ts'

/**
 * What was committed, and the proofs of it. Everything is hashed again before it is handed out; what is damaged is
 * `ERR_DAMAGED`, never served.
 */
export interface Archive extends Proofs {
  /** The header of a height; undefined at 0 and above the newest block. */
  header(height: number): Header | undefined
  /** The certificate that this node committed a height with. */
  certificate(height: number): Certificate | undefined
  /** The block of a height, byte for byte as it was decided. */
  block(height: number): Block | undefined
  /** The bytes of the transaction at a position in the history; undefined behind its end. */
  transaction(index: number): Uint8Array | undefined
  /** The same, taken apart. */
  decodedTransaction(index: number): Transaction | undefined
  /** Height of the block that a transaction stands in. @throws VitalchainError `ERR_NOT_COMMITTED` */
  heightOf(index: number): number
  /** The position of a statement, call or conflict by its identity. */
  findTransaction(id: Uint8Array): number | undefined
  /** The position of the gap that stands for statements of which this identity is the last one's. */
  findGap(lastDropped: Uint8Array): number | undefined
  /** The position of the statement that stands at, or for a gap begins at, a place in a device's lane. */
  findPlace(device: Uint8Array, lane: 0 | 1, place: Place): number | undefined
  /** A tile of the history tree; partial ones hold what they hold now. */
  tile(tileLevel: number, tileIndex: number): Uint8Array | undefined
}

/** What an archive reads from. */
export interface ArchiveSource {
  /** The bytes of the genesis document, and their SHA-256. */
  readonly genesis: Uint8Array
  readonly network: Uint8Array
  /** Filled by who commits blocks, too. */
  readonly good: GoodCertificates
  /** The store as of the newest block. */
  readonly view: () => StoreReader
  /** The newest block. */
  readonly head: () => Head
  /** All validator sets since genesis, ascending. */
  readonly terms: () => readonly ValidatorTerm[]
  /** Records of the places table, as they are in the store now. */
  readonly places: (range: StoreRange) => Promise<readonly StoreRecord[]>
}

/** Reads and proves what was committed. */
export function createArchive({
  genesis,
  network,
  good,
  view,
  head,
  terms,
  places
}: ArchiveSource): Archive {
  const size = (): number => head().history.size
  const readTile: TileReader = (tileLevel, tileIndex) =>
    view().get('tiles', tileKey({ tileLevel, tileIndex }))
  const readNode: NodeReader = tileNodeReader(readTile)

  const record = (height: number): HeaderRecord | undefined => {
    if (!Number.isSafeInteger(height) || height < 1 || height > head().height) return undefined
    const encoded = view().get('headers', numberKey(height))
    const found = encoded && readHeaderRecord(encoded)
    if (found?.header.height !== height) throw damaged('header', height)
    return found
  }
  const transaction = (index: number): TransactionRecord | undefined => {
    if (!Number.isSafeInteger(index) || index < 0 || index >= size()) return undefined
    const encoded = view().get('transactions', numberKey(index))
    if (encoded === undefined) throw damaged('transaction', index)
    const found = readTransactionRecord(encoded)
    const position = index % TILE_WIDTH
    const tile = readTile(0, Math.floor(index / TILE_WIDTH))
    const leaf = tile?.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES)
    if (leaf === undefined || !equalBytes(leaf, leafHash(found.bytes))) {
      throw damaged('transaction', index)
    }
    return found
  }
  const committed = (index: number): TransactionRecord => {
    const found = transaction(index)
    if (found === undefined) {
      throw new VitalchainError('ERR_NOT_COMMITTED', `no transaction is at ${index}`, {
        values: { index, size: size() }
      })
    }
    return found
  }

  return {
    header: height => record(height)?.header,
    certificate: height => record(height)?.certificate,
    block(height) {
      const found = record(height)
      if (found === undefined) return undefined
      const first = firstLeaf(found.header)
      const indices = Array.from({ length: found.header.transactionCount }, (_, k) => first + k)
      return toBlock(
        found,
        indices.map(index => committed(index).bytes)
      )
    },
    transaction: index => transaction(index)?.bytes,
    decodedTransaction(index) {
      const found = transaction(index)
      return found && decodeTransaction(found.bytes)
    },
    heightOf: index => committed(index).height,
    findTransaction(id) {
      const leaf = leafOf(view().get('ids', id))
      // Nothing is found in the place of another: whoever asks takes its receipt for that of this one.
      const found = leaf === undefined ? undefined : transaction(leaf)
      if (leaf !== undefined && !(found && equalBytes(decodeTransaction(found.bytes).id, id)))
        throw damaged('place', leaf)
      return leaf
    },
    findGap: lastDropped => leafOf(view().get('named', lastDropped)),
    findPlace: (device, lane, place) => leafOf(view().get('places', placeKey(device, lane, place))),
    tile: readTile,
    ...createProofs({
      genesis,
      network,
      good,
      head,
      terms,
      record,
      committed,
      readNode,
      places,
      state: { get: key => view().get('state', key) },
      nodes: nodeStore(view)
    })
  }
}

function leafOf(encoded: Uint8Array | undefined): number | undefined {
  return encoded && readNumber(encoded)
}
