import { setImmediate } from 'node:timers/promises'
import { decodeTransaction, VitalchainError, type Header, type Transaction } from '@vitalchain/core'
import type { Archive } from './archive.ts'
import { firstLeaf } from './records.ts'
import type { LedgerReader } from './types.ts'

/** A transaction that took effect. Streams deliver it at least once; (network, height, index) names it. */
export interface CommittedEvent {
  /** The cursor to go on behind this event. */
  readonly cursor: string
  readonly height: number
  /** Position within the block. */
  readonly index: number
  /** Position in the history of all transactions. */
  readonly leaf: number
  /** The block's time, ms since 1970. */
  readonly time: number
  readonly transaction: Transaction
  readonly bytes: Uint8Array
}

/**
 * `height.index` of the last event that was dealt with: a stream from a cursor begins with the event behind it. `0.0`
 * stands before the first event.
 */
export type Cursor = string

/** The cursor before the first event. */
export const FIRST_CURSOR: Cursor = '0.0'

/** Events read from the store before other work of the process gets its turn. */
const EVENTS_PER_TURN = 64

/** The text of a cursor. */
export function formatCursor({ height, index }: { height: number; index: number }): Cursor {
  return `${height}.${index}`
}

/**
 * Reads a cursor.
 *
 * @throws VitalchainError `ERR_CURSOR` when the text is not two numbers with a dot between
 */
export function parseCursor(cursor: Cursor): { readonly height: number; readonly index: number } {
  const match = /^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,8})$/.exec(cursor)
  const height = Number(match?.[1])
  if (match === null || !Number.isSafeInteger(height)) {
    throw new VitalchainError('ERR_CURSOR', 'a cursor is height.index, such as 12.0')
  }
  return { height, index: Number(match[2]) }
}

/** Wakes all that wait, and forgets them. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>
}

/** Makes a {@link Bell}. */
export function createBell(): Bell {
  let waiting = new Set<() => void>()
  return {
    ring() {
      const woken = waiting
      waiting = new Set()
      for (const wake of woken) wake()
    },
    wait: signal =>
      new Promise(resolve => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake)
          waiting.delete(wake)
          resolve()
        }
        if (signal.aborted) return resolve()
        signal.addEventListener('abort', wake)
        waiting.add(wake)
      })
  }
}

/** What a stream of events reads. */
export interface EventSource {
  readonly archive: Archive
  /** How many transactions are committed. */
  readonly size: () => number
  /** Rings after each commit. */
  readonly bell: Bell
}

/**
 * Committed events behind a cursor, then new ones as they are committed, until the signal aborts. Events are read from
 * the store when the reader asks for them, so a slow reader costs no memory and loses nothing.
 *
 * @throws VitalchainError `ERR_CURSOR` when no event stands at the cursor, `ERR_DAMAGED`
 */
export async function* streamEvents(
  { archive, size, bell }: EventSource,
  from: Cursor,
  signal: AbortSignal
): AsyncGenerator<CommittedEvent, void, undefined> {
  let leaf = leafBehind(archive, from)
  let header: Header | undefined
  while (!signal.aborted) {
    if (leaf >= size()) {
      await bell.wait(signal)
      continue
    }
    if (leaf % EVENTS_PER_TURN === 0) await setImmediate()
    if (header === undefined || leaf >= header.history.size) {
      header = archive.header(archive.heightOf(leaf))
    }
    const bytes = archive.transaction(leaf)
    if (header === undefined || bytes === undefined) {
      throw new VitalchainError('ERR_DAMAGED', `the store lacks the block of transaction ${leaf}`)
    }
    const { height, time } = header
    const index = leaf - firstLeaf(header)
    yield {
      cursor: formatCursor({ height, index }),
      height,
      index,
      leaf,
      time,
      transaction: decodeTransaction(bytes),
      bytes
    }
    leaf += 1
  }
}

function leafBehind(archive: Archive, cursor: Cursor): number {
  if (cursor === FIRST_CURSOR) return 0
  const { height, index } = parseCursor(cursor)
  const header = archive.header(height)
  if (header === undefined || index >= header.transactionCount) {
    throw new VitalchainError('ERR_CURSOR', `no event of this ledger stands at ${cursor}`, {
      values: { height, index }
    })
  }
  return firstLeaf(header) + index + 1
}

/** The cursor of the newest event: a stream from it holds only what comes. */
export function newestCursor(ledger: Pick<LedgerReader, 'head' | 'header' | 'heightOf'>): Cursor {
  const header = ledger.header(ledger.head.height)
  // A block without transactions, from a late view, holds no event: begin at the block, not in it.
  if (header === undefined || header.history.size === 0) return FIRST_CURSOR
  const leaf = header.history.size - 1
  const height = ledger.heightOf(leaf)
  const first = ledger.header(height)
  return first === undefined
    ? FIRST_CURSOR
    : formatCursor({ height, index: first.transactionCount - 1 })
}
