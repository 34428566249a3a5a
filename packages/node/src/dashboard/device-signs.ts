import { lostHistory, TIME_JUMP_MS, toHex, type Statement } from '@vitalchain/core'
import { FIRST_CURSOR, formatCursor, type CommittedEvent } from '../ledger/events.ts'
import type { LedgerReader } from '../ledger/ledger.ts'

/** The newest transactions that are looked through: reading them takes about two seconds, in pieces. */
export const SIGNS_TRANSACTIONS_MAX: number = 100_000

/** Devices that are remembered, the last seen ones: about 0.5 kB each. */
const DEVICES_MAX = 20_000

/** Signs remembered of one device, the newest ones. */
const SIGNS_PER_DEVICE_MAX = 20

/** What is a sign. */
export type SignKind = 'gap' | 'history-lost' | 'conflict' | 'key-change' | 'date-jump'

/** All of them. */
export const SIGN_KINDS: readonly SignKind[] = [
  'gap',
  'history-lost',
  'conflict',
  'key-change',
  'date-jump'
]

/** What may mean that a device failed, lost something, or that somebody had a hand in it. */
export interface DeviceSign {
  readonly kind: SignKind
  /** The transaction that shows it. */
  readonly transaction: string
  readonly height: number
  /** Block time, ms since 1970. */
  readonly time: number
  /** Readings that a gap stands for, or the ms that a date jumped; 0 for the others. */
  readonly size: number
}

/** The signs of one device. */
export interface DeviceSigns {
  readonly device: string
  /** How often each kind was seen. */
  readonly counts: Readonly<Record<SignKind, number>>
  /** The newest ones, newest first. */
  readonly newest: readonly DeviceSign[]
}

/** Finds signs in the committed transactions of devices. */
export interface DeviceSignFinder {
  /** The first height that was looked at. */
  readonly fromHeight: number
  /** The last height that was looked at. */
  readonly toHeight: number
  /** Whether everything up to the head was looked at when this was asked. */
  readonly upToDate: boolean
  /** Resolves when everything is looked at that was committed when the search began, or when it ended early. */
  readonly caughtUp: Promise<void>
  /** The signs of a device; undefined when it has none, or was not seen. */
  of(device: string): DeviceSigns | undefined
  /** All devices with a sign, the last seen first. */
  list(max: number): readonly DeviceSigns[]
}

interface Seen {
  /** The time of the newest reading of each lane, by the device's clock. */
  readonly to: [number | undefined, number | undefined]
  signs: DeviceSigns | undefined
}

const NONE: DeviceSigns['counts'] = {
  gap: 0,
  'history-lost': 0,
  conflict: 0,
  'key-change': 0,
  'date-jump': 0
}

/** Begins to look through the newest transactions and goes on with each new one, until the signal aborts. */
export function findDeviceSigns(ledger: LedgerReader, signal: AbortSignal): DeviceSignFinder {
  const devices = new Map<string, Seen>()
  const first = Math.max(0, ledger.head.history.size - SIGNS_TRANSACTIONS_MAX)
  const fromHeight = ledger.head.height === 0 ? 1 : ledger.heightOf(first)
  const began = ledger.head.history.size
  let toHeight = 0
  let leaf = first
  const { promise: caughtUp, resolve: catchUp } = Promise.withResolvers<void>()
  if (leaf >= began) catchUp()

  const add = (id: string, seen: Seen, event: CommittedEvent, kind: SignKind, size = 0): void => {
    const { height, time, transaction } = event
    const { counts = NONE, newest = [] } = seen.signs ?? {}
    const sign = { kind, transaction: toHex(transaction.id), height, time, size }
    seen.signs = {
      device: id,
      counts: { ...counts, [kind]: counts[kind] + 1 },
      newest: [sign, ...newest].slice(0, SIGNS_PER_DEVICE_MAX)
    }
  }

  const look = (event: CommittedEvent): void => {
    toHeight = event.height
    leaf = event.leaf + 1
    const { transaction } = event
    if (transaction.type !== 'statement' && transaction.type !== 'conflict') return
    const { statement } = transaction.type === 'conflict' ? transaction.first : transaction
    const id = toHex(statement.device)
    const seen = devices.get(id) ?? { to: [undefined, undefined], signs: undefined }
    // The last seen stands last.
    devices.delete(id)
    devices.set(id, seen)
    for (const oldest of devices.keys()) {
      if (devices.size <= DEVICES_MAX) break
      devices.delete(oldest)
    }
    if (transaction.type === 'conflict') return add(id, seen, event, 'conflict')
    if (lostHistory(statement)) add(id, seen, event, 'history-lost')
    if (statement.type === 'gap') add(id, seen, event, 'gap', statement.count)
    if (statement.type === 'rotation') add(id, seen, event, 'key-change')
    const jump = jumpOf(statement, seen.to[statement.lane])
    if (jump !== undefined) add(id, seen, event, 'date-jump', jump)
    if (statement.type === 'readings') seen.to[statement.lane] = statement.to
  }

  const run = async (): Promise<void> => {
    for await (const event of ledger.events({ from: cursorBefore(ledger, fromHeight), signal })) {
      look(event)
      if (leaf >= began) catchUp()
    }
  }
  // A damaged store is told by who reads it next; here it only ends the list.
  run()
    .catch(() => undefined)
    .finally(catchUp)

  return {
    fromHeight,
    caughtUp,
    get toHeight() {
      return Math.max(toHeight, fromHeight - 1)
    },
    get upToDate() {
      return leaf >= ledger.head.history.size
    },
    of: device => devices.get(device)?.signs,
    list(max) {
      const found: DeviceSigns[] = []
      for (const { signs } of [...devices.values()].toReversed()) {
        if (found.length >= max) break
        if (signs !== undefined) found.push(signs)
      }
      return found
    }
  }
}

function cursorBefore(ledger: LedgerReader, height: number): string {
  const before = ledger.header(height - 1)
  if (before === undefined) return FIRST_CURSOR
  return formatCursor({ height: height - 1, index: before.transactionCount - 1 })
}

/** By how much dates jumped, ms: back, far ahead of the lane's last reading, or within one batch. spec P-5 */
function jumpOf(statement: Statement, last: number | undefined): number | undefined {
  if (statement.type !== 'readings') return undefined
  const { from, to } = statement
  const steps = [to - from, ...(last === undefined ? [] : [from - last])]
  return steps.find(step => step < 0 || step > TIME_JUMP_MS)
}
