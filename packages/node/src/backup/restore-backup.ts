import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Rules } from '@vitalchain/contracts'
import { equalBytes, networkId, sha256, toHex, VitalchainError, type Block } from '@vitalchain/core'
import { carryOut } from '../audit/carry-out.ts'
import type { OnProgress } from '../audit/fault.ts'
import { ledgerDirectory, makeDurable } from '../audit/repair.ts'
import { syncDirectory } from '../consensus/vote-file.ts'
import { voteStoreOf } from '../consensus/vote-store.ts'
import { openLedger, type Ledger } from '../ledger/ledger.ts'
import { openStore } from '../store/store.ts'
import { openBackup, payloadsNamed, type BackupEnd, type BackupManifest } from './backup-file.ts'
import { writeRestoredNote } from './restored-note.ts'

const DAY_MS = 86_400_000

/** What a restore did. */
export interface RestoreReport {
  readonly manifest: BackupManifest
  readonly end: BackupEnd
  /** Payloads that were put back; those whose time is over were not. */
  readonly payloads: number
}

/** What {@link restoreBackup} is asked for. */
export interface RestoreOptions {
  readonly rules: Rules
  /** The network that is expected; undefined takes the backup's word. */
  readonly network: Uint8Array | undefined
  readonly now: () => number
  readonly onProgress?: OnProgress
  /** Throws when it is to end. */
  readonly goOn?: () => void
  /** Puts what else belongs into the directory when everything has been checked, before it counts as restored. */
  readonly complete?: (manifest: BackupManifest) => Promise<void>
}

/** The directory of a ledger that is being restored. It stays when the restore is cut off. */
function restoringDirectory(dataDir: string): string {
  return `${ledgerDirectory(dataDir)}.restoring`
}

/**
 * Makes the ledger of an empty data directory from a backup: every block is carried out and checked as one from a stranger. Cut
 * off, it leaves a directory in which no node starts, and can be run again.
 *
 * @throws VitalchainError `ERR_DATA_DIR_NOT_EMPTY` when the directory holds a ledger or votes, `ERR_LEDGER_FILE` when the file
 * is no whole backup, `ERR_BACKUP` when what it holds does not verify, `ERR_OTHER_NETWORK`
 */
export async function restoreBackup(
  file: string,
  dataDir: string,
  {
    rules,
    network,
    now,
    onProgress = () => undefined,
    goOn = () => undefined,
    complete
  }: RestoreOptions
): Promise<RestoreReport> {
  await requireEmpty(dataDir)
  const fresh = restoringDirectory(dataDir)
  /** Digests of payloads that were put since the last block. */
  let put: Uint8Array[] = []
  let kept = 0
  let ledger: Ledger | undefined
  const reader = await openBackup(file, async ({ bytes, retention }) => {
    const digest = sha256(bytes)
    put.push(digest)
    await ledger?.putPayload(digest, bytes, { retention })
  })
  try {
    const { manifest, genesis } = reader
    if (network !== undefined && !equalBytes(network, networkId(genesis)))
      throw new VitalchainError('ERR_OTHER_NETWORK', 'the backup is of another network', {
        values: { network: toHex(networkId(genesis)) }
      })
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await rm(fresh, { recursive: true, force: true })
    const store = await openStore(fresh, undefined, { sync: false })
    try {
      ledger = await openLedger({ store, genesis, rules, now })
    } catch (error) {
      await store.close()
      throw error
    }
    try {
      const blocks = reader.blocks()
      for (let next = await blocks.next(); next.done !== true; next = await blocks.next()) {
        goOn()
        const fault = await carryOut(ledger, next.value)
        if (fault !== undefined) throw bad(fault.message)
        kept += await settle(ledger, next.value.block, put, now())
        put = []
        onProgress({ stage: 'blocks', done: reader.position, total: reader.size })
      }
      requireAsSaid(manifest, ledger)
    } finally {
      await ledger.close()
    }
    const { end } = reader
    if (end === undefined) throw bad('it has no end')
    await makeDurable(fresh)
    await writeRestoredNote(dataDir, {
      network: networkId(genesis),
      height: manifest.height,
      head: manifest.head,
      transactions: manifest.transactions,
      taken: manifest.taken,
      node: manifest.node,
      sha256: end.sha256,
      restored: now()
    })
    await complete?.(manifest)
    // The last step: with a ledger of this name a node starts.
    await rename(fresh, ledgerDirectory(dataDir))
    await syncDirectory(dataDir)
    return { manifest, end, payloads: kept }
  } finally {
    await reader.close()
  }
}

/**
 * Refuses a data directory whose restore was cut off: its ledger would begin empty.
 *
 * @throws VitalchainError `ERR_RESTORE_UNFINISHED`
 */
export async function requireNoRestore(dataDir: string): Promise<void> {
  if (!(await isThere(restoringDirectory(dataDir))) || (await isThere(ledgerDirectory(dataDir))))
    return
  throw new VitalchainError(
    'ERR_RESTORE_UNFINISHED',
    `a restore into ${dataDir} was cut off: run vitalchain restore again`
  )
}

/** Nothing that a restore would replace: votes and notes about new keys speak of another history. */
async function requireEmpty(dataDir: string): Promise<void> {
  for (const path of [ledgerDirectory(dataDir), voteStoreOf(dataDir)]) {
    if ((await readdir(path).catch(() => [])).length > 0)
      throw new VitalchainError(
        'ERR_DATA_DIR_NOT_EMPTY',
        `${path} holds something: restore into a directory without ledger and votes`
      )
  }
  if ((await readdir(join(dataDir, 'new-keys')).catch(() => [])).length > 0)
    throw new VitalchainError(
      'ERR_DATA_DIR_NOT_EMPTY',
      `${join(dataDir, 'new-keys')} says that a key is new: a node that is restored has run before`
    )
}

/** Keeps of the payloads of a block those whose time is not over. @returns how many */
async function settle(
  ledger: Ledger,
  block: Block,
  put: readonly Uint8Array[],
  now: number
): Promise<number> {
  if (put.length === 0) return 0
  const { retentionDays } = ledger.genesis.parameters
  const named = payloadsNamed(block)
  let kept = 0
  for (const digest of put) {
    const days = retentionDays[named.get(toHex(digest)) ?? 0] ?? 0
    if (block.header.time + days * DAY_MS >= now) kept += 1
    else await ledger.deletePayload(digest)
  }
  return kept
}

function requireAsSaid(manifest: BackupManifest, { head }: Ledger): void {
  if (
    manifest.height !== head.height ||
    !equalBytes(manifest.head, head.hash) ||
    manifest.transactions !== head.history.size ||
    (head.height > 0 && !equalBytes(manifest.stateRoot, head.stateRoot))
  )
    throw bad(`it says that it ends with block ${manifest.height}, and ends with ${head.height}`)
}

function bad(message: string): VitalchainError {
  return new VitalchainError('ERR_BACKUP', `the backup does not verify: ${message}`)
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
