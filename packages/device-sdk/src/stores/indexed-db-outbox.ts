import { comparePlaces, VitalchainError, type Place } from '@vitalchain/core'
import {
  outboxRecord,
  type OutboxContents,
  type OutboxEntry,
  type OutboxLane,
  type OutboxRecord,
  type OutboxStore
} from '../outbox.ts'
import {
  thisBrowser,
  type Browser,
  type IdbDatabase,
  type IdbRequest,
  type IdbTransaction
} from './indexed-db.ts'
import {
  decodeOutboxEntry,
  EMPTY_STATE,
  outboxRecordFormat,
  withEntry,
  withLane,
  withNextBoot,
  type LogRecord,
  type OutboxState
} from './outbox-record.ts'

/** Signed statements, their payloads, and what is known beside them. Payloads apart: a start reads all but those. */
const STORES = ['statements', 'payloads', 'state']

/**
 * An outbox in IndexedDB, for browsers: with strict durability, so that the browser asks the disk before `append`
 * resolves. One page at a time uses it, by a Web Lock, which a browser has on https and localhost. It counts boots. The
 * browser may delete it all when its disk is full, unless the app was granted `navigator.storage.persist()`.
 *
 * @param name - the database; one for each device of this origin
 */
export function indexedDbOutbox(name: string): OutboxStore {
  return new IndexedDbOutbox(name, thisBrowser())
}

class IndexedDbOutbox implements OutboxStore {
  readonly #name: string
  readonly #browser: Browser
  #database: IdbDatabase | undefined
  #release: (() => void) | undefined
  #state: OutboxState = EMPTY_STATE
  #working: Promise<unknown> = Promise.resolve()

  constructor(name: string, browser: Browser) {
    this.#name = name
    this.#browser = browser
  }

  load(): Promise<OutboxContents> {
    return this.#alone(async () => {
      await this.#lock()
      await this.#open()
      const reading = this.#begin('readonly')
      const [state, statements] = await Promise.all([
        answer(reading.objectStore('state').get(0)),
        answer(reading.objectStore('statements').getAll())
      ])
      const found = state === undefined ? EMPTY_STATE : decode(state)
      if (found.type !== 'state') throw corrupt()
      await this.#write('strict', withNextBoot(found), () => undefined)
      const records = statements
        .map(bytes => {
          const record = decode(bytes)
          if (record.type !== 'entry') throw corrupt()
          return outboxRecord(decodeOutboxEntry(record))
        })
        .toSorted(comparePlaces)
      const { boot, epoch, lanes } = this.#state
      const contents = (number: 0 | 1): OutboxLane => ({
        ...lanes[number],
        entries: records.filter(({ lane }) => lane === number)
      })
      return { boot, epoch, lanes: [contents(0), contents(1)] }
    })
  }

  append(entry: OutboxEntry): Promise<void> {
    const { lane, after, transaction, payload, key, binding } = entry
    const memory = { key, binding }
    return this.#alone(() =>
      this.#write('strict', withEntry(this.#state, entry), writing => {
        const all = this.#browser.keyRange?.bound(keyOf(entry), keyOf({ ...after, lane }))
        const statements = writing.objectStore('statements')
        const payloads = writing.objectStore('payloads')
        statements.delete(all)
        payloads.delete(all)
        const stored = outboxRecordFormat.encode({
          type: 'entry',
          memory,
          transaction,
          payload: undefined
        })
        statements.put(stored, keyOf(entry))
        if (payload !== undefined) payloads.put(payload, keyOf(entry))
      })
    )
  }

  read(record: OutboxRecord): Promise<OutboxEntry> {
    return this.#alone(async () => {
      const reading = this.#begin('readonly')
      const [statement, payload] = await Promise.all([
        answer(reading.objectStore('statements').get(keyOf(record))),
        answer(reading.objectStore('payloads').get(keyOf(record)))
      ])
      const stored = decode(statement)
      if (stored.type !== 'entry') throw corrupt()
      const isMissing = record.type === 'readings' && !(payload instanceof Uint8Array)
      if (isMissing) throw corrupt()
      const { transaction } = stored
      return {
        ...record,
        transaction,
        payload: payload instanceof Uint8Array ? payload : undefined
      }
    })
  }

  remove(record: OutboxRecord): Promise<void> {
    // Not strict: an entry that comes back after a power cut is found to be committed.
    return this.#alone(() =>
      this.#write('relaxed', this.#state, writing => {
        writing.objectStore('statements').delete(keyOf(record))
        writing.objectStore('payloads').delete(keyOf(record))
      })
    )
  }

  mark(lane: 0 | 1, sent: Place | undefined): Promise<void> {
    return this.#alone(() => {
      const marked = { ...this.#state.lanes[lane], known: true, sent }
      return this.#write('strict', withLane(this.#state, lane, marked), () => undefined)
    })
  }

  close(): Promise<void> {
    return this.#alone(async () => {
      this.#database?.close()
      this.#database = undefined
      this.#release?.()
      this.#release = undefined
    })
  }

  async #lock(): Promise<void> {
    const { locks } = this.#browser
    if (locks === undefined) throw missing('Web Locks')
    const taken = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    locks
      .request(`vitalchain-outbox-${this.#name}`, { ifAvailable: true }, async lock => {
        if (lock === null) throw inUse()
        this.#release = released.resolve
        taken.resolve()
        await released.promise
      })
      .catch(taken.reject)
    await taken.promise
  }

  async #open(): Promise<void> {
    const { indexedDB, keyRange } = this.#browser
    if (indexedDB === undefined || keyRange === undefined) throw missing('IndexedDB')
    const opening = indexedDB.open(this.#name, 1)
    opening.addEventListener('upgradeneeded', () => {
      for (const store of STORES) opening.result.createObjectStore(store)
    })
    this.#database = await answer(opening)
  }

  #begin(
    mode: 'readonly' | 'readwrite',
    durability: 'strict' | 'relaxed' = 'relaxed'
  ): IdbTransaction {
    if (this.#database === undefined) throw failed(undefined)
    return this.#database.transaction(STORES, mode, { durability })
  }

  /** Writes the state and what else, both or neither. */
  async #write(
    durability: 'strict' | 'relaxed',
    state: OutboxState,
    work: (writing: IdbTransaction) => void
  ): Promise<void> {
    const writing = this.#begin('readwrite', durability)
    const done = Promise.withResolvers<void>()
    writing.addEventListener('complete', () => done.resolve())
    writing.addEventListener('abort', () => done.reject(failed(writing.error)))
    work(writing)
    writing.objectStore('state').put(outboxRecordFormat.encode(state), 0)
    await done.promise
    this.#state = state
  }

  /** One piece of work at a time, in the order of the calls. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#working.then(work)
    this.#working = result.catch(() => undefined)
    return result
  }
}

function answer<T>(request: IdbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () => reject(failed(request.error)))
  })
}

function keyOf({ lane, boot, seq }: Place & { readonly lane: 0 | 1 }): readonly number[] {
  return [lane, boot, seq]
}

function decode(stored: unknown): LogRecord {
  if (!(stored instanceof Uint8Array)) throw corrupt()
  return outboxRecordFormat.decode(stored)
}

function corrupt(): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_CORRUPT', 'the outbox holds something else here')
}

function failed(cause: unknown): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_FAILED', 'the outbox cannot be read or written', { cause })
}

function inUse(): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_IN_USE', 'this outbox is open elsewhere')
}

function missing(what: string): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_FAILED', `this outbox needs ${what}, which is not here`)
}
