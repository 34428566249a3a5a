import {
  equalBytes,
  rootAt,
  hashValidatorSet,
  tileNodeReader,
  toHex,
  u32be,
  type Pin
} from '@vitalchain/core'
import type { Rules } from '@vitalchain/contracts'
import { STORE_FORMAT, type Store } from '../store/store.ts'
import { META, tileKey } from '../store/tables.ts'
import { carryOut } from './carry-out.ts'
import { compareTable } from './compare.ts'
import {
  createFaultList,
  EnoughFaults,
  type Fault,
  type FaultList,
  type OnProgress
} from './fault.ts'
import { checkLocalRecords } from './local-records.ts'
import { createScratchLedger, DERIVED_TABLES, type ScratchLedger } from './scratch.ts'
import { readRecord, readStoredBlocks, recordOf } from './stored-blocks.ts'

/** What an audit is asked for. */
export interface AuditOptions {
  /** The bytes of the genesis document: where all trust begins. */
  readonly genesis: Uint8Array
  readonly rules: Rules
  /** A checkpoint that the history must hold. */
  readonly pin?: Pin | undefined
  /** Faults after which the audit ends. */
  readonly faultsMax: number
  readonly onProgress?: OnProgress
}

/** What an audit found. */
export interface AuditReport {
  /** Nothing is wrong when there are none. */
  readonly faults: readonly Fault[]
  /** The last block that was carried out, with all before it; 0 for none. */
  readonly height: number
  /** Hash of that block; the network id at height 0. */
  readonly head: Uint8Array
  readonly stateRoot: Uint8Array
  /** Transactions in those blocks. */
  readonly transactions: number
  /** Records that were compared; 0 for a ledger file. */
  readonly records: number
  /** Payloads whose hash was checked; 0 for a ledger file. */
  readonly payloads: number
}

/** Progress is told every so many records. */
const PROGRESS_RECORDS = 1_000

/**
 * Checks every record of a node's store with nothing taken on trust but the genesis: carries all blocks out on an empty
 * ledger, from their headers, certificates and transactions alone, and compares what results with the store, record by
 * record. What the blocks do not give is checked against its hash or checksum. Memory does not grow with the ledger; on
 * disk a copy of it without payloads is made in the directory for temporary files.
 */
export async function auditStore(store: Store, options: AuditOptions): Promise<AuditReport> {
  const { genesis, rules, faultsMax, onProgress = () => undefined } = options
  const found = createFaultList(faultsMax)
  const derived = await createScratchLedger(genesis, rules, { whole: true })
  const { ledger } = derived
  let records = 0
  let payloads = 0
  const onRecord = (): void => {
    records += 1
    if (records % PROGRESS_RECORDS === 0)
      onProgress({ stage: 'records', done: records, total: undefined })
  }
  try {
    if (!isKnownFormat(store)) {
      // Records of another layout are no faults of this one.
      await compareTable('meta', store, derived, found, onRecord)
    } else if (await carryOutStored(store, derived, found, onProgress)) {
      checkPin(derived, options.pin, found)
      for (const table of DERIVED_TABLES) await compareTable(table, store, derived, found, onRecord)
      payloads = (await checkLocalRecords(store, derived, found, onRecord)).payloads
    } else {
      // What later blocks give is not known: the rest can only be read.
      await reportDamaged(store, found, onRecord)
    }
  } catch (error) {
    if (!(error instanceof EnoughFaults)) throw error
  } finally {
    await derived.close()
  }
  return { ...summary(ledger.head), faults: found.faults, records, payloads }
}

/** The parts of a report that a head tells. */
export function summary({
  height,
  hash,
  stateRoot,
  history
}: ScratchLedger['ledger']['head']): Pick<
  AuditReport,
  'height' | 'head' | 'stateRoot' | 'transactions'
> {
  return { height, head: hash, stateRoot, transactions: history.size }
}

/** Checks that a history holds a trusted checkpoint. */
export function checkPin(
  { ledger, store }: ScratchLedger,
  pin: Pin | undefined,
  found: FaultList
): void {
  if (pin === undefined) return
  const { height, history } = ledger.head
  const report = (message: string): void =>
    found.add({ kind: 'pin', table: 'ledger', key: String(pin.size), height, message })
  if (history.size < pin.size) {
    return report(
      `the ledger ends after ${history.size} transactions, before the pin at ${pin.size}`
    )
  }
  const readNode = tileNodeReader((tileLevel, tileIndex) =>
    store.get('tiles', tileKey({ tileLevel, tileIndex }))
  )
  if (!equalBytes(rootAt(pin.size, readNode), pin.root)) {
    report(`the first ${pin.size} transactions are not those of the pin`)
  }
  const { validators } = pin
  if (validators === undefined) return
  if (!ledger.validatorSets().some(set => equalBytes(hashValidatorSet(set), validators))) {
    report('the validators of the pin never certified this ledger')
  }
}

/** False only for a format record that is whole and says something else. */
function isKnownFormat(store: Store): boolean {
  const format = readRecord(store, 'meta', META.format)
  return !(format instanceof Uint8Array) || equalBytes(format, u32be(STORE_FORMAT))
}

/** @returns whether all blocks of the store were carried out */
async function carryOutStored(
  store: Store,
  derived: ScratchLedger,
  found: FaultList,
  onProgress: OnProgress
): Promise<boolean> {
  const total = storedHeight(store)
  const damaged = new Set<string>()
  for await (const stored of readStoredBlocks(store, fault => {
    damaged.add(`${fault.table}/${fault.key}`)
    found.add(fault)
  })) {
    if ('fault' in stored) {
      found.add(stored.fault)
      return false
    }
    const fault = await carryOut(derived.ledger, stored)
    if (fault !== undefined) {
      found.add(recordOf(store, stored, stored.height, fault))
      return false
    }
    onProgress({ stage: 'blocks', done: stored.height, total })
  }
  return true
}

/** The height that the store states, for the progress bar only. */
function storedHeight(store: Store): number | undefined {
  const record = readRecord(store, 'meta', META.head)
  if (!(record instanceof Uint8Array) || record.length !== 8) return undefined
  return Number(BigInt(`0x${toHex(record)}`))
}

async function reportDamaged(store: Store, found: FaultList, onRecord: () => void): Promise<void> {
  const known = new Set(found.faults.map(({ table, key }) => `${table}/${key}`))
  for await (const { store: table, key, damaged } of store.entries()) {
    onRecord()
    if (!damaged || known.has(`${table}/${toHex(key)}`)) continue
    const message = `a record of the table ${table} is damaged: its checksum is another`
    found.add({ kind: 'damaged', table, key: toHex(key), height: undefined, message })
  }
}
