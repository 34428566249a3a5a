import { stat } from 'node:fs/promises'
import { VitalchainError } from '@vitalchain/core'
import { writeLedgerFile } from '../audit/ledger-file.ts'
import type { CertifiedBlock } from '../ledger/certified-block.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { EXIT, requireGoOn, type CliIo } from './io.ts'
import { openStoppedLedger } from './stopped-node.ts'

/** What `vitalchain export --ledger` was asked for. */
export interface ExportLedgerOptions {
  readonly dataDir: string
  /** The file to write. */
  readonly ledger: string
  /** Whether one line of JSON tells what was written. */
  readonly json: boolean
}

/**
 * Writes the whole ledger of a stopped node into one file, for auditors: every block with its certificate, no payloads.
 *
 * @throws VitalchainError as `openStoppedLedger`; `ERR_FILE` when the file exists, `ERR_DAMAGED` when a block cannot be read
 */
export async function exportLedgerCommand(
  { dataDir, ledger: file, json }: ExportLedgerOptions,
  io: CliIo
): Promise<number> {
  if ((await stat(file).catch(() => undefined)) !== undefined) {
    throw new VitalchainError('ERR_FILE', `${file} exists`, { values: { file } })
  }
  const ledger = await openStoppedLedger(dataDir)
  try {
    const { head, genesisBytes } = ledger
    await writeLedgerFile(file, genesisBytes, certifiedBlocks(ledger, io), {
      height: head.height,
      head: head.hash
    })
    const { height, history } = head
    if (json) io.out(JSON.stringify({ file, height, transactions: history.size }))
    else io.err(`${file}: ${height} blocks with ${history.size} transactions`)
    return EXIT.ok
  } finally {
    await ledger.close()
  }
}

function* certifiedBlocks(ledger: Ledger, io: CliIo): Generator<CertifiedBlock> {
  for (let height = 1; height <= ledger.head.height; height++) {
    requireGoOn(io)
    const block = ledger.block(height)
    const certificate = ledger.certificate(height)
    if (block === undefined || certificate === undefined) {
      throw new VitalchainError('ERR_DAMAGED', `the store lacks block ${height}`, {
        values: { height }
      })
    }
    yield { block, certificate }
  }
}
