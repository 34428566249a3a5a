import { createRules, devices, members } from '@vitalchain/contracts'
import { equalBytes, toHex, useCryptoBackend } from '@vitalchain/core'
import { auditReader, type FileAuditReport } from '../audit/audit-file.ts'
import { openBackup, type BackupReader } from '../backup/backup-file.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { EXIT, printable, requireGoOn, type CliIo } from './io.ts'
import { createProgressBar } from './progress-bar.ts'
import { isoTime } from './proven-text.ts'

/**
 * Checks a backup.
 *
 * @returns 0 when it can be restored, 1 when it cannot
 */
export async function verifyBackupCommand(
  file: string,
  { network, json }: { readonly network?: Uint8Array; readonly json: boolean },
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const bar = createProgressBar(io)
  const reader = await openBackup(file)
  let report: FileAuditReport
  try {
    report = await auditReader(reader, {
      network,
      rules: createRules([members, devices]),
      onProgress(progress) {
        requireGoOn(io)
        bar.onProgress(progress)
      }
    })
  } finally {
    bar.end()
  }
  const { manifest, end } = reader
  const faults = [...report.faults.map(({ message }) => message), ...lies(reader, report)]
  const valid = faults.length === 0
  if (json)
    io.out(
      JSON.stringify({
        file,
        valid,
        network: toHex(report.network),
        height: manifest.height,
        head: toHex(manifest.head),
        stateRoot: toHex(manifest.stateRoot),
        taken: manifest.taken,
        node: manifest.node,
        payloads: end?.payloads ?? 0,
        payloadsMissing: end?.payloadsMissing ?? 0,
        sha256: end === undefined ? null : toHex(end.sha256),
        faults
      })
    )
  else {
    io.out(`${valid ? 'VALID' : 'INVALID'} ${printable(file)}`)
    for (const fault of faults) io.out(`  fault       ${fault}`)
    io.out(`  network     ${toHex(report.network)}`)
    io.out(`  made        ${isoTime(manifest.taken)} by the node of ${manifest.node}`)
    io.out(`  blocks      ${manifest.height}, head ${toHex(manifest.head)}`)
    if (end !== undefined)
      io.out(`  payloads    ${end.payloads}; ${end.payloadsMissing} were not at that node`)
  }
  return valid ? EXIT.ok : EXIT.failed
}

/** What a whole backup says of itself and is not so. */
function lies({ manifest, end }: BackupReader, report: FileAuditReport): readonly string[] {
  if (end === undefined || report.faults.length > 0 || manifest.height === 0) return []
  const same =
    manifest.transactions === report.transactions &&
    equalBytes(manifest.stateRoot, report.stateRoot)
  return same ? [] : ['its manifest says another state or number of transactions']
}
