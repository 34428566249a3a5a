import { join } from 'node:path'
import { createRules, devices, members } from '@vitalchain/contracts'
import { equalBytes, networkId, toHex, useCryptoBackend, type Pin } from '@vitalchain/core'
import { auditFile } from '../audit/audit-file.ts'
import { auditStore, type AuditReport } from '../audit/audit-store.ts'
import { createFaultList, EnoughFaults, FAULTS_MAX, type Fault } from '../audit/fault.ts'
import { checkLevelFiles } from '../audit/level-files.ts'
import { checkVoteFiles } from '../audit/vote-files.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { EXIT, printable, type CliIo } from './io.ts'
import { readGenesis } from './json-file.ts'
import { GENESIS_FILE } from './node-dir.ts'
import { createProgressBar, type ProgressBar } from './progress-bar.ts'
import { openStoppedStore, requireStopped } from './stopped-node.ts'

/** What `vitalchain verify --data-dir` or `--ledger` was asked for. */
export interface VerifyLedgerOptions {
  /** A stopped node's directory, or an exported ledger's file. */
  readonly from: { readonly dataDir: string } | { readonly ledger: string }
  /** The genesis document's file that is trusted; without it and a network id, the ledger's own genesis. */
  readonly genesis?: string | undefined
  /** The network id that is trusted. */
  readonly network?: Uint8Array | undefined
  readonly pin?: Pin | undefined
  /** Whether all faults are listed, up to {@link FAULTS_MAX}, and not the first alone. */
  readonly all?: boolean
  readonly json?: boolean
}

type Report = AuditReport & { readonly network: Uint8Array }

/**
 * Checks a whole ledger with nothing taken on trust but its genesis, and says what is wrong, or that nothing is.
 *
 * @returns 0 when nothing is wrong, 1 when something is
 * @throws VitalchainError `ERR_FILE`, `ERR_LEDGER_FILE`, `ERR_DATA_DIR_IN_USE` while the node runs, `ERR_CONTRACTS` for a
 * ledger with contracts that this version does not know
 */
export async function verifyLedgerCommand(
  options: VerifyLedgerOptions,
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { from, genesis, json = false } = options
  const network = genesis === undefined ? options.network : networkId(await readGenesis(genesis))
  const bar = createProgressBar(io)
  let report: Report
  try {
    report =
      'ledger' in from
        ? await auditFile(from.ledger, {
            network,
            rules: createRules([members, devices]),
            pin: options.pin,
            onProgress: bar.onProgress
          })
        : await auditDirectory(from.dataDir, { ...options, network }, bar)
  } finally {
    bar.end()
  }
  const name = 'ledger' in from ? from.ledger : from.dataDir
  for (const line of json ? [reportJson(name, report)] : reportText(name, report)) io.out(line)
  return report.faults.length === 0 ? EXIT.ok : EXIT.failed
}

/** Files first: what LevelDB cannot read it drops when it opens the store, and the traces of it are gone. */
async function auditDirectory(
  dataDir: string,
  { network, pin, all = false }: VerifyLedgerOptions,
  bar: ProgressBar
): Promise<Report> {
  const genesis = await readGenesis(join(dataDir, GENESIS_FILE))
  const own = networkId(genesis)
  const found = createFaultList(all ? FAULTS_MAX : 1)
  const nothing = {
    height: 0,
    head: own,
    stateRoot: new Uint8Array(32),
    transactions: 0,
    records: 0,
    payloads: 0,
    network: own
  }
  // The files of a node that runs change while they are read.
  await requireStopped(dataDir)
  const location = join(dataDir, 'ledger')
  let safeToOpen = false
  try {
    if (network !== undefined && !equalBytes(network, own)) found.add(otherNetwork(own))
    ;({ safeToOpen } = await checkLevelFiles(location, found, bar.onProgress))
    await checkVoteFiles(dataDir, found)
  } catch (error) {
    if (!(error instanceof EnoughFaults)) throw error
  }
  if (!safeToOpen) return { ...nothing, faults: found.faults }
  const store = await openStoppedStore(dataDir, { anyFormat: true })
  try {
    const room = (all ? FAULTS_MAX : 1) - found.faults.length
    if (room <= 0) return { ...nothing, faults: found.faults }
    const rules = createRules([members, devices])
    const { onProgress } = bar
    const report = await auditStore(store, { genesis, rules, pin, faultsMax: room, onProgress })
    return { ...report, faults: [...found.faults, ...report.faults], network: own }
  } finally {
    await store.close()
  }
}

function otherNetwork(own: Uint8Array): Fault {
  return {
    kind: 'trust',
    table: 'ledger',
    key: GENESIS_FILE,
    height: 0,
    message: `the ledger is of another network: ${toHex(own)}`
  }
}

function reportText(name: string, report: Report): readonly string[] {
  const { faults, height, transactions, records, payloads } = report
  const checked = `blocks 1 to ${height} carried out, with ${transactions} transactions`
  const compared = records === 0 ? '' : `; ${records} records compared, ${payloads} payloads hashed`
  const rows: readonly (readonly [string, string])[] = [
    ['network', toHex(report.network)],
    ['checked', height === 0 ? 'no block' : `${checked}${compared}`],
    ...(height === 0
      ? []
      : ([
          ['head', toHex(report.head)],
          ['state root', toHex(report.stateRoot)]
        ] as const))
  ]
  return [
    `${faults.length === 0 ? 'VALID' : 'INVALID'} ${printable(name)}`,
    ...faults.map(faultText),
    ...rows.map(([heading, line]) => `  ${heading.padEnd(HEADING)}${line}`)
  ]
}

/** Width of the column of headings. */
const HEADING = 12

function faultText({ kind, table, key, height, message }: Fault): string {
  const block = height === undefined ? '' : `, block ${height}`
  return `  ${'fault'.padEnd(HEADING)}${message} (${kind}: ${table} ${key}${block})`
}

function reportJson(name: string, { network, head, stateRoot, faults, ...counts }: Report): string {
  return JSON.stringify({
    ledger: name,
    valid: faults.length === 0,
    network: toHex(network),
    head: toHex(head),
    stateRoot: toHex(stateRoot),
    ...counts,
    faults: faults.map(({ height, ...fault }) => ({ ...fault, block: height ?? null }))
  })
}
