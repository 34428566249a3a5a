import { open, rm } from 'node:fs/promises'
import {
  bytes,
  concatBytes,
  format,
  GENESIS_BYTES_MAX,
  genesisFormat,
  hash32,
  tagged,
  uint,
  type Format
} from '@vitalchain/core'
import { certifiedBlockFormat, type CertifiedBlock } from '../ledger/certified-block.ts'
import { encodeRecord, openRecordFile, type FoundRecord } from './record-file.ts'

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
    let waiting: Uint8Array[] = [encodeRecord(headFormat.encode({ genesis }))]
    let size = 0
    for (const block of blocks) {
      const next = encodeRecord(certifiedBlockFormat.encode(block))
      waiting.push(next)
      size += next.length
      if (size < WRITE_BYTES) continue
      await handle.writeFile(concatBytes(waiting))
      waiting = []
      size = 0
    }
    waiting.push(encodeRecord(endFormat.encode(end)))
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
  const records = await openRecordFile(file, 'ledger file')
  const read = <T>(of: Format<T>, { at, bytes: content }: FoundRecord): T => {
    try {
      return of.decode(content)
    } catch (cause) {
      throw records.malformed('it holds something else than a ledger', at, cause)
    }
  }
  try {
    const head = await records.next(certifiedBlockFormat.bytesMax)
    const { genesis } = read(headFormat, head)
    read(genesisFormat, { at: head.at, bytes: genesis })
    return {
      genesis,
      size: records.size,
      get position() {
        return records.position
      },
      async *blocks() {
        for (;;) {
          const found = await records.next(certifiedBlockFormat.bytesMax)
          // The end is the only record of text and not of two items.
          const end = attempt(() => endFormat.decode(found.bytes))
          if (end === undefined) {
            yield read(certifiedBlockFormat, found)
            continue
          }
          if (records.position !== records.size)
            throw records.malformed('it goes on behind its end', records.position)
          return end
        }
      },
      close: () => records.close()
    }
  } catch (error) {
    await records.close()
    throw error
  }
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task()
  } catch {
    return undefined
  }
}
