import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Rules } from '@vitalchain/contracts'
import { equalBytes, sha256 } from '@vitalchain/core'
import { openLedger } from '../ledger/ledger.ts'
import { payloadMetaFormat } from '../store/payload-store.ts'
import { openStore, type Store, type StoreWrite } from '../store/store.ts'
import type { TableName } from '../store/tables.ts'
import { carryOut } from './carry-out.ts'
import type { OnProgress } from './fault.ts'
import { readRecord, readStoredBlocks } from './stored-blocks.ts'

/** What a repair did. */
export interface RepairReport {
  /** The last block that was kept, with all before it. */
  readonly height: number
  /** Why it is the last; undefined when no block behind it was there. */
  readonly ended: string | undefined
  /** Payloads that were kept, and that were damaged and left out. */
  readonly payloads: number
  readonly payloadsLost: number
  /** Where the old store is now. */
  readonly old: string
}

/** Tables of what this node heard from others: signed, so that whoever reads it checks it. */
const KEPT_AS_THEY_ARE: readonly TableName[] = ['heard', 'checkpoints']

/** Bytes of payloads written at once. */
const COPY_BYTES = 4 * 1024 * 1024

/**
 * Makes the store of a stopped node anew: carries its blocks out on an empty ledger up to the first that is damaged, and takes
 * along the payloads that have their hash. Nothing else of the old store is believed. Interrupted, it leaves the old store
 * where it was, or, between its two last steps, under {@link RepairReport.old}.
 *
 * @param store - the old store, in `location`; it is closed
 */
export async function repairStore(
  location: string,
  store: Store,
  genesis: Uint8Array,
  rules: Rules,
  onProgress: OnProgress = () => undefined
): Promise<RepairReport> {
  const fresh = `${location}.repairing`
  await rm(fresh, { recursive: true, force: true })
  const made = await openStore(fresh, undefined, { sync: false })
  let counts: { readonly payloads: number; readonly payloadsLost: number }
  let ended: string | undefined
  let height: number
  try {
    counts = await copyPayloads(store, made)
    for (const table of KEPT_AS_THEY_ARE) await copyTable(table, store, made)
    // By the clock of today: what the blocks name, is missing and would still be kept, is wanted from others.
    const ledger = await openLedger({ store: made, genesis, rules })
    for await (const stored of readStoredBlocks(store, () => undefined)) {
      const fault = 'fault' in stored ? stored.fault : await carryOut(ledger, stored)
      ended = fault?.message
      if (fault !== undefined) break
      onProgress({ stage: 'blocks', done: stored.height, total: undefined })
    }
    height = ledger.head.height
    await ledger.close()
  } catch (error) {
    await made.close()
    await rm(fresh, { recursive: true, force: true })
    throw error
  } finally {
    await store.close()
  }
  await makeDurable(fresh)
  const old = await freeName(location)
  await rename(location, old)
  await rename(fresh, location)
  return { ...counts, height, ended, old }
}

async function copyTable(table: TableName, from: Store, to: Store): Promise<void> {
  for await (const { key, value, damaged } of from.entries(table)) {
    if (!damaged) await to.write([{ table, key, value }])
  }
}

async function copyPayloads(
  from: Store,
  to: Store
): Promise<{ readonly payloads: number; readonly payloadsLost: number }> {
  let [payloads, payloadsLost, bytes] = [0, 0, 0]
  let writes: StoreWrite[] = []
  for await (const { key, value, damaged } of from.entries('payloads')) {
    const meta = readRecord(from, 'payloadMeta', key)
    if (damaged || !equalBytes(sha256(value), key) || !isMetaOf(meta, value)) {
      payloadsLost += 1
      continue
    }
    payloads += 1
    bytes += value.length
    writes.push({ table: 'payloads', key, value }, { table: 'payloadMeta', key, value: meta })
    if (bytes < COPY_BYTES) continue
    await to.write(writes)
    writes = []
    bytes = 0
  }
  await to.write(writes)
  return { payloads, payloadsLost }
}

function isMetaOf(
  meta: Uint8Array | 'damaged' | undefined,
  payload: Uint8Array
): meta is Uint8Array {
  if (!(meta instanceof Uint8Array)) return false
  try {
    return payloadMetaFormat.decode(meta).size === payload.length
  } catch {
    return false
  }
}

/** Opened once more and written to with a sync: LevelDB syncs its tables, and this its last log. */
export async function makeDurable(location: string): Promise<void> {
  const store = await openStore(location)
  try {
    await store.write([])
  } finally {
    await store.close()
  }
}

async function freeName(location: string): Promise<string> {
  for (let k = 1; ; k += 1) {
    const name = `${location}.damaged-${k}`
    if ((await stat(name).catch(() => undefined)) === undefined) return name
  }
}

/** The directory of a node's ledger in its data directory. */
export function ledgerDirectory(dataDir: string): string {
  return join(dataDir, 'ledger')
}
