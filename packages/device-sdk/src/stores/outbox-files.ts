import { join } from 'node:path'
import { VitalchainError } from '@vitalchain/core'
import type { Disk, DiskFile } from './disk.ts'
import { encodeLogRecord, readLogRecord } from './outbox-log.ts'
import type { LogRecord } from './outbox-record.ts'

/** Bytes after which a new file is begun: what is left behind of proved statements is at most a few of these. */
export const OUTBOX_FILE_BYTES: number = 1024 * 1024

/** One file of the log. */
export interface LogFile {
  readonly number: number
  size: number
  /** Entries in it that still wait. */
  live: number
}

/** Where a record stands. */
export interface LogPosition {
  readonly file: LogFile
  readonly at: number
  readonly bytes: number
}

/**
 * A log in numbered files. Records go to the last one; files go away from the first one on, so that what a later file
 * says is gone stays gone.
 */
export class OutboxFiles {
  readonly #disk: Disk
  readonly #directory: string
  /** What a new file begins with, so that the files before it are needed for their entries only. */
  readonly #state: () => LogRecord
  readonly #files: LogFile[] = []
  #log: DiskFile | undefined
  /** The file that was read last: a queue is read in the order in which it was written. */
  #reading: { readonly file: LogFile; readonly handle: DiskFile } | undefined
  /** After a failed write nobody knows what the file holds: nothing more is written until it is read again. */
  #failure: VitalchainError | undefined

  constructor(disk: Disk, directory: string, state: () => LogRecord) {
    this.#disk = disk
    this.#directory = directory
    this.#state = state
  }

  /** Bytes of all files. */
  get bytes(): number {
    return this.#files.reduce((sum, { size }) => sum + size, 0)
  }

  /** The file that would go away next; undefined when there is none but the last. */
  get first(): LogFile | undefined {
    return this.#files.length > 1 ? this.#files[0] : undefined
  }

  /** Reads the log from its first file on, and cuts off what a power cut left of a last write. */
  async replay(take: (record: LogRecord, position: LogPosition) => void): Promise<void> {
    const numbers = (await this.#disk.list(this.#directory))
      .flatMap(name => (/^\d{10}\.log$/.test(name) ? [Number.parseInt(name, 10)] : []))
      .toSorted((a, b) => a - b)
    // One that stands before a hole was deleted, and its name outlived that.
    const hole = numbers.findLastIndex((number, k) => k > 0 && number !== (numbers[k - 1] ?? 0) + 1)
    for (const number of numbers.splice(0, Math.max(0, hole)))
      await this.#disk.remove(this.#path(number))
    for (const number of numbers) {
      const file: LogFile = { number, size: 0, live: 0 }
      this.#files.push(file)
      const log = await this.#disk.read(this.#path(number))
      for (
        let next = readLogRecord(log, 0);
        next !== undefined;
        next = readLogRecord(log, file.size)
      ) {
        const position = { file, at: file.size, bytes: next.end - file.size }
        file.size = next.end
        take(next.record, position)
      }
      if (file.size === log.length) continue
      if (number !== numbers.at(-1)) throw damaged(number)
      await this.#cut(file)
    }
  }

  /** Appends a record, and syncs it if told to. A failure is for good. */
  async write(record: LogRecord, sync: boolean): Promise<LogPosition> {
    return this.#orFail(async () => {
      const bytes = encodeLogRecord(record)
      if ((this.#files.at(-1)?.size ?? OUTBOX_FILE_BYTES) + bytes.length > OUTBOX_FILE_BYTES)
        await this.#begin()
      return this.#append(bytes, sync)
    })
  }

  /** All that was written survives a power cut. */
  async sync(): Promise<void> {
    await this.#orFail(async () => this.#log?.sync())
  }

  /** The record at a place. @throws VitalchainError `ERR_OUTBOX_CORRUPT` */
  async read({ file, at, bytes }: LogPosition): Promise<LogRecord> {
    if (this.#reading?.file !== file) {
      await this.#closeReading()
      const handle = await this.#disk.open(this.#path(file.number), 'read')
      this.#reading = { file, handle }
    }
    const found = readLogRecord(await this.#reading.handle.read(bytes, at), 0)
    if (found === undefined) throw damaged(file.number)
    return found.record
  }

  /** Deletes the first file. */
  async dropFirst(): Promise<void> {
    await this.#orFail(async () => {
      const { first } = this
      if (first === undefined) return
      if (this.#reading?.file === first) await this.#closeReading()
      // Synced one by one: a file that came back without those behind it would bring back what is gone.
      await this.#disk.remove(this.#path(first.number))
      await this.#disk.syncDirectory(this.#directory)
      this.#files.shift()
    })
  }

  async close(): Promise<void> {
    await this.#closeReading()
    await this.#log?.close()
  }

  async #cut(file: LogFile): Promise<void> {
    const handle = await this.#disk.open(this.#path(file.number), 'write')
    try {
      await handle.truncate(file.size)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  /** Begins a new file, when all that stands in those before is synced. */
  async #begin(): Promise<void> {
    await this.#log?.sync()
    await this.#log?.close()
    const number = (this.#files.at(-1)?.number ?? 0) + 1
    this.#log = await this.#disk.open(this.#path(number), 'new')
    this.#files.push({ number, size: 0, live: 0 })
    await this.#append(encodeLogRecord(this.#state()), true)
    await this.#disk.syncDirectory(this.#directory)
  }

  async #append(bytes: Uint8Array, sync: boolean): Promise<LogPosition> {
    const file = this.#files.at(-1)
    if (file === undefined) throw new Error('no file is open')
    this.#log ??= await this.#disk.open(this.#path(file.number), 'write')
    const at = file.size
    await this.#log.write(bytes, at)
    if (sync) await this.#log.sync()
    file.size += bytes.length
    return { file, at, bytes: bytes.length }
  }

  async #closeReading(): Promise<void> {
    const reading = this.#reading
    this.#reading = undefined
    await reading?.handle.close()
  }

  #path(number: number): string {
    return join(this.#directory, `${String(number).padStart(10, '0')}.log`)
  }

  async #orFail<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return await work()
    } catch (cause) {
      this.#failure ??= new VitalchainError('ERR_OUTBOX_FAILED', 'the outbox cannot be written', {
        cause
      })
      throw this.#failure
    }
  }
}

function damaged(number: number): VitalchainError {
  return new VitalchainError('ERR_OUTBOX_CORRUPT', `file ${number} of the outbox is damaged`)
}
