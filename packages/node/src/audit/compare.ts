import { equalBytes, compareBytes, TILE_WIDTH, toHex } from '@vitalchain/core'
import { readTransactionRecord } from '../ledger/records.ts'
import type { Store, StoreEntry } from '../store/store.ts'
import { META, numberKey, type TableName } from '../store/tables.ts'
import type { Fault, FaultList } from './fault.ts'
import type { ScratchLedger } from './scratch.ts'
import { numberOf } from './stored-blocks.ts'

/**
 * Compares a table of a store with the one that carrying the blocks out gave: record by record, in the order of the keys,
 * none left out on either side.
 *
 * @param onRecord - told of each record of the store
 */
export async function compareTable(
  table: TableName,
  store: Store,
  derived: ScratchLedger,
  found: FaultList,
  onRecord: () => void
): Promise<void> {
  const report = (kind: Fault['kind'], key: Uint8Array, message: string): void => {
    const height = blockOf(table, key, derived)
    found.add({ kind, table, key: toHex(key), height, message: `${nameOf(table, key)} ${message}` })
  }
  const have = store.entries(table)[Symbol.asyncIterator]()
  const want = derived.store.entries(table)[Symbol.asyncIterator]()
  try {
    let [one, other] = await Promise.all([have.next(), want.next()])
    while (one.done !== true || other.done !== true) {
      const order = compareEnds(one, other)
      if (one.done !== true && order <= 0) {
        const { key, value, damaged } = one.value
        onRecord()
        if (damaged) report('damaged', key, 'is damaged: its checksum is another')
        else if (order < 0) report('orphan', key, 'is of no block')
        else if (other.done !== true && !equalBytes(value, other.value.value))
          report('differs', key, 'is not the one that the blocks give')
      }
      if (other.done !== true && order > 0) report('missing', other.value.key, 'is missing')
      const [nextOne, nextOther] = await Promise.all([
        order <= 0 ? have.next() : one,
        order >= 0 ? want.next() : other
      ])
      one = nextOne
      other = nextOther
    }
  } finally {
    await Promise.all([have.return?.(), want.return?.()])
  }
}

/** Below 0 when the first stands before the second, above 0 when behind it; a side at its end is behind everything. */
function compareEnds(one: IteratorResult<StoreEntry>, other: IteratorResult<StoreEntry>): number {
  if (one.done === true) return 1
  if (other.done === true) return -1
  return compareBytes(one.value.key, other.value.key)
}

/** The block that a record is of: the one that wrote it last. */
export function blockOf(
  table: TableName,
  key: Uint8Array,
  derived: ScratchLedger
): number | undefined {
  const { ledger, store } = derived
  const { head } = ledger
  const ofLeaf = (leaf: number | undefined): number | undefined => {
    const record = leaf === undefined ? undefined : store.get('transactions', numberKey(leaf))
    return record && readTransactionRecord(record).height
  }
  switch (table) {
    case 'headers':
    case 'heard':
      return numberOf(key)
    case 'validators':
      return (numberOf(key) ?? 1) - 1
    case 'transactions':
      return ofLeaf(numberOf(key))
    case 'ids':
    case 'places':
    case 'named': {
      const record = store.get(table, key)
      return ofLeaf(record && numberOf(record))
    }
    case 'tiles': {
      const index = numberOf(key.subarray(1)) ?? 0
      const behind = (index + 1) * TILE_WIDTH ** ((key[0] ?? 0) + 1)
      return ofLeaf(Math.min(behind, head.history.size) - 1)
    }
    case 'state':
    case 'nodes':
      return derived.changedAt(table, key)
    case 'meta':
      return equalBytes(key, META.head) || equalBytes(key, META.leadership) ? head.height : 0
    case 'payloads':
    case 'payloadMeta':
    case 'wanted': {
      const record = store.get('named', key)
      return ofLeaf(record && numberOf(record))
    }
    case 'checkpoints':
      return undefined
  }
}

/** What people call a record. */
export function nameOf(table: TableName, key: Uint8Array): string {
  switch (table) {
    case 'headers':
      return `the header record of block ${numberOf(key) ?? '?'}`
    case 'transactions':
      return `transaction ${numberOf(key) ?? '?'}`
    case 'tiles':
      return `tile ${key[0] ?? '?'}/${numberOf(key.subarray(1)) ?? '?'} of the history`
    case 'validators':
      return `the validator set from block ${numberOf(key) ?? '?'} on`
    case 'meta':
      return `the record "${new TextDecoder().decode(key)}"`
    case 'state':
      return 'a value of the state'
    case 'nodes':
      return 'a node of the state tree'
    case 'ids':
      return 'the place of an identity'
    case 'places':
      return "the place in a device's lane"
    case 'named':
      return 'the newest statement that names a payload'
    case 'payloads':
      return 'a payload'
    case 'payloadMeta':
      return 'the note about a payload'
    case 'wanted':
      return 'the note of a missing payload'
    case 'heard':
      return `what was heard at height ${numberOf(key) ?? '?'}`
    case 'checkpoints':
      return `the shares "${new TextDecoder().decode(key)}"`
  }
}
