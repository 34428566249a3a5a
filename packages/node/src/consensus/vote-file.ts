import { constants } from 'node:fs'
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  concatBytes,
  equalBytes,
  HASH_BYTES,
  sha256,
  u32be,
  u64be,
  utf8,
  VitalchainError
} from '@vitalchain/core'

/**
 * One record of one key that is written anew for every vote. On disk it is a file of two preallocated slots that are
 * written in turn, so the record of before is whole while the next one is written: whatever a crash leaves of that write,
 * the newest whole slot is the record of after or the one of before. Nothing is appended and no file grows, so a write
 * waits for its own sectors and not for the file system's journal.
 *
 * A slot, integers big-endian: magic, 8 bytes; size of a slot, u32; length of the record, u32; number of the write, u64;
 * SHA-256 of {@link CHECKSUM_TAG}, the key, what is in front and the record; the record. Writes with an even number are in
 * the first slot. Behind the record zeros up to {@link PAGE_BYTES}, and then what was there before.
 */
export interface VoteFile {
  /** `damaged`: there is a file, and no whole record in it. What was there is not known. */
  readonly status: 'absent' | 'damaged' | 'whole'
  /** The newest record; undefined when there is none. */
  readonly record: Uint8Array | undefined
  /**
   * Replaces the record. Durable when it resolves. After a write that failed there is no other until the file is opened
   * again: what the disk holds is not known.
   *
   * @throws VitalchainError `ERR_STORE` when there is no record yet, or the disk fails, or failed before
   */
  write(record: Uint8Array): Promise<void>
  /**
   * Makes a new file that holds this record and no trace of those before, whatever was there. Durable when it resolves; a
   * crash leaves the old file or the new one.
   *
   * @throws VitalchainError `ERR_STORE` as {@link write}
   */
  renew(record: Uint8Array): Promise<void>
  /** Waits for a write under way. */
  close(): Promise<void>
}

/** A record with the number of its write. */
interface Numbered {
  readonly seq: number
  readonly record: Uint8Array
}

const MAGIC = utf8('vcvotes1')
const CHECKSUM_TAG = utf8('vitalchain/vote-slot\0')
/** What of a slot's head the checksum covers, bytes. */
const COVERED_BYTES = 24
const HEAD_BYTES = COVERED_BYTES + HASH_BYTES

/** Writes are whole pages: of a part of one, the system would have to read the rest first. */
const PAGE_BYTES = 4096

/**
 * Bytes of a slot at least. A vote state takes 1 to 3 kB and the bodies of a small block some more. The largest page of a
 * processor has this size too, so that no write of one slot rewrites bytes of the other.
 */
export const SLOT_BYTES_MIN: number = 64 * 1024

/** Bytes of a slot at most: a vote state of 256 KiB with the bodies of a block of 1 MiB. */
export const SLOT_BYTES_MAX: number = 2 * 1024 * 1024

/** Linux alone: elsewhere the flag is missing, or says less than a sync does. */
const DSYNC: number = process.platform === 'linux' ? constants.O_DSYNC : 0

/**
 * Opens a record. What is found is written to a new file first: it may be in the system's cache only, left by a process
 * that was killed before its write was durable, and the next write would replace the record that is on the disk.
 *
 * @param key - whose record it is: that of another key is damage
 * @param flag - `O_DSYNC`, or 0 where each write has to be followed by a sync
 * @throws VitalchainError `ERR_STORE` when the disk fails
 */
export async function openVoteFile(
  path: string,
  key: Uint8Array,
  flag: number = DSYNC
): Promise<VoteFile> {
  const found = await readVoteFile(path, key).catch((cause: unknown) => {
    throw failed('the vote state cannot be read', cause)
  })
  const file = new SlottedFile(path, key, flag, found)
  if (found.newest !== undefined) await file.renew(found.newest.record)
  return file
}

/** The file of a key of which nothing is there; {@link VoteFile.renew} makes it. */
export function absentVoteFile(path: string, key: Uint8Array, flag: number = DSYNC): VoteFile {
  return new SlottedFile(path, key, flag, { status: 'absent', newest: undefined })
}

/** The same without a disk. */
export function memoryVoteFile(): VoteFile {
  let record: Uint8Array | undefined
  return {
    get status() {
      return record === undefined ? 'absent' : 'whole'
    },
    get record() {
      return record
    },
    async write(next) {
      if (record === undefined) throw notBegun()
      record = next
    },
    async renew(next) {
      record = next
    },
    close: async () => undefined
  }
}

/** What a file holds. It changes nothing. */
export async function readVoteFile(
  path: string,
  key: Uint8Array
): Promise<{ readonly status: VoteFile['status']; readonly newest: Numbered | undefined }> {
  const size = (await stat(path).catch(undefinedIfAbsent))?.size
  if (size === undefined) return { status: 'absent', newest: undefined }
  const newest = size > 2 * SLOT_BYTES_MAX ? undefined : newestRecord(await readFile(path), key)
  return { status: newest === undefined ? 'damaged' : 'whole', newest }
}

/**
 * The newest whole record in the bytes of a file. A file that is shorter or longer than its slots say has none: no crash
 * of a writer leaves that, so nothing in it is to be believed.
 */
export function newestRecord(file: Uint8Array, key: Uint8Array): Numbered | undefined {
  const slotBytes = file.length / 2
  if (!Number.isInteger(slotBytes) || slotBytes < SLOT_BYTES_MIN) return undefined
  const [even, odd] = [0, 1].map(parity => {
    const found = decodeSlot(file.subarray(parity * slotBytes, (parity + 1) * slotBytes), key)
    return found?.seq === undefined || found.seq % 2 !== parity ? undefined : found
  })
  if (even === undefined || odd === undefined) return even ?? odd
  return even.seq > odd.seq ? even : odd
}

