import { stat } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { toHex, utf8 } from '@vitalchain/core'
import { readVoteEntries, voteStoreOf } from '../consensus/vote-store.ts'
import type { StoreEntry } from '../store/store.ts'
import { EXIT, type CliIo } from './io.ts'
import { openStoppedStore } from './stopped-node.ts'

/** What `vitalchain dump` was asked for. */
export interface DumpOptions {
  readonly dataDir: string
  /** Only entries whose key or value holds this text, in UTF-8. */
  readonly grep?: string
}

/** Runs of printable ASCII that are worth showing beside the hexadecimal digits. */
const PRINTABLE = /[\x20-\x7e]{4,}/g

/**
 * Writes every key and value of a stopped node's stores, a line of JSON each.
 *
 * @returns 1 when a text was to be found and was not
 * @throws VitalchainError as `openStoppedStore`
 */
export async function dumpCommand({ dataDir, grep }: DumpOptions, io: CliIo): Promise<number> {
  const wanted = grep === undefined ? undefined : Buffer.from(grep, 'utf8')
  let found = 0
  for await (const entry of storeEntries(dataDir)) {
    if (wanted !== undefined && !holds(entry, wanted)) continue
    found++
    io.out(JSON.stringify(entryToJson(entry)))
  }
  return wanted === undefined || found > 0 ? EXIT.ok : EXIT.failed
}

/** Every record of a stopped node: its ledger, and what it signed. */
async function* storeEntries(dataDir: string): AsyncGenerator<StoreEntry> {
  const store = await openStoppedStore(dataDir)
  try {
    yield* store.entries()
  } finally {
    await store.close()
  }
  const location = voteStoreOf(dataDir)
  if ((await stat(location).catch(() => undefined)) === undefined) return
  const votes = new ClassicLevel<Uint8Array, Uint8Array>(location, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  try {
    for await (const [key, value] of votes.iterator()) {
      yield { store: 'votes', key, value, damaged: false }
    }
    for (const { name, record, damaged } of await readVoteEntries(location))
      yield { store: 'votes', key: utf8(name), value: record, damaged }
  } finally {
    await votes.close()
  }
}

function holds({ key, value }: StoreEntry, wanted: Buffer): boolean {
  return Buffer.from(key).includes(wanted) || Buffer.from(value).includes(wanted)
}

function entryToJson({
  store,
  key,
  value,
  damaged
}: StoreEntry): Readonly<Record<string, unknown>> {
  const text = Buffer.from(value).toString('latin1').match(PRINTABLE)?.join(' ')
  return {
    store,
    key: toHex(key),
    value: toHex(value),
    ...(text === undefined ? {} : { text }),
    ...(damaged ? { damaged } : {})
  }
}
