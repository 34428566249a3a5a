import { crc32 } from 'node:zlib'
import type { AbstractLevel, AbstractSnapshot } from 'abstract-level'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'
import { equalBytes, toHex, u32be, VitalchainError } from '@vitalchain/core'
import { META, TABLES, type TableName } from './tables.ts'

/** Version of the layout in `tables.ts` and of the records in it. */
export const STORE_FORMAT: number = 1

/** Bytes of LevelDB's cache of blocks: holds the upper nodes of a state tree of a million entries. */
const CACHE_BYTES = 64 * 1024 * 1024

/** Bytes of writes in memory before LevelDB sorts them into a table: a few full blocks. */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024

/** Bytes of the checksum in front of each record. */
const CHECKSUM_BYTES = 4

/** A record to write, or, without a value, to delete. */
export interface StoreWrite {
  readonly table: TableName
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** Reads of records, all from one moment or as they are now. */
export interface StoreReader {
  /**
   * The value of a record.
   *
   * @throws VitalchainError `ERR_DAMAGED` when the record is not what was written, `ERR_STORE` when the disk fails
   */
  get(table: TableName, key: Uint8Array): Uint8Array | undefined
}

/** The store as it was when the snapshot was taken. */
export interface StoreSnapshot extends StoreReader {
  close(): Promise<void>
}

/** A record as `dump` shows it. */
export interface StoreEntry {
  /** The table's name, or `?` and the letter of a key of no known table. */
  readonly store: string
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** True when the value is not what was written. */
  readonly damaged: boolean
}

/** Which records of a table to read. */
export interface StoreRange {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly max: number
}

/** A record of a known table. */
export interface StoreRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The disk of one node: tables of bytes by bytes. What is in them is described in `tables.ts`. */
export interface Store extends StoreReader {
  /** The directory, or `memory`. */
  readonly location: string
  /**
   * Writes all or nothing; durable when it resolves. After a write that failed none is taken any more until the store is
   * opened again: LevelDB would append behind the torn record, and drop all from there on when it recovers.
   *
   * @throws VitalchainError `ERR_STORE` when the disk fails, or failed before
   */
  write(writes: readonly StoreWrite[]): Promise<void>
  /**
   * Writes a record that a power cut may take away again, and drops those of the table in front of a key.
   *
   * @throws VitalchainError as {@link write}
   */
  note(write: StoreWrite, dropBefore: Uint8Array): Promise<void>
  /** A view that later writes do not change. It must be closed. */
  snapshot(): StoreSnapshot
  /**
   * Up to `max` records of a table from one key to another, both included, in the order of the keys.
   *
   * @throws VitalchainError `ERR_DAMAGED` when one of them is not what was written, `ERR_STORE` when the disk fails
   */
  range(table: TableName, range: StoreRange): Promise<readonly StoreRecord[]>
  /** Every record, or every record of one table or of no known table, in the order of the keys. */
  entries(table?: TableName | 'unknown'): AsyncIterable<StoreEntry>
  /** Waits for writes under way and closes the files. */
  close(): Promise<void>
}

type Database = AbstractLevel<string | Buffer | Uint8Array, Uint8Array, Uint8Array>

/**
 * Opens the store in a directory, which is made when absent, or a new one in memory when the location is `memory`.
 *
 * @param onFailure - told of the first write that fails: the store takes no other, so the node must end and start again
 * @param options - `sync`: false for a store that is made again after a power cut, and need not be durable;
 * `anyFormat`: true to look into a store whatever its format record says
 * @throws VitalchainError `ERR_STORE_LOCKED` when another process has it open, `ERR_STORE_FORMAT` when it was written in
 * another layout or is no store of a node, `ERR_STORE` when the disk fails
 */
export async function openStore(
  location: string,
  onFailure: (error: VitalchainError) => void = () => undefined,
  { sync = true, anyFormat = false }: { readonly sync?: boolean; readonly anyFormat?: boolean } = {}
): Promise<Store> {
  const encoding = { keyEncoding: 'view', valueEncoding: 'view' }
  const database: Database =
    location === 'memory'
      ? new MemoryLevel<Uint8Array, Uint8Array>({ ...encoding, storeEncoding: 'view' })
      : new ClassicLevel<Uint8Array, Uint8Array>(location, {
          ...encoding,
          cacheSize: CACHE_BYTES,
          writeBufferSize: WRITE_BUFFER_BYTES
        })
  try {
    await database.open()
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    const locked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
    throw locked
      ? new VitalchainError('ERR_STORE_LOCKED', 'another process has the store open', { cause })
      : storeError('the store cannot be opened', cause)
  }
  const store = new LevelStore(location, database, onFailure, sync)
  try {
    if (!anyFormat) await checkFormat(store)
  } catch (error) {
    await store.close()
    throw error
  }
  return store
}

/**
 * Whether an error says that this node's disk failed, and nothing about the data that was being worked on: then a block
 * must not be called invalid.
 */
export function isStoreFailure(error: unknown): error is VitalchainError {
  return error instanceof VitalchainError && STORE_FAILURES.has(error.code)
}

const STORE_FAILURES: ReadonlySet<string> = new Set([
  'ERR_STORE',
  'ERR_DAMAGED',
  'ERR_STATE_NODE',
  'ERR_TILE_MISSING'
])

class LevelStore implements Store {
  readonly location: string
  readonly #database: Database
  readonly #onFailure: (error: VitalchainError) => void
  readonly #sync: boolean
  #failure: VitalchainError | undefined