function encodeSlot(key: Uint8Array, slotBytes: number, { seq, record }: Numbered): Uint8Array {
  const used = HEAD_BYTES + record.length
  const slot = new Uint8Array(Math.ceil(used / PAGE_BYTES) * PAGE_BYTES)
  slot.set(concatBytes([MAGIC, u32be(slotBytes), u32be(record.length), u64be(seq)]))
  slot.set(checksum(key, slot.subarray(0, COVERED_BYTES), record), COVERED_BYTES)
  slot.set(record, HEAD_BYTES)
  return slot
}

function decodeSlot(slot: Uint8Array, key: Uint8Array): Numbered | undefined {
  const view = new DataView(slot.buffer, slot.byteOffset, slot.length)
  const length = view.getUint32(MAGIC.length + 4)
  const whole =
    equalBytes(slot.subarray(0, MAGIC.length), MAGIC) &&
    view.getUint32(MAGIC.length) === slot.length &&
    HEAD_BYTES + length <= slot.length
  if (!whole) return undefined
  const record = Uint8Array.from(slot.subarray(HEAD_BYTES, HEAD_BYTES + length))
  const sum = checksum(key, slot.subarray(0, COVERED_BYTES), record)
  if (!equalBytes(sum, slot.subarray(COVERED_BYTES, HEAD_BYTES))) return undefined
  return { seq: Number(view.getBigUint64(MAGIC.length + 8)), record }
}

function checksum(key: Uint8Array, head: Uint8Array, record: Uint8Array): Uint8Array {
  return sha256(concatBytes([CHECKSUM_TAG, key, head, record]))
}

/** The smallest slot that holds a record: a power of two. */
function slotBytesFor(record: Uint8Array): number {
  let size = SLOT_BYTES_MIN
  while (size < HEAD_BYTES + record.length) size *= 2
  if (size > SLOT_BYTES_MAX)
    throw new VitalchainError('ERR_STORE', 'the vote state is larger than its file may be')
  return size
}

class SlottedFile implements VoteFile {
  readonly #path: string
  readonly #key: Uint8Array
  readonly #flag: number
  #status: VoteFile['status']
  #newest: Numbered | undefined
  #slotBytes = 0
  #handle: FileHandle | undefined
  #failure: VitalchainError | undefined
  /** The write under way: the next one begins behind it. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(
    path: string,
    key: Uint8Array,
    flag: number,
    { status, newest }: Awaited<ReturnType<typeof readVoteFile>>
  ) {
    this.#path = path
    this.#key = key
    this.#flag = flag
    this.#status = status
    this.#newest = newest
  }

  get status(): VoteFile['status'] {
    return this.#status
  }

  get record(): Uint8Array | undefined {
    return this.#newest?.record
  }

  write(record: Uint8Array): Promise<void> {
    return this.#change(record, false, async next => {
      if (this.#handle === undefined) throw new Error('the file is closed')
      // A record that outgrew its slot: the file of before stays until the larger one is durable.
      if (HEAD_BYTES + record.length > this.#slotBytes) return this.#replace(next)
      const slot = encodeSlot(this.#key, this.#slotBytes, next)
      await writeAll(this.#handle, slot, (next.seq % 2) * this.#slotBytes)
      if (this.#flag === 0) await this.#handle.datasync()
      return undefined
    })
  }

  renew(record: Uint8Array): Promise<void> {
    return this.#change(record, true, next => this.#replace(next))
  }

  async close(): Promise<void> {
    await this.#busy
    await this.#handle?.close()
    this.#handle = undefined
  }

  #change(
    record: Uint8Array,
    anew: boolean,
    carryOut: (next: Numbered) => Promise<void>
  ): Promise<void> {
    const done = this.#changeAfter(this.#busy, record, anew, carryOut)
    this.#busy = done.catch(() => undefined)
    return done
  }

  async #changeAfter(
    before: Promise<unknown>,
    record: Uint8Array,
    anew: boolean,
    carryOut: (next: Numbered) => Promise<void>
  ): Promise<void> {
    await before
    if (this.#failure !== undefined) throw this.#failure
    if (!anew && this.#newest === undefined) throw notBegun()
    const next = { seq: (this.#newest?.seq ?? -1) + 1, record }
    try {
      await carryOut(next)
    } catch (cause) {
      this.#failure = failed('the vote state could not be written', cause)
      throw this.#failure
    }
    this.#newest = next
    this.#status = 'whole'
  }

  /** Puts a new file in the place of the old one. Its slots are written, not only reserved: their sectors are theirs. */
  async #replace(next: Numbered): Promise<void> {
    const slotBytes = slotBytesFor(next.record)
    const whole = new Uint8Array(2 * slotBytes)
    whole.set(encodeSlot(this.#key, slotBytes, next), (next.seq % 2) * slotBytes)
    const made = `${this.#path}.new`
    try {
      const file = await open(made, 'w', 0o600)
      try {
        await writeAll(file, whole, 0)
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (error) {
      await rm(made, { force: true }).catch(() => undefined)
      throw error
    }
    // Windows replaces no file that is open.
    await this.#handle?.close()
    this.#handle = undefined
    await rename(made, this.#path)
    await syncDirectory(dirname(this.#path))
    this.#handle = await open(this.#path, constants.O_RDWR | this.#flag)
    this.#slotBytes = slotBytes
  }
}

/** One write of the system, and more only when that was cut short. */
async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directory; its file systems keep names in order.
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** For a file that need not be there. */
export function undefinedIfAbsent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

function notBegun(): VitalchainError {
  return new VitalchainError('ERR_STORE', 'no vote state was begun')
}

function failed(message: string, cause: unknown): VitalchainError {
  return new VitalchainError('ERR_STORE', message, { cause })
}
