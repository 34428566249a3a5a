import {
  consistencyProof,
  decodeTransaction,
  equalBytes,
  HASH_BYTES,
  inclusionProof,
  leafHash,
  receiptFormat,
  TILE_WIDTH,
  tileNodeReader,
  verifyInclusion,
  VitalchainError,
  type Block,
  type Certificate,
  type HandOver,
  type Header,
  type NodeReader,
  type Place,
  type TileReader,
  type Transaction
} from '@vitalchain/core'
import type { StoreReader } from '../store/store.ts'
import { numberKey, placeKey, readNumber, tileKey } from '../store/tables.ts'
import type { ValidatorTerm } from './check-header.ts'
import {
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
export interface Archive {
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
  /** The position of the statement that stands at, or for a gap begins at, a place in a device's lane. */
  findPlace(device: Uint8Array, lane: 0 | 1, place: Place): number | undefined
  /** A tile of the history tree; partial ones hold what they hold now. */
  tile(tileLevel: number, tileIndex: number): Uint8Array | undefined
  /** Path of a leaf in the tree of a size. @throws VitalchainError `ERR_TREE_RANGE` */
  inclusionProof(index: number, size: number): Uint8Array[]
  /** Proof that the tree of one size continues that of a smaller. @throws VitalchainError `ERR_TREE_RANGE` */
  consistencyProof(first: number, second: number): Uint8Array[]
  /**
   * The bytes of the receipt of a transaction, against the header of its own block.
   *
   * @throws VitalchainError `ERR_NOT_COMMITTED`, `ERR_DAMAGED` when the store holds no proof that holds
   */
  receipt(index: number): Uint8Array
}

/** What an archive reads from. */
export interface ArchiveSource {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  /** The store as of the newest block. */
  readonly view: () => StoreReader
  /** The number of leaves of the newest block's history. */
  readonly size: () => number
  /** All validator sets since genesis, ascending. */
  readonly terms: () => readonly ValidatorTerm[]
}

/** Reads and proves what was committed. */
export function createArchive({ genesis, view, size, terms }: ArchiveSource): Archive {
  const readTile: TileReader = (tileLevel, tileIndex) =>
    view().get('tiles', tileKey({ tileLevel, tileIndex }))
  const readNode: NodeReader = tileNodeReader(readTile)

  const record = (height: number): HeaderRecord | undefined => {
    if (!Number.isSafeInteger(height) || height < 1) return undefined
    const encoded = view().get('headers', numberKey(height))
    return encoded === undefined ? undefined : readHeaderRecord(encoded)
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
  const requireSize = (asked: number): void => {
    if (asked > size()) {
      throw new VitalchainError('ERR_TREE_RANGE', `the history has ${size()} leaves`, {
        values: { asked, size: size() }
      })
    }
  }
  const handOversUpTo = (height: number): HandOver[] =>
    terms()
      .filter(({ from }) => from > 1 && from <= height)
      .map(({ from, validators }) => {
        const handOver = record(from - 1)
        if (handOver === undefined) throw damaged('header', from - 1)
        return { header: handOver.header, certificate: handOver.certificate, validators }
      })

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
    findTransaction: id => leafOf(view().get('ids', id)),
    findPlace: (device, lane, place) => leafOf(view().get('places', placeKey(device, lane, place))),
    tile: readTile,
    inclusionProof(index, treeSize) {
      requireSize(treeSize)
      return inclusionProof(index, treeSize, readNode)
    },
    consistencyProof(first, second) {
      requireSize(second)
      return consistencyProof(first, second, readNode)
    },
    receipt(index) {
      const { height, bytes } = committed(index)
      const found = record(height)
      if (found === undefined) throw damaged('header', height)
      const { header, certificate } = found
      const path = inclusionProof(index, header.history.size, readNode)
      const { history } = header
      if (!verifyInclusion(leafHash(bytes), index, history.size, path, history.root)) {
        throw damaged('proof', index)
      }
      const handOvers = handOversUpTo(height)
      return receiptFormat.encode({
        genesis,
        handOvers,
        header,
        certificate,
        index,
        path,
        transaction: bytes
      })
    }
  }
}

function leafOf(encoded: Uint8Array | undefined): number | undefined {
  return encoded && readNumber(encoded)
}

function damaged(what: string, index: number): VitalchainError {
  return new VitalchainError('ERR_DAMAGED', `the store's ${what} ${index} is missing or damaged`, {
    values: { what, index }
  })
}
