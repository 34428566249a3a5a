import {
  appendLeaves,
  blockHash,
  decodeTransaction,
  EMPTY_FRONTIER,
  equalBytes,
  frontierRoot,
  HASH_BYTES,
  inclusionProof,
  isVitalchainError,
  leafHash,
  rootAt,
  TILE_WIDTH,
  tileFill,
  tileNodeReader,
  verifyInclusion,
  VitalchainError,
  type TileId,
  type TileReader,
  type ValidatorSet
} from '@vitalchain/core'
import type { Store, StoreWrite } from '../store/store.ts'
import { numberKey, tileKey } from '../store/tables.ts'
import type { CertifiedBlock } from './certified-block.ts'
import { checkCertifies } from './check-header.ts'
import type { Head } from './head.ts'
import {
  firstLeaf,
  headerWrite,
  indexWrites,
  readHeaderRecord,
  readTransactionRecord,
  transactionWrite,
  type HeaderRecord
} from './records.ts'

/** Transactions whose index records are written at once. */
const INDEX_AT_ONCE = 1_000

/** Writes damaged records of what was committed anew. Nothing is written that does not lead to a certified header. */
export interface Restore {
  /**
   * Takes a block from another node: its header record, and its transactions where they are damaged.
   *
   * @throws VitalchainError `ERR_CERTIFICATE` when it is not the certified block, `ERR_INCLUSION` when its transactions are
   * not those of the history, `ERR_DAMAGED` or `ERR_TILE_MISSING` when tiles have to be healed first
   */
  readonly block: (certified: CertifiedBlock) => Promise<void>
  /**
   * Makes a tile anew from what it is made of.
   *
   * @param given - bytes of transactions whose own records are damaged, by their place, from another node
   * @returns the places of transactions that are damaged and not given; none: the tile is whole
   * @throws VitalchainError `ERR_INCLUSION` when what results does not lead to the root of the newest block
   */
  readonly tile: (
    tile: TileId,
    given: ReadonlyMap<number, Uint8Array>
  ) => Promise<readonly number[]>
  /** Writes all records anew by which transactions are found; slow. */
  readonly index: (signal: AbortSignal) => Promise<void>
}