  constructor(
    location: string,
    database: Database,
    onFailure: (error: VitalchainError) => void,
    sync: boolean
  ) {
    this.location = location
    this.#database = database
    this.#onFailure = onFailure
    this.#sync = sync
  }

  get(table: TableName, key: Uint8Array): Uint8Array | undefined {
    return this.#read(table, key)
  }

  snapshot(): StoreSnapshot {
    const snapshot = this.#database.snapshot()
    return {
      get: (table, key) => this.#read(table, key, snapshot),
      close: () => snapshot.close()
    }
  }

  async write(writes: readonly StoreWrite[]): Promise<void> {
    const operations = writes.map(operationOf)
    this.#requireSound()
    try {
      // `sync` is LevelDB's; the store in memory does not know it.
      await this.#database.batch(operations, { sync: this.#sync } as object)
    } catch (cause) {
      throw this.#fail(cause)
    }
    // One that was under way beside it may stand behind the torn record.
    this.#requireSound()
  }

  async note(write: StoreWrite, dropBefore: Uint8Array): Promise<void> {
    const range = {
      gte: fullKey(write.table, new Uint8Array(0)),
      lt: fullKey(write.table, dropBefore)
    }
    this.#requireSound()
    try {
      await this.#database.batch([operationOf(write)])
      await this.#database.clear(range)
    } catch (cause) {
      throw this.#fail(cause)
    }
    this.#requireSound()
  }

  #requireSound(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(cause: unknown): VitalchainError {
    if (this.#failure === undefined) {
      this.#failure = storeError('the store cannot be written', cause)
      this.#onFailure(this.#failure)
    }
    return this.#failure
  }

  async range(table: TableName, { from, to, max }: StoreRange): Promise<StoreRecord[]> {
    const range = { gte: fullKey(table, from), lte: fullKey(table, to), limit: max }
    let found: [Uint8Array, Uint8Array][]
    try {
      found = await this.#database.iterator(range).all()
    } catch (cause) {
      throw storeError('the store cannot be read', cause)
    }
    return found.map(([full, record]) => ({
      key: Uint8Array.from(full.subarray(1)),
      value: opened(table, full, record)
    }))
  }

