import {
  errorCode,
  toHex,
  VitalchainError,
  type ErrorValues,
  type Statement
} from '@vitalchain/core'
import type { Executed } from '../ledger/execute.ts'
import { saveRestoredNote, type RestoredNote, type RestoredState } from './restored-note.ts'

/** Blocks that were made after the restore, without an override in them, until nothing is taken for lost: an override waits for the first. */
const BLOCKS_UNTIL_WHOLE = 8

/** Lanes of devices that are remembered as ahead of the ledger. */
const AHEAD_MAX = 10_000

/** How a node that was restored from a backup stands to it, as a status shows it. */
export interface RestoredStatus {
  readonly state: RestoredState
  /** The newest block of the backup. */
  readonly height: number
  /** When the backup was made and when it was restored, ms since 1970. */
  readonly taken: number
  readonly restored: number
  /** With `lost`: what was acknowledged above this block and nobody brought back is lost. */
  readonly resumedAt?: number
  /** With `lost`: lanes of devices that since the start named a predecessor which is not on the ledger. */
  readonly devicesAhead: number
}

/** Keeps a node's note of its restore up to date, and tells what may be lost. Does nothing on a node that was not restored. */
export interface RestoredKeeper {
  /** Undefined when the ledger came from no backup, or the operator took note of what was lost. */
  status(): RestoredStatus | undefined
  /** This node votes again by override; resolves when that is noted. */
  overridden(height: number): Promise<void>
  /** A block is durable. */
  committed(executed: Executed): void
  /** The block above which something that was acknowledged may be lost; undefined when nothing is. */
  readonly resumedAt: number | undefined
  /** Takes note of a device whose statement names a predecessor that nobody here knows. @returns what to tell it */
  lostBefore(statement: Statement): VitalchainError
}

/** What {@link createRestoredKeeper} needs. */
export interface RestoredKeeperComponents {
  /** Undefined for a node that keeps everything in memory. */
  readonly dataDir: string | undefined
  readonly note: RestoredNote | undefined
  /** Whether a statement is on the ledger. */
  readonly isCommitted: (id: Uint8Array) => boolean
  readonly log: (event: string, values: ErrorValues) => void
}

/** Makes the {@link RestoredKeeper} of a node. */
export function createRestoredKeeper({
  dataDir,
  note: found,
  isCommitted,
  log
}: RestoredKeeperComponents): RestoredKeeper {
  let note = found
  let after = 0
  /** What lanes name as their last statement and the ledger lacks. */
  const ahead = new Map<string, Uint8Array>()
  let saved: Promise<void> = Promise.resolve()

  const change = (state: RestoredState, resumedAt?: number): Promise<void> => {
    if (note === undefined || dataDir === undefined || note.state !== 'following') return saved
    const next = { ...note, state, resumedAt }
    note = next
    log(...line(next))
    saved = saved.then(() => saveRestoredNote(dataDir, next))
    return saved
  }
  const changeLater = (state: RestoredState, resumedAt?: number): void =>
    void change(state, resumedAt).catch((error: unknown) =>
      log('restore not noted', { code: errorCode(error) })
    )

  if (note !== undefined && note.acknowledged === undefined) log(...line(note))

  return {
    status() {
      if (note === undefined || note.acknowledged !== undefined) return undefined
      for (const [lane, id] of ahead) if (isCommitted(id)) ahead.delete(lane)
      const { state, height, taken, restored, resumedAt } = note
      return {
        state,
        height,
        taken,
        restored,
        ...(resumedAt === undefined ? {} : { resumedAt }),
        devicesAhead: ahead.size
      }
    },
    overridden: height => change('lost', height),
    committed({ block: { header }, transactions }) {
      if (note?.state !== 'following' || header.time < note.taken) return
      const overridden = transactions.some(
        ({ transaction }) =>
          transaction.type === 'call' && transaction.call.method === 'members.override'
      )
      if (overridden) return changeLater('lost', header.height - 1)
      if (header.time >= note.restored) after += 1
      if (after >= BLOCKS_UNTIL_WHOLE) changeLater('whole')
    },
    get resumedAt() {
      return note?.state === 'lost' ? (note.resumedAt ?? note.height) : undefined
    },
    lostBefore({ device, lane, previous }) {
      const resumedAt = note?.resumedAt ?? note?.height ?? 0
      if (note?.acknowledged === undefined) {
        const name = `${toHex(device)}/${lane}`
        if (!ahead.has(name))
          log('device ahead of the restored ledger', { device: toHex(device), lane, resumedAt })
        if (ahead.size < AHEAD_MAX || ahead.has(name)) ahead.set(name, previous)
      }
      return new VitalchainError(
        'ERR_LEDGER_RESTORED',
        `the ledger was restored from backups: what was acknowledged above block ${resumedAt} is lost, and the statement before this one with it`,
        { values: { resumedAt } }
      )
    }
  }
}

function line({ state, height, taken, resumedAt }: RestoredNote): [string, ErrorValues] {
  return [
    `restored from a backup: ${state}`,
    {
      height,
      taken: new Date(taken).toISOString(),
      ...(resumedAt === undefined ? {} : { resumedAt })
    }
  ]
}

/** The same for people, and what to do. */
export function restoredText({
  state,
  height,
  taken,
  resumedAt = height,
  devicesAhead
}: RestoredStatus): { readonly text: string; readonly act: string } {
  const from = `This node was restored from a backup of ${new Date(taken).toISOString()}, which ends with block ${height}.`
  switch (state) {
    case 'following':
      return {
        text: `${from} It follows the others and fetches what came after.`,
        act: 'Wait until it votes. If it never does, too few others kept their votes: see "Restore all hospitals" in the operator guide.'
      }
    case 'whole':
      return { text: `${from} The others had what came after: nothing is lost.`, act: 'None.' }
    case 'lost':
      return {
        text: `${from} The network went on from block ${resumedAt} by override: what was acknowledged above that block and no node brought back is lost.${
          devicesAhead === 0 ? '' : ` ${devicesAhead} lanes of devices show that they had more.`
        }`,
        act: 'Collect receipts from above that block: they prove what was lost. Start the devices that are ahead with a new outbox. Then run vitalchain restore --acknowledge.'
      }
  }
}