/** What {@link createRestore} works on. */
export interface RestoreSource {
  readonly network: Uint8Array
  readonly store: Store
  readonly head: () => Head
  readonly validators: (height: number) => ValidatorSet
  /** The bytes of a transaction; throws as `Archive.transaction` */
  readonly transaction: (leaf: number) => Uint8Array | undefined
  /** Runs a task while no block is being written. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>
}

/** Makes the {@link Restore} of a ledger. */
export function createRestore({
  network,
  store,
  head,
  validators,
  transaction,
  exclusive
}: RestoreSource): Restore {
  const readTile: TileReader = (tileLevel, tileIndex) =>
    store.get('tiles', tileKey({ tileLevel, tileIndex }))

  /** The own record of a header with its certificate, both checked. */
  const certifiedHeader = (height: number): HeaderRecord | undefined => {
    const encoded = store.get('headers', numberKey(height))
    const record = encoded && readHeaderRecord(encoded)
    if (record === undefined) return undefined
    const hash = blockHash(record.header)
    checkCertifies(record.certificate, { network, height, hash }, validators(height))
    return record
  }

  const block = async (certified: CertifiedBlock): Promise<void> => {
    const { header, transactions } = certified.block
    const { height, history } = header
    checkCertifies(
      certified.certificate,
      { network, height, hash: blockHash(header) },
      validators(height)
    )
    const writes: StoreWrite[] = []
    if (!isSound(() => certifiedHeader(height))) writes.push(headerWrite(certified))
    const readNode = tileNodeReader(readTile)
    for (const [k, bytes] of transactions.entries()) {
      const leaf = firstLeaf(header) + k
      if (isSound(() => transaction(leaf))) continue
      const path = inclusionProof(leaf, history.size, readNode)
      if (!verifyInclusion(leafHash(bytes), leaf, history.size, path, history.root))
        throw notOfHistory(`transaction ${leaf}`)
      writes.push(transactionWrite(height, leaf, bytes))
      writes.push(...indexWrites(leaf, decodeTransaction(bytes)))
    }
    if (height <= head().height && writes.length > 0) await store.write(writes)
  }

  const tile = async (
    asked: TileId,
    given: ReadonlyMap<number, Uint8Array>
  ): Promise<readonly number[]> => {
    const { history } = head()
    const made = new Map<string, { readonly tile: TileId; readonly bytes: Uint8Array }>()
    const missing: number[] = []
    /** A tile as it is stored or was made; made from what is below it when it is not whole. */
    const whole = (id: TileId): Uint8Array => {
      const known = made.get(nameOf(id))?.bytes
      if (known !== undefined) return known
      const length = tileFill(id, history.size) * HASH_BYTES
      const stored = attempt(() => readTile(id.tileLevel, id.tileIndex))
      if (stored !== undefined && stored.length >= length) return stored.subarray(0, length)
      const bytes = make(id)
      made.set(nameOf(id), { tile: id, bytes })
      return bytes
    }
    const make = (id: TileId): Uint8Array => {
      const bytes = new Uint8Array(tileFill(id, history.size) * HASH_BYTES)
      for (let at = 0; at < bytes.length / HASH_BYTES; at += 1) {
        const below = id.tileIndex * TILE_WIDTH + at
        const hash =
          id.tileLevel === 0
            ? leafOf(below)
            : rootOf(whole({ tileLevel: id.tileLevel - 1, tileIndex: below }))
        bytes.set(hash, at * HASH_BYTES)
      }
      return bytes
    }
    // Read without the tile, which is what is missing.
    const leafOf = (leaf: number): Uint8Array => {
      const record = attempt(() => store.get('transactions', numberKey(leaf)))
      const bytes = record === undefined ? given.get(leaf) : readTransactionRecord(record).bytes
      if (bytes === undefined) missing.push(leaf)
      return bytes === undefined ? new Uint8Array(HASH_BYTES) : leafHash(bytes)
    }

    // Up to the top: each full tile is an entry of the one above, and all of them lead to the root.
    for (let id = asked; ; id = above(id)) {
      const bytes = whole(id)
      if (bytes.length < TILE_WIDTH * HASH_BYTES) break
      const position = (id.tileIndex % TILE_WIDTH) * HASH_BYTES
      const parent = whole(above(id))
      if (missing.length > 0) return missing
      if (!equalBytes(parent.subarray(position, position + HASH_BYTES), rootOf(bytes)))
        throw notOfHistory(`tile ${nameOf(id)}`)
    }
    if (missing.length > 0) return missing
    const readNode = tileNodeReader((tileLevel, tileIndex) => whole({ tileLevel, tileIndex }))
    if (!equalBytes(rootAt(history.size, readNode), history.root)) throw notOfHistory('the history')
    await store.write(
      [...made.values()]
        .filter(({ bytes }) => bytes.length > 0)
        .map(({ tile: id, bytes }) => ({ table: 'tiles', key: tileKey(id), value: bytes }))
    )
    return []
  }

  return {
    block: certified => exclusive(() => block(certified)),
    tile: (asked, given) => exclusive(() => tile(asked, given)),
    async index(signal) {
      // Upwards, so that of two statements that name one payload the newer one stays.
      for (let from = 0; from < head().history.size && !signal.aborted; from += INDEX_AT_ONCE) {
        await exclusive(async () => {
          const writes: StoreWrite[] = []
          for (let leaf = from; leaf < from + INDEX_AT_ONCE; leaf += 1) {
            const bytes = attempt(() => transaction(leaf))
            if (bytes !== undefined) writes.push(...indexWrites(leaf, decodeTransaction(bytes)))
          }
          await store.write(writes)
        })
      }
    }
  }
}

function nameOf({ tileLevel, tileIndex }: TileId): string {
  return `${tileLevel}/${tileIndex}`
}

function above({ tileLevel, tileIndex }: TileId): TileId {
  return { tileLevel: tileLevel + 1, tileIndex: Math.floor(tileIndex / TILE_WIDTH) }
}

function rootOf(tile: Uint8Array): Uint8Array {
  const hashes = Array.from({ length: tile.length / HASH_BYTES }, (_, at) =>
    tile.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES)
  )
  return frontierRoot(appendLeaves(EMPTY_FRONTIER, hashes))
}

function isSound(read: () => unknown): boolean {
  return attempt(read) !== undefined
}

/** What is read; undefined when it is damaged. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isVitalchainError(error) && error.code !== 'ERR_STORE') return undefined
    throw error
  }
}

function notOfHistory(what: string): VitalchainError {
  return new VitalchainError('ERR_INCLUSION', `${what} does not lead to the certified root`, {
    values: { what }
  })
}