  async *entries(table?: TableName | 'unknown'): AsyncGenerator<StoreEntry> {
    if (table === 'unknown') {
      yield* this.#unknownEntries()
      return
    }
    const letter = table && TABLES[table].charCodeAt(0)
    yield* this.#entriesOf(
      letter === undefined ? {} : { gte: Uint8Array.of(letter), lt: Uint8Array.of(letter + 1) }
    )
  }

  /** What stands between the tables. */
  async *#unknownEntries(): AsyncGenerator<StoreEntry> {
    const letters = Object.values(TABLES).map(letter => letter.charCodeAt(0))
    let from = 0
    for (const letter of letters.toSorted((one, other) => one - other)) {
      yield* this.#entriesOf({ gte: Uint8Array.of(from), lt: Uint8Array.of(letter) })
      from = letter + 1
    }
    yield* this.#entriesOf({ gte: Uint8Array.of(from) })
  }

  async *#entriesOf(range: {
    readonly gte?: Uint8Array
    readonly lt?: Uint8Array
  }): AsyncGenerator<StoreEntry> {
    for await (const [full, record] of this.#database.iterator(range)) {
      const name = TABLE_NAMES.get(full[0] ?? 0)
      yield {
        store: name ?? `?${String.fromCharCode(full[0] ?? 0)}`,
        key: Uint8Array.from(full.subarray(1)),
        value: Uint8Array.from(record.subarray(CHECKSUM_BYTES)),
        damaged: unseal(full, record) === undefined
      }
    }
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  #read(table: TableName, key: Uint8Array, snapshot?: AbstractSnapshot): Uint8Array | undefined {
    const full = fullKey(table, key)
    let record: Uint8Array | undefined
    try {
      record =
        snapshot === undefined
          ? this.#database.getSync(full)
          : this.#database.getSync(full, { snapshot })
    } catch (cause) {
      throw storeError('the store cannot be read', cause)
    }
    return record === undefined ? undefined : opened(table, full, record)
  }
}

function opened(table: TableName, full: Uint8Array, record: Uint8Array): Uint8Array {
  const value = unseal(full, record)
  if (value === undefined) {
    throw new VitalchainError('ERR_DAMAGED', 'a record in the store is damaged', {
      values: { table, key: toHex(full.subarray(1)) }
    })
  }
  return value
}

function operationOf({
  table,
  key,
  value
}: StoreWrite):
  | { readonly type: 'del'; readonly key: Uint8Array }
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array } {
  const full = fullKey(table, key)
  return value === undefined
    ? { type: 'del', key: full }
    : { type: 'put', key: full, value: seal(full, value) }
}

const TABLE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TABLES).map(([name, letter]) => [letter.charCodeAt(0), name])
)

function fullKey(table: TableName, key: Uint8Array): Uint8Array {
  const full = new Uint8Array(1 + key.length)
  full[0] = TABLES[table].charCodeAt(0)
  full.set(key, 1)
  return full
}

// LevelDB keeps checksums of its blocks but does not look at them when it reads. A CRC-32 over key and value finds
// every flipped byte, and a value that came back under a wrong key; against people there are the hashes of the ledger.
function seal(full: Uint8Array, value: Uint8Array): Uint8Array {
  const record = new Uint8Array(CHECKSUM_BYTES + value.length)
  record.set(value, CHECKSUM_BYTES)
  new DataView(record.buffer).setUint32(0, crc32(value, crc32(full)))
  return record
}

function unseal(full: Uint8Array, record: Uint8Array): Uint8Array | undefined {
  if (record.length < CHECKSUM_BYTES) return undefined
  // Not `subarray`: a Buffer's slice() would mean something else than a Uint8Array's.
  const value = new Uint8Array(
    record.buffer,
    record.byteOffset + CHECKSUM_BYTES,
    record.length - CHECKSUM_BYTES
  )
  const written = new DataView(record.buffer, record.byteOffset).getUint32(0)
  return crc32(value, crc32(full)) === written ? value : undefined
}

async function checkFormat(store: Store): Promise<void> {
  const format = store.get('meta', META.format)
  if (format === undefined) {
    for await (const entry of store.entries()) {
      throw new VitalchainError('ERR_STORE_FORMAT', 'the directory holds other data', {
        values: { table: entry.store }
      })
    }
    return store.write([{ table: 'meta', key: META.format, value: u32be(STORE_FORMAT) }])
  }
  if (!equalBytes(format, u32be(STORE_FORMAT))) {
    throw new VitalchainError(
      'ERR_STORE_FORMAT',
      `the store has format ${toHex(format)}, this version knows ${STORE_FORMAT}`,
      { values: { format: toHex(format), known: STORE_FORMAT } }
    )
  }
}

function storeError(message: string, cause: unknown): VitalchainError {
  return new VitalchainError('ERR_STORE', message, { cause, retryable: true })
}
