import { heightRecordFormat } from '@vitalchain/consensus'
import {
  equalBytes,
  sha256,
  toHex,
  verifyCheckpointShare,
  type CheckpointShare
} from '@vitalchain/core'
import { sharesFormat } from '../checkpoints/shares.ts'
import { payloadMetaFormat } from '../store/payload-store.ts'
import type { Store, StoreEntry } from '../store/store.ts'
import type { TableName } from '../store/tables.ts'
import { blockOf, nameOf } from './compare.ts'
import type { Fault, FaultList } from './fault.ts'
import { LOCAL_TABLES, type ScratchLedger } from './scratch.ts'
import { numberOf, readRecord } from './stored-blocks.ts'

/** What a check says of a sound record; undefined when nothing is wrong with it. */
type Check = (entry: StoreEntry) => Pick<Fault, 'kind' | 'message'> | undefined

/** What is counted beside the faults: neither is wrong. */
export interface PayloadCounts {
  /** Payloads in the store. */
  readonly payloads: number
  /** Payloads that no committed statement names: of transactions that waited when the node stopped. */
  readonly unnamed: number
}

/**
 * Checks the records that the blocks do not give, because each node has its own: against their hashes where they have one,
 * otherwise their checksum and form, and whether they fit each other.
 */
export async function checkLocalRecords(
  store: Store,
  derived: ScratchLedger,
  found: FaultList,
  onRecord: () => void
): Promise<PayloadCounts> {
  const { ledger } = derived
  const isNamed = (digest: Uint8Array): boolean => derived.store.get('named', digest) !== undefined
  const has = (table: TableName, key: Uint8Array): boolean =>
    readRecord(store, table, key) !== undefined
  const counts = { payloads: 0, unnamed: 0 }

  const checks: Partial<Record<TableName, Check>> = {
    payloads({ key, value }) {
      counts.payloads += 1
      if (!isNamed(key)) counts.unnamed += 1
      if (!equalBytes(sha256(value), key)) {
        return { kind: 'differs', message: 'has another hash than the one it is kept under' }
      }
      if (!has('payloadMeta', key)) return { kind: 'orphan', message: 'has no note of its size' }
      return undefined
    },
    payloadMeta({ key, value }) {
      const meta = read(() => payloadMetaFormat.decode(value))
      if (meta === undefined) return { kind: 'unreadable', message: 'has another form' }
      const payload = readRecord(store, 'payloads', key)
      if (payload === undefined)
        return { kind: 'orphan', message: 'is of a payload that is missing' }
      const fits =
        (payload === 'damaged' || payload.length === meta.size) &&
        meta.retention < ledger.genesis.parameters.retentionDays.length
      return fits ? undefined : { kind: 'differs', message: 'does not fit its payload' }
    },
    wanted({ key, value }) {
      if (value.length !== 1) return { kind: 'unreadable', message: 'has another form' }
      return isNamed(key)
        ? undefined
        : { kind: 'orphan', message: 'is of a payload that no block names' }
    },
    checkpoints({ value }) {
      const shares = read(() => sharesFormat.decode(value))
      if (shares === undefined) return { kind: 'unreadable', message: 'has another form' }
      return shares.every(share => isSigned(share, derived))
        ? undefined
        : { kind: 'differs', message: 'holds a share that its validator did not sign' }
    },
    heard({ key, value }) {
      const record = read(() => heightRecordFormat.decode(value))
      if (record === undefined) return { kind: 'unreadable', message: 'has another form' }
      return record.height === numberOf(key)
        ? undefined
        : { kind: 'differs', message: 'is of another height' }
    }
  }

  for (const table of LOCAL_TABLES) {
    for await (const entry of store.entries(table)) {
      onRecord()
      const wrong = entry.damaged
        ? ({ kind: 'damaged', message: 'is damaged: its checksum is another' } as const)
        : checks[table]?.(entry)
      if (wrong === undefined) continue
      found.add({
        kind: wrong.kind,
        table,
        key: toHex(entry.key),
        height: blockOf(table, entry.key, derived),
        message: `${nameOf(table, entry.key)} ${wrong.message}`
      })
    }
  }
  await reportUnknownTables(store, found)
  return counts
}

/** Whether a share is signed with a checkpoint key that its member had at some time. */
function isSigned(share: CheckpointShare, { ledger }: ScratchLedger): boolean {
  const keys = ledger
    .validatorSets()
    .flat()
    .filter(({ member }) => equalBytes(member, share.member))
  return keys.some(
    ({ checkpointKey }) => read(() => (verifyCheckpointShare(share, checkpointKey), true)) === true
  )
}

/** Records whose key begins with the letter of no table. */
async function reportUnknownTables(store: Store, found: FaultList): Promise<void> {
  for await (const { store: table, key } of store.entries('unknown')) {
    found.add({
      kind: 'orphan',
      table,
      key: toHex(key),
      height: undefined,
      message: 'a record of no known table'
    })
  }
}

function read<T>(task: () => T): T | undefined {
  try {
    return task()
  } catch {
    return undefined
  }
}
