import { setTimeout as pause } from 'node:timers/promises'
import { concatBytes, fromHex, VitalchainError } from '@vitalchain/core'
import type { LedgerReader } from '../ledger/ledger.ts'
import { createBackupEncoder, payloadsNamed } from './backup-file.ts'

/**
 * Bytes that are read before the node's other work comes first: some milliseconds. A block is read whole, so a chunk can
 * have as much more.
 */
const CHUNK_BYTES = 128 * 1024

/** Who makes a backup, and when. */
export interface BackupOrigin {
  /** The member, or the PeerId of a node that is none. */
  readonly node: string
  /** ms since 1970. */
  readonly taken: number
}

/**
 * Reads a backup from a ledger while its node runs: all that is committed when it begins, with the payloads that the node has
 * of it. What is committed meanwhile is not in it. Nothing of the votes or the keys is in the store that it reads. Memory: a
 * chunk and a block.
 *
 * @returns the backup in pieces, each read when it is asked for. spec F-31
 * @throws VitalchainError `ERR_DAMAGED` when a block cannot be read
 */
export async function* createBackup(
  ledger: LedgerReader,
  origin: BackupOrigin
): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = []
  let size = 0
  let begun = performance.now()
  for (const record of recordsOf(ledger, origin)) {
    waiting.push(record)
    size += record.length
    if (size < CHUNK_BYTES) continue
    const chunk = concatBytes(waiting)
    waiting = []
    size = 0
    const took = performance.now() - begun
    yield chunk
    // The node's other work comes first: a backup takes half of its time at most.
    await pause(took)
    begun = performance.now()
  }
  yield concatBytes(waiting)
}

function* recordsOf(ledger: LedgerReader, { node, taken }: BackupOrigin): Generator<Uint8Array> {
  const { head, genesisBytes: genesis } = ledger
  const encoder = createBackupEncoder()
  let [payloads, payloadsMissing] = [0, 0]
  yield encoder.manifest({
    genesis,
    height: head.height,
    head: head.hash,
    stateRoot: head.stateRoot,
    transactions: head.history.size,
    taken,
    node
  })
  for (let height = 1; height <= head.height; height++) {
    const block = ledger.block(height)
    const certificate = ledger.certificate(height)
    if (block === undefined || certificate === undefined)
      throw new VitalchainError('ERR_DAMAGED', `the store lacks block ${height}`, {
        values: { height }
      })
    for (const [digest, retention] of payloadsNamed(block)) {
      const payload = ledger.getPayload(fromHex(digest))
      if (payload === undefined) payloadsMissing += 1
      else {
        payloads += 1
        yield encoder.payload({ retention, bytes: payload })
      }
    }
    yield encoder.block({ block, certificate })
  }
  yield encoder.end({ payloads, payloadsMissing })
}
