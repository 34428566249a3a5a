import { open, type FileHandle } from 'node:fs/promises'
import { concatBytes, u32be, VitalchainError, type Format } from '@vitalchain/core'

/** Bytes of the length in front of each record. */
const LENGTH_BYTES = 4

/** A file of records, each behind its length (u32, big-endian), that is being read. */
export interface RecordFile {
  /** Bytes of the file. */
  readonly size: number
  /** Where the reader is, in bytes. */
  readonly position: number
  /** The bytes of the next record. @throws VitalchainError `ERR_LEDGER_FILE` when it is not whole, or longer than `bytesMax` */
  next(bytesMax: number): Promise<FoundRecord>
  /** The same, taken apart. @throws VitalchainError `ERR_LEDGER_FILE` when it is something else */
  nextOf<T>(of: Format<T>): Promise<T>
  /** The error about what stands at a byte. */
  malformed(what: string, offset: number, cause?: unknown): VitalchainError
  close(): Promise<void>
}

/** A record as it stands in a file. */
export interface FoundRecord {
  /** Where it begins. */
  readonly at: number
  readonly bytes: Uint8Array
}

/** A record with its length in front. */
export function encodeRecord(content: Uint8Array): Uint8Array {
  return concatBytes([u32be(content.length), content])
}

/**
 * Opens a file of records; holds one of them in memory.
 *
 * @param name - what the file is, for messages
 * @param onBytes - told all bytes of records that were read, in order
 * @throws VitalchainError `ERR_LEDGER_FILE` when it is no file; a system error when it cannot be read
 */
export async function openRecordFile(
  file: string,
  name: string,
  onBytes: (bytes: Uint8Array) => void = () => undefined
): Promise<RecordFile> {
  const malformed = (what: string, offset: number, cause?: unknown): VitalchainError =>
    new VitalchainError('ERR_LEDGER_FILE', `the ${name}: ${what}, at byte ${offset}`, {
      cause,
      values: { offset }
    })
  const handle = await open(file, 'r')
  let size: number
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw malformed('it is no file', 0)
    ;({ size } = found)
  } catch (error) {
    await handle.close()
    throw error
  }
  let position = 0
  const readAt = async (at: number, length: number): Promise<Uint8Array> => {
    const bytes = await readWhole(handle, at, length)
    if (bytes === undefined) throw malformed('it ends early', at)
    return bytes
  }
  const next = async (bytesMax: number): Promise<FoundRecord> => {
    const at = position
    const prefix = await readAt(at, LENGTH_BYTES)
    const length = new DataView(prefix.buffer).getUint32(0)
    if (length > bytesMax) throw malformed('a record is too long', at)
    const bytes = await readAt(at + LENGTH_BYTES, length)
    position = at + LENGTH_BYTES + length
    onBytes(prefix)
    onBytes(bytes)
    return { at, bytes }
  }
  return {
    size,
    get position() {
      return position
    },
    malformed,
    next,
    async nextOf(of) {
      const { at, bytes } = await next(of.bytesMax)
      try {
        return of.decode(bytes)
      } catch (cause) {
        throw malformed(`it holds something else than a ${of.name}`, at, cause)
      }
    },
    close: () => handle.close()
  }
}

async function readWhole(
  handle: FileHandle,
  at: number,
  length: number
): Promise<Uint8Array | undefined> {
  const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, at)
  return bytesRead < length ? undefined : buffer
}
