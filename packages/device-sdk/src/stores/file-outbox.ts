import { dirname, resolve } from 'node:path'
import { comparePlaces, VitalchainError, type Place } from '@vitalchain/core'
import {
  isReplacedBy,
  outboxRecord,
  placeKey,
  type OutboxContents,
  type OutboxEntry,
  type OutboxLane,
  type OutboxRecord,
  type OutboxStore
} from '../outbox.ts'
import { nodeDisk, type Disk } from './disk.ts'
import { OUTBOX_FILE_BYTES, OutboxFiles, type LogFile, type LogPosition } from './outbox-files.ts'
import type { OutboxLock } from './outbox-lock.ts'
import {
  decodeOutboxEntry,
  EMPTY_STATE,
  withEntry,
  withLane,
  withNextBoot,
  type LogRecord,
  type OutboxState,
  type StoredEntry
} from './outbox-record.ts'

/** Bytes on disk for each byte that waits, above which what little holds up the first file is written again. */
const GARBAGE_FACTOR = 1.25

/** Where an entry stands in the log. */
interface Location extends LogPosition, Place {}

/**
 * An outbox in files of a directory, for Node: an append-only log, synced before `append` resolves. One process at a
 * time uses it. It counts boots. A write that was cut short by a power failure is cut off at the next start.
 *
 * @param directory - made if it is missing; nothing else may be in it
 * @param disk - replaced in tests
 */
export function fileOutbox(directory: string, disk: Disk = nodeDisk): OutboxStore {
  return new FileOutbox(resolve(directory), disk)
}

class FileOutbox implements OutboxStore {
  readonly #directory: string
  readonly #disk: Disk
  readonly #files: OutboxFiles
  readonly #lanes: readonly [Map<string, Location>, Map<string, Location>] = [new Map(), new Map()]
  #state: OutboxState = EMPTY_STATE
  /** Bytes of the entries that wait. */
  #liveBytes = 0
  #lock: OutboxLock | undefined
  #working: Promise<unknown> = Promise.resolve()

  constructor(directory: string, disk: Disk) {
    this.#directory = directory
    this.#disk = disk
    this.#files = new OutboxFiles(disk, directory, () => this.#state)
  }

  load(): Promise<OutboxContents> {
    return this.#alone(async () => {
      const made = await this.#disk.makeDirectory(this.#directory)
      this.#lock = await this.#disk.lock(this.#directory)
      const records: Records = [new Map(), new Map()]
      await this.#files.replay((record, position) => this.#replay(record, position, records))
      this.#state = withNextBoot(this.#state)
      // The directory's own name must outlive a power cut too.
      if (made !== undefined) await this.#disk.syncDirectory(dirname(made))
      await this.#files.write(this.#state, true)
      const { lanes, epoch, boot } = this.#state
      const contents = (lane: 0 | 1): OutboxLane => ({
        ...lanes[lane],
        entries: [...records[lane].values()].toSorted(comparePlaces)
      })
      return { boot, epoch, lanes: [contents(0), contents(1)] }
    })
  }

  append(entry: OutboxEntry): Promise<void> {
    const { transaction, payload, key, binding } = entry
    return this.#alone(async () => {
      const memory = { key, binding }
      this.#take(
        entry,
        await this.#files.write({ type: 'entry', memory, transaction, payload }, true)
      )
      await this.#tidy()
    })
  }

  read(record: OutboxRecord): Promise<OutboxEntry> {
    return this.#alone(async () => {
      const location = this.#lanes[record.lane].get(placeKey(record))
      if (location === undefined) throw corrupt('the outbox does not hold this statement')
      const { transaction, payload } = await this.#readEntry(location)
      return { ...record, transaction, payload }
    })
  }

  remove({ lane, boot, seq }: OutboxRecord): Promise<void> {
    return this.#alone(async () => {
      if (!this.#forget(lane, placeKey({ boot, seq }))) return
      // Not synced: an entry that comes back after a power cut is found to be committed.
      await this.#files.write({ type: 'removed', lane, boot, seq }, false)
      await this.#tidy()
    })
  }

  mark(lane: 0 | 1, sent: Place | undefined): Promise<void> {
    return this.#alone(async () => {
      this.#state = withLane(this.#state, lane, { ...this.#state.lanes[lane], known: true, sent })
      await this.#files.write(this.#state, true)
    })
  }

  close(): Promise<void> {
    return this.#alone(async () => {
      try {
        await this.#files.close()
      } finally {
        await this.#lock?.release()
        this.#lock = undefined
      }
    })
  }

  #replay(record: LogRecord, position: LogPosition, records: Records): void {
    switch (record.type) {
      case 'state':
        this.#state = record
        return
      case 'removed':
        this.#forget(record.lane, placeKey(record))
        records[record.lane].delete(placeKey(record))
        return
      case 'entry': {
        const entry = decodeOutboxEntry(record)
        for (const key of this.#take(entry, position)) records[entry.lane].delete(key)
        records[entry.lane].set(placeKey(entry), outboxRecord(entry))
      }
    }
  }

  /** Takes an entry that stands in the log. @returns the places of what it replaced, its own among them */
  #take(record: OutboxRecord, position: LogPosition): readonly string[] {
    const { lane, boot, seq, after } = record
    const places = this.#lanes[lane]
    const replaced = [placeKey(record)]
    // A batch stands for itself only; to look through all of a long queue each time would take long.
    if (comparePlaces(record, after) !== 0) {
      for (const [key, location] of places)
        if (isReplacedBy({ lane, ...location }, record)) replaced.push(key)
    }
    for (const key of replaced) this.#forget(lane, key)
    places.set(placeKey(record), { ...position, boot, seq })
    position.file.live++
    this.#liveBytes += position.bytes
    this.#state = withEntry(this.#state, record)
    return replaced
  }

  #forget(lane: 0 | 1, key: string): boolean {
    const location = this.#lanes[lane].get(key)
    if (location === undefined) return false
    this.#lanes[lane].delete(key)
    location.file.live--
    this.#liveBytes -= location.bytes
    return true
  }

  /** Deletes files from the first on of which nothing waits, and moves what little holds up the first one. */
  async #tidy(): Promise<void> {
    for (let { first } = this.#files; first !== undefined; { first } = this.#files) {
      if (first.live > 0) {
        const allowed = this.#liveBytes * GARBAGE_FACTOR + 2 * OUTBOX_FILE_BYTES
        if (this.#files.bytes <= allowed) return
        await this.#move(first)
      }
      await this.#files.dropFirst()
    }
  }

  /** Writes what waits in a file again at the end of the log. */
  async #move(file: LogFile): Promise<void> {
    for (const lane of this.#lanes) {
      for (const [key, location] of lane) {
        if (location.file !== file) continue
        const moved = await this.#files.write(await this.#readEntry(location), false)
        lane.set(key, { ...location, ...moved })
        file.live--
        moved.file.live++
      }
    }
    await this.#files.sync()
  }

  async #readEntry(location: Location): Promise<StoredEntry> {
    const record = await this.#files.read(location)
    if (record.type !== 'entry') throw corrupt('the outbox holds something else here')
    return record
  }

  /** One piece of work at a time, in the order of the calls. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#working.then(work)
    this.#working = result.catch(() => undefined)
    return result
  }
}

type Records = readonly [Map<string, OutboxRecord>, Map<string, OutboxRecord>]

function corrupt(message: string): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_CORRUPT', message)
}
