import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createReceiptVerifier,
  isVitalchainError,
  toHex,
  type ReceiptVerifier
} from '@vitalchain/core'
import { openStoppedLedger } from '../cli/stopped-node.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { RecordedBatch } from './batch-log.ts'

/** What one validator's disk holds. */
export interface LedgerAudit {
  readonly height: number
  /** Hash of the newest block, hexadecimal. */
  readonly head: string
  /** Root of the state after it, hexadecimal. */
  readonly state: string
  /** Readings in its statements. */
  readonly readings: number
  /** Identities of its statements whose payload it holds too, hexadecimal. */
  readonly statements: ReadonlySet<string>
  /** Statements that stand there twice, or two at one place. */
  readonly duplicates: number
  readonly payloadsMissing: number
  /** Blocks that a view above 0 decided. */
  readonly viewChanges: number
}

/** Looks through the ledger of a stopped node, transaction by transaction. */
export async function auditLedger(dataDir: string): Promise<LedgerAudit> {
  const ledger = await openStoppedLedger(dataDir)
  try {
    return audit(ledger)
  } finally {
    await ledger.close()
  }
}

function audit(ledger: Ledger): LedgerAudit {
  const { head } = ledger
  const seen = new Set<string>()
  const statements = new Set<string>()
  let readings = 0
  let duplicates = 0
  let payloadsMissing = 0
  for (let leaf = 0; leaf < head.history.size; leaf++) {
    const transaction = ledger.decodedTransaction(leaf)
    if (transaction?.type !== 'statement') continue
    const { statement } = transaction
    const id = toHex(transaction.id)
    const place = `${toHex(statement.device)}/${statement.lane}/${statement.boot}/${statement.seq}`
    if (seen.has(id) || seen.has(place)) duplicates++
    seen.add(id).add(place)
    if (statement.type !== 'readings') continue
    readings += statement.count
    if (ledger.getPayload(statement.payloadDigest) === undefined) payloadsMissing++
    else statements.add(id)
  }
  let viewChanges = 0
  for (let height = 1; height <= head.height; height++) {
    if ((ledger.certificate(height)?.view ?? 0) > 0) viewChanges++
  }
  return {
    height: head.height,
    head: toHex(head.hash),
    state: toHex(head.stateRoot),
    readings,
    statements,
    duplicates,
    payloadsMissing,
    viewChanges
  }
}

/** How many batches have a receipt on the disk that is valid and is for that batch. */
export async function countProved(
  directory: string,
  batches: readonly RecordedBatch[],
  genesis: Uint8Array
): Promise<number> {
  const verify = createReceiptVerifier({ genesis })
  let proved = 0
  for (const { file, id } of batches) {
    const receipt = await readFile(join(directory, file)).catch(() => undefined)
    if (receipt !== undefined && proves(verify, receipt, id)) proved++
  }
  return proved
}

function proves(verify: ReceiptVerifier, receipt: Uint8Array, id: string): boolean {
  try {
    return toHex(verify(receipt).transaction.id) === id
  } catch (error) {
    if (isVitalchainError(error)) return false
    throw error
  }
}
