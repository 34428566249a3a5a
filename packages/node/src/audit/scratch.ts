import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rules } from '@vitalchain/contracts'
import { concatBytes, utf8, u64be } from '@vitalchain/core'
import { ClassicLevel } from 'classic-level'
import { openLedger, type Ledger } from '../ledger/ledger.ts'
import { openStore, type Store, type StoreWrite } from '../store/store.ts'
import { META, readNumber, TABLES, type TableName } from '../store/tables.ts'

/** Tables of records that anybody gets who carries the blocks out: in two sound stores of one ledger they are equal. */
export const DERIVED_TABLES: readonly TableName[] = [
  'meta',
  'headers',
  'transactions',
  'tiles',
  'validators',
  'ids',
  'places',
  'named',
  'nodes',
  'state'
]

/** Tables of what each node has of its own. */
export const LOCAL_TABLES: readonly TableName[] = [
  'payloads',
  'payloadMeta',
  'wanted',
  'heard',
  'checkpoints'
]

/** Tables whose records change from block to block and do not tell when they did. */
const CHANGING: ReadonlySet<TableName> = new Set<TableName>(['nodes', 'state'])

/** What carrying out blocks needs; the other tables only let people find things. */
const NEEDED: ReadonlySet<TableName> = new Set<TableName>([
  'meta',
  'tiles',
  'validators',
  'nodes',
  'state'
])

/** A ledger in a directory that goes away, made from blocks alone. */
export interface ScratchLedger {
  readonly ledger: Ledger
  readonly store: Store
  /** The block that wrote a record of the state or its tree last; 0 for the genesis. */
  changedAt(table: TableName, key: Uint8Array): number | undefined
  close(): Promise<void>
}

/**
 * Makes an empty ledger in the system's directory for temporary files.
 *
 * @param options - `whole`: whether it gets every record that a node's store has; otherwise what blocks are carried out with
 */
export async function createScratchLedger(
  genesis: Uint8Array,
  rules: Rules,
  { whole }: { readonly whole: boolean }
): Promise<ScratchLedger> {
  const directory = await mkdtemp(join(tmpdir(), 'vitalchain-verify-'))
  const heights = new ClassicLevel<Uint8Array, Uint8Array>(join(directory, 'heights'), {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  let inner: Store | undefined
  const close = async (): Promise<void> => {
    await inner?.close()
    await heights.close()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await heights.open()
    inner = await openStore(join(directory, 'ledger'), undefined, { sync: false })
    const store = scratchStore(inner, heights, whole)
    // By a clock at the end of time no payload is wanted any more.
    const ledger = await openLedger({ store, genesis, rules, now: () => Number.MAX_SAFE_INTEGER })
    return {
      ledger,
      store,
      changedAt(table, key) {
        const found = heights.getSync(heightKey(table, key))
        return found && readNumber(found)
      },
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A store that keeps what an audit needs, and notes which block wrote it. */
function scratchStore(
  inner: Store,
  heights: ClassicLevel<Uint8Array, Uint8Array>,
  whole: boolean
): Store {
  const { location } = inner
  return {
    location,
    get: (table, key) => inner.get(table, key),
    snapshot: () => inner.snapshot(),
    range: (table, range) => inner.range(table, range),
    entries: table => inner.entries(table),
    note: (write, dropBefore) => inner.note(write, dropBefore),
    close: () => inner.close(),
    async write(writes) {
      if (!whole) return inner.write(writes.filter(({ table }) => NEEDED.has(table)))
      const height = headOf(writes)
      const changed = writes.filter(({ table }) => CHANGING.has(table))
      await heights.batch(
        changed.map(({ table, key }) => ({
          type: 'put',
          key: heightKey(table, key),
          value: height
        }))
      )
      return inner.write(writes)
    }
  }
}

function headOf(writes: readonly StoreWrite[]): Uint8Array {
  const head = utf8Key(META.head)
  const found = writes.findLast(({ table, key }) => table === 'meta' && utf8Key(key) === head)
  return found?.value ?? u64be(0)
}

function utf8Key(key: Uint8Array): string {
  return new TextDecoder().decode(key)
}

function heightKey(table: TableName, key: Uint8Array): Uint8Array {
  return concatBytes([utf8(TABLES[table]), key])
}
