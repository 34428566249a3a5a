import {
  equalBytes,
  errorCode,
  HASH_BYTES,
  isVitalchainError,
  leafHash,
  TILE_WIDTH,
  toHex
} from '@vitalchain/core'
import type { CertifiedBlock } from '../ledger/certified-block.ts'
import {
  firstLeaf,
  readHeaderParts,
  readTransactionRecord,
  toBlock,
  type HeaderRecord
} from '../ledger/records.ts'
import type { Store } from '../store/store.ts'
import { numberKey, readNumber, tileKey, type TableName } from '../store/tables.ts'
import type { BlockFault } from './carry-out.ts'
import type { Fault } from './fault.ts'

/** A block as it stands in a store, or the fault that keeps it from being read. */
export type StoredBlock =
  | ({ readonly height: number } & CertifiedBlock)
  | { readonly height: number; readonly fault: Fault }

/**
 * Reads the blocks of a store from height 1 on, from their own records alone; ends with the first that cannot be read.
 *
 * @param onFault - told of what is wrong and does not keep a block from being read
 */
export async function* readStoredBlocks(
  store: Store,
  onFault: (fault: Fault) => void
): AsyncGenerator<StoredBlock> {
  let height = 0
  let leaf = 0
  for await (const { key, value, damaged } of store.entries('headers')) {
    height += 1
    const at = { table: 'headers', key: toHex(numberKey(height)), height } as const
    const fail = (kind: Fault['kind'], message: string): StoredBlock => ({
      height,
      fault: { ...at, kind, message: `the header record of block ${height} ${message}` }
    })
    if (!equalBytes(key, numberKey(height))) {
      yield fail('missing', 'is missing')
      return
    }
    if (damaged) {
      yield fail('damaged', 'is damaged: its checksum is another')
      return
    }
    let record: HeaderRecord
    try {
      record = readHeaderParts(value)
    } catch (error) {
      yield fail('unreadable', `cannot be read (${errorCode(error)})`)
      return
    }
    if (firstLeaf(record.header) !== leaf) {
      yield fail('unbound', 'says another place in the history than its predecessor')
      return
    }
    const transactions: Uint8Array[] = []
    for (; leaf < record.header.history.size; leaf += 1) {
      const found = readTransaction(store, leaf, height, onFault)
      if ('fault' in found) {
        yield { height, fault: found.fault }
        return
      }
      transactions.push(found.bytes)
    }
    yield { height, block: toBlock(record, transactions), certificate: record.certificate }
  }
}

/** The record that is at fault when a stored block is: the transaction that its tile does not have, or else its header. */
export function recordOf(
  store: Store,
  { block: { header, transactions } }: CertifiedBlock,
  height: number,
  { part, kind, message }: BlockFault
): Fault {
  const headerFault = {
    kind,
    table: 'headers',
    key: toHex(numberKey(height)),
    height,
    message
  } as const
  if (part !== 'transactions') return headerFault
  const first = firstLeaf(header)
  const offset = transactions.findIndex((bytes, k) => !isInTile(store, first + k, bytes))
  // Where the tile agrees with what the header does not bind, the tile is forged too: any of them can be the one.
  const leaf = first + Math.max(0, offset)
  return {
    kind,
    table: 'transactions',
    key: toHex(numberKey(leaf)),
    height,
    message: `transaction ${leaf} is not the one that block ${height} names`
  }
}

function readTransaction(
  store: Store,
  leaf: number,
  height: number,
  onFault: (fault: Fault) => void
): { readonly bytes: Uint8Array } | { readonly fault: Fault } {
  const at = { table: 'transactions', key: toHex(numberKey(leaf)), height } as const
  const record = readRecord(store, 'transactions', numberKey(leaf))
  if (record === undefined) {
    return { fault: { ...at, kind: 'missing', message: `transaction ${leaf} is missing` } }
  }
  if (record === 'damaged') {
    const message = `transaction ${leaf} is damaged: its checksum is another`
    return { fault: { ...at, kind: 'damaged', message } }
  }
  const { height: said, bytes } = readTransactionRecord(record)
  if (said !== height) {
    const message = `transaction ${leaf} is of block ${height}, and its record says ${said}`
    onFault({ ...at, kind: 'differs', message })
  }
  return { bytes }
}

function isInTile(store: Store, leaf: number, bytes: Uint8Array): boolean {
  const tile = { tileLevel: 0, tileIndex: Math.floor(leaf / TILE_WIDTH) }
  const record = readRecord(store, 'tiles', tileKey(tile))
  if (!(record instanceof Uint8Array)) return false
  const position = (leaf % TILE_WIDTH) * HASH_BYTES
  return equalBytes(record.subarray(position, position + HASH_BYTES), leafHash(bytes))
}

/** A record, or what keeps it from being read. */
export function readRecord(
  store: Store,
  table: TableName,
  key: Uint8Array
): Uint8Array | 'damaged' | undefined {
  try {
    return store.get(table, key)
  } catch (error) {
    if (isVitalchainError(error) && error.code === 'ERR_DAMAGED') return 'damaged'
    throw error
  }
}

/** A number that a record begins with; undefined when it is too short. */
export function numberOf(record: Uint8Array): number | undefined {
  return record.length < 8 ? undefined : readNumber(record)
}
