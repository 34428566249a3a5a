import { open, rm, type FileHandle } from 'node:fs/promises'
import {
  bytes,
  concatBytes,
  format,
  GENESIS_BYTES_MAX,
  genesisFormat,
  hash32,
  tagged,
  u32be,
  uint,
  VitalchainError,
  type Format
} from '@vitalchain/core'
import { certifiedBlockFormat, type CertifiedBlock } from '../ledger/certified-block.ts'

/** Bytes of the length in front of each record. */
const LENGTH_BYTES = 4

/** Bytes that are written at once: a few large blocks. */
const WRITE_BYTES = 4 * 1024 * 1024

/** The last record of a ledger file: what tells that nothing is missing behind. */
export interface LedgerFileEnd {
  /** The newest height, 0 when there is only the genesis. */
  readonly height: number
  /** Hash of the newest block; the network id at height 0. */
  readonly head: Uint8Array
}

const headFormat: Format<{ readonly genesis: Uint8Array }> = format(
  'ledger file',
  GENESIS_BYTES_MAX + 64,
  tagged(['vitalchain/ledger', 1], { genesis: bytes(1, GENESIS_BYTES_MAX) })
)

const endFormat: Format<LedgerFileEnd> = format(
  'end of a ledger file',
  128,
  tagged(['vitalchain/ledger-end'], { height: uint(), head: hash32 })
)

/**
 * Writes a ledger file, or none when something fails. spec F-25. The file must not exist.
 *
 * @param blocks - all blocks from height 1 on
 */
export async function writeLedgerFile(
  file: string,
  genesis: Uint8Array,
  blocks: Iterable<CertifiedBlock>,
  end: LedgerFileEnd
): Promise<void> {
  const handle = await open(file, 'wx')
  try {
    let waiting: Uint8Array[] = [record(headFormat.encode({ genesis }))]
    let size = 0
    for (const block of blocks) {
      const next = record(certifiedBlockFormat.encode(block))
      waiting.push(next)
      size += next.length
      if (size < WRITE_BYTES) continue
      await handle.writeFile(concatBytes(waiting))
      waiting = []
      size = 0
    }
    waiting.push(record(endFormat.encode(end)))
    await handle.writeFile(concatBytes(waiting))
    await handle.sync()
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

/** A ledger file that is being read. */
export interface LedgerFileReader {
  readonly genesis: Uint8Array
  /** Bytes of the file. */
  readonly size: number
  /** Where the reader is, in bytes. */
  readonly position: number
  /**
   * The blocks in order, once. Nothing about them is checked but their form.
   *
   * @returns the end that the file states
   * @throws VitalchainError `ERR_LEDGER_FILE` when the file ends early, goes on behind its end or holds something else
   */
  blocks(): AsyncGenerator<CertifiedBlock, LedgerFileEnd>
  close(): Promise<void>
}

/**
 * Opens a ledger file; holds one block in memory. spec F-25
 *
 * @throws VitalchainError `ERR_LEDGER_FILE` when it is none; a system error when it cannot be read
 */
export async function openLedgerFile(file: string): Promise<LedgerFileReader> {
  const handle = await open(file, 'r')
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw malformed('it is no file', 0)
    const { size } = found
    let position = 0
    const next = async (): Promise<{ at: number; bytes: Uint8Array }> => {
      const at = position
      const prefix = await readAt(handle, at, LENGTH_BYTES)
      const length = new DataView(prefix.buffer).getUint32(0)
      if (length > certifiedBlockFormat.bytesMax) throw malformed('a record is too long', at)
      const content = await readAt(handle, at + LENGTH_BYTES, length)
      position = at + LENGTH_BYTES + length
      return { at, bytes: content }
    }
    const head = await next()
    const { genesis } = read(headFormat, head)
    read(genesisFormat, { at: head.at, bytes: genesis })
    return {
      genesis,
      size,
      get position() {
        return position
      },
      async *blocks() {
        for (;;) {
          const found = await next()
          // The end is the only record of text and not of two items.
          const end = attempt(() => endFormat.decode(found.bytes))
          if (end === undefined) {
            yield read(certifiedBlockFormat, found)
            continue
          }
          if (position !== size) throw malformed('it goes on behind its end', position)
          return end
        }
      },
      close: () => handle.close()
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function record(content: Uint8Array): Uint8Array {
  return concatBytes([u32be(content.length), content])
}

function read<T>(of: Format<T>, { at, bytes: content }: { at: number; bytes: Uint8Array }): T {
  try {
    return of.decode(content)
  } catch (cause) {
    throw malformed('it holds something else than a ledger', at, cause)
  }
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task()
  } catch {
    return undefined
  }
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, at)
  if (bytesRead < length) throw malformed('it ends early', at)
  return buffer
}

function malformed(what: string, offset: number, cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_LEDGER_FILE', `the ledger file: ${what}, at byte ${offset}`, {
    cause,
    values: { offset }
  })
}
