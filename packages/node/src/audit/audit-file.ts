import { equalBytes, isVitalchainError, networkId, type Pin } from '@vitalchain/core'
import type { Rules } from '@vitalchain/contracts'
import { checkPin, summary, type AuditReport } from './audit-store.ts'
import { carryOut } from './carry-out.ts'
import { createFaultList, EnoughFaults, type FaultKind, type OnProgress } from './fault.ts'
import { openLedgerFile, type LedgerFileEnd, type LedgerFileReader } from './ledger-file.ts'
import { createScratchLedger } from './scratch.ts'

/** What the audit of a ledger file is asked for. */
export interface FileAuditOptions {
  /** The network id that is trusted; undefined to take the file's word, and say so. */
  readonly network: Uint8Array | undefined
  /** The rules of a genesis. @throws VitalchainError when these are not known */
  readonly rules: Rules
  readonly pin?: Pin | undefined
  readonly onProgress?: OnProgress
}

/** A report about a file, with the network that it is of. */
export type FileAuditReport = AuditReport & { readonly network: Uint8Array }

/**
 * Checks a ledger file (spec F-25) from its genesis to its end: every certificate, every binding, every signature, every rule
 * of the contracts and every root. It names the first fault: nothing behind that can be carried out.
 *
 * @throws VitalchainError `ERR_LEDGER_FILE` when it does not begin as a ledger file
 */
export async function auditFile(file: string, options: FileAuditOptions): Promise<FileAuditReport> {
  return auditReader(await openLedgerFile(file), options)
}

/** The same for what is being read from a file of whatever form; closes it. */
export async function auditReader(
  reader: LedgerFileReader,
  { network, rules, pin, onProgress = () => undefined }: FileAuditOptions
): Promise<FileAuditReport> {
  const found = createFaultList(1)
  const own = networkId(reader.genesis)
  try {
    const derived = await createScratchLedger(reader.genesis, rules, { whole: false })
    const { ledger } = derived
    const report = (kind: FaultKind, message: string): void =>
      found.add({
        kind,
        table: 'ledger',
        key: `byte ${reader.position}`,
        height: ledger.head.height + 1,
        message
      })
    try {
      if (network !== undefined && !equalBytes(network, own)) {
        report('trust', 'the ledger is of another network')
      }
      const blocks = reader.blocks()
      let next = await blocks.next()
      for (; next.done !== true; next = await blocks.next()) {
        const fault = await carryOut(ledger, next.value)
        if (fault !== undefined) report(fault.kind, fault.message)
        onProgress({ stage: 'blocks', done: reader.position, total: reader.size })
      }
      const end: LedgerFileEnd = next.value
      if (end.height !== ledger.head.height || !equalBytes(end.head, ledger.head.hash)) {
        report('differs', `the file says that it ends with block ${end.height}`)
      }
      checkPin(derived, pin, found)
    } catch (error) {
      if (isVitalchainError(error) && error.code === 'ERR_LEDGER_FILE') {
        noteLast(() => report('unreadable', error.message))
      } else if (!(error instanceof EnoughFaults)) throw error
    } finally {
      await derived.close()
    }
    return { ...summary(ledger.head), faults: found.faults, records: 0, payloads: 0, network: own }
  } finally {
    await reader.close()
  }
}

/** Adds the fault that ends an audit. */
function noteLast(add: () => void): void {
  try {
    add()
  } catch (error) {
    if (!(error instanceof EnoughFaults)) throw error
  }
}
