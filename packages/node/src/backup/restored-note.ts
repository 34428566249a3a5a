import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toHex } from '@vitalchain/core'
import { parseJson } from '../cli/json-file.ts'
import { syncDirectory, undefinedIfAbsent } from '../consensus/vote-file.ts'

/** The file in a data directory that says that its ledger came from a backup. */
const NOTE_FILE = 'restored.json'

const FORMAT = 'vitalchain-restored/1'

/** What a restore was made of. */
export interface RestoredFrom {
  readonly network: Uint8Array
  /** The newest block of the backup, its hash, and the transactions up to it. */
  readonly height: number
  readonly head: Uint8Array
  readonly transactions: number
  /** When the backup was made, ms since 1970, and by whose node. */
  readonly taken: number
  readonly node: string
  /** SHA-256 that the backup states. */
  readonly sha256: Uint8Array
  /** When it was restored, ms since 1970. */
  readonly restored: number
}

/**
 * What became of what was committed behind the backup. `following`: it is being fetched from the others. `whole`: the others had
 * it. `lost`: a validator voted again by an override, without a quorum of others that had kept what they signed: what was
 * acknowledged above a block and nobody brought back is lost.
 */
export type RestoredState = 'following' | 'whole' | 'lost'

/** The note of a restore, with what came of it since. */
export interface RestoredNote extends RestoredFrom {
  readonly state: RestoredState
  /** The last block that the network had when it went on by override; undefined unless `lost`. */
  readonly resumedAt: number | undefined
  /** When the operator took note that something was lost, ms since 1970: from then on nothing is said of it. */
  readonly acknowledged: number | undefined
}

/** Notes that a ledger came from a backup, durably. */
export async function writeRestoredNote(dataDir: string, from: RestoredFrom): Promise<void> {
  await saveRestoredNote(dataDir, {
    ...from,
    state: 'following',
    resumedAt: undefined,
    acknowledged: undefined
  })
}

/** Replaces the note, durably: at every moment there is a whole one. */
export async function saveRestoredNote(dataDir: string, note: RestoredNote): Promise<void> {
  const { network, head, sha256, ...others } = note
  const text = JSON.stringify(
    {
      format: FORMAT,
      ...others,
      network: toHex(network),
      head: toHex(head),
      sha256: toHex(sha256)
    },
    undefined,
    2
  )
  const file = join(dataDir, NOTE_FILE)
  const made = `${file}.new`
  // What a process left that was killed here.
  await rm(made, { force: true })
  const handle = await open(made, 'wx', 0o600)
  try {
    await handle.writeFile(`${text}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(made, file)
  await syncDirectory(dataDir)
}

/**
 * The note of a data directory; undefined when its ledger came from no backup.
 *
 * @throws VitalchainError `ERR_FILE` when it cannot be read
 */
export async function readRestoredNote(dataDir: string): Promise<RestoredNote | undefined> {
  const file = join(dataDir, NOTE_FILE)
  const text = await readFile(file, 'utf8').catch(undefinedIfAbsent)
  if (text === undefined) return undefined
  const note = parseJson(text, file)
  const state = note.field('state').text()
  return {
    network: note.field('network').hex(32),
    height: note.field('height').integer(),
    head: note.field('head').hex(32),
    transactions: note.field('transactions').integer(),
    taken: note.field('taken').integer(),
    node: note.field('node').text(),
    sha256: fromHex(note.field('sha256').text()),
    restored: note.field('restored').integer(),
    state: state === 'whole' || state === 'lost' ? state : 'following',
    resumedAt: note.optional('resumedAt')?.integer(),
    acknowledged: note.optional('acknowledged')?.integer()
  }
}
