import type { FileHandle } from 'node:fs/promises'
import { isVitalchainError, VitalchainError } from '@vitalchain/core'
import { maskedCrc32c } from './crc32c.ts'
import { openSnappy, readVarint } from './snappy.ts'

/** Two block handles, padding, and the magic number (leveldb, doc/table_format.md). */
const FOOTER_BYTES = 48
const MAGIC = 0xdb47_7524_8b80_fb57n

/** Behind each block: its compression u8, and the checksum of both u32. */
const TRAILER_BYTES = 5

/** Where a block stands in its file, without its trailer. */
interface BlockHandle {
  readonly offset: number
  readonly size: number
}

/** A place in a table file that is not what was written. */
export interface TableDamage {
  readonly offset: number
  readonly message: string
}

/** Checks the checksums of all blocks of a table file of LevelDB, block by block. */
export async function* checkTable(
  file: FileHandle,
  fileBytes: number
): AsyncGenerator<TableDamage> {
  const footerAt = fileBytes - FOOTER_BYTES
  let handles: readonly BlockHandle[]
  let checked = 0
  try {
    const [metaIndex, index] = await readFooter(file, footerAt)
    const lists = await Promise.all(
      [metaIndex, index].map(async handle => readIndex(await readBlock(file, handle, footerAt)))
    )
    handles = lists.flat()
    checked = blockBytes(metaIndex) + blockBytes(index)
  } catch (error) {
    if (!isVitalchainError(error)) throw error
    yield { offset: Number(error.values['offset'] ?? footerAt), message: error.message }
    return
  }
  for (const handle of handles) {
    checked += blockBytes(handle)
    try {
      await readBlock(file, handle, footerAt)
    } catch (error) {
      if (!isVitalchainError(error)) throw error
      yield { offset: handle.offset, message: error.message }
    }
  }
  // The blocks fill the file: nothing in it stayed unchecked.
  if (checked !== footerAt) yield { offset: footerAt, message: 'its blocks do not fill it' }
}

async function readFooter(
  file: FileHandle,
  footerAt: number
): Promise<readonly [BlockHandle, BlockHandle]> {
  if (footerAt < 0) throw damaged('it is too short', 0)
  const footer = await readAt(file, footerAt, FOOTER_BYTES)
  const view = new DataView(footer.buffer, footer.byteOffset, FOOTER_BYTES)
  if (view.getBigUint64(FOOTER_BYTES - 8, true) !== MAGIC) {
    throw damaged('it does not end as a table does', footerAt)
  }
  const [metaIndex, end] = readHandle(footer, 0)
  const [index] = readHandle(footer, end)
  return [metaIndex, index]
}

/** A block's content, its checksum checked. */
async function readBlock(
  file: FileHandle,
  { offset, size }: BlockHandle,
  footerAt: number
): Promise<Uint8Array> {
  if (offset + size + TRAILER_BYTES > footerAt) throw damaged('a block would end outside', offset)
  const bytes = await readAt(file, offset, size + TRAILER_BYTES)
  const sum = new DataView(bytes.buffer, bytes.byteOffset + size + 1).getUint32(0, true)
  if (maskedCrc32c(bytes.subarray(0, size + 1)) !== sum) {
    throw damaged('a block is not what was written', offset)
  }
  const content = bytes.subarray(0, size)
  return bytes[size] === 0 ? content : openSnappy(content)
}

/** The handles that an index block lists. */
function readIndex(block: Uint8Array): BlockHandle[] {
  const handles: BlockHandle[] = []
  const view = new DataView(block.buffer, block.byteOffset, block.length)
  const restarts = block.length < 4 ? 0 : view.getUint32(block.length - 4, true)
  const end = block.length - 4 * (restarts + 1)
  for (let at = 0; at < end;) {
    const [, afterShared] = readVarint(block, at)
    const [rest, afterRest] = readVarint(block, afterShared)
    const [valueBytes, key] = readVarint(block, afterRest)
    const value = key + rest
    const [handle] = readHandle(block, value)
    handles.push(handle)
    at = value + valueBytes
  }
  return handles
}

function readHandle(bytes: Uint8Array, at: number): readonly [BlockHandle, number] {
  const [offset, afterOffset] = readVarint(bytes, at)
  const [size, end] = readVarint(bytes, afterOffset)
  return [{ offset, size }, end]
}

function blockBytes({ size }: BlockHandle): number {
  return size + TRAILER_BYTES
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, position)
  if (bytesRead < length) throw damaged('it ends early', position)
  return buffer
}

function damaged(message: string, offset: number): VitalchainError {
  return new VitalchainError('ERR_DAMAGED', message, { values: { offset } })
}
