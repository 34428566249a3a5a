import { dirname, join, resolve } from 'node:path'
import { mkdir, readdir, stat, unlink, writeFile } from 'node:fs/promises'
import {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  boolean,
  bytes,
  equalBytes,
  format,
  fromHex,
  hash32,
  list,
  optional,
  toHex,
  tuple,
  TRANSACTION_BYTES_MAX,
  uint,
  VitalchainError,
  type Format
} from '@vitalchain/core'
import { decodeVoteState, encodeVoteState, type VoteState } from '@vitalchain/consensus'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'
import {
  absentVoteFile,
  memoryVoteFile,
  openVoteFile,
  readVoteFile,
  SLOT_BYTES_MAX,
  syncDirectory,
  type VoteFile
} from './vote-file.ts'

/** The transactions of the block that a vote state holds as prepared. */
export interface PreparedBodies {
  readonly blockHash: Uint8Array
  readonly transactions: readonly Uint8Array[]
}

/** From where on all votes of a key are kept. */
export interface Beginning {
  /** The first height at which the key may have signed what is kept here. */
  readonly height: number
}

/** What is kept of one consensus key. */
export interface KeyVotes {
  /** Undefined when votes of this key may be missing here: it must not sign. spec C-27 */
  beginning(): Promise<Beginning | undefined>
  /** Whether nothing was ever kept here of this key, nor what is damaged or distrusted now. */
  isNew(): Promise<boolean>
  /** Notes for good that all votes of this key from a height on are kept here. What was kept before is dropped. */
  begin(height: number): Promise<void>
  /** Notes for good that votes of this key are missing here. spec C-37 */
  distrust(): Promise<void>
  read(): Promise<VoteState | undefined>
  /**
   * Resolves once the state, and the bodies given, are on the disk: only then may its messages leave.
   *
   * @throws VitalchainError `ERR_STORE` before a beginning, and when the disk fails or failed before
   */
  write(state: VoteState, bodies?: PreparedBodies): Promise<void>
  /** Whether the operator's override still has to be put on the chain. spec C-39 */
  owesOverride(): Promise<boolean>
  setOverrideOwed(owed: boolean): Promise<void>
}

/**
 * Where a validator keeps what it signed. It is apart from the ledger's store, so that a backup of the ledger never holds
 * it: a restored vote state could let a key sign twice.
 */
export interface VoteStore {
  /** The part of one consensus key. */
  of(key: Uint8Array): KeyVotes
  /** All that is kept: of each key here what its vote state holds as prepared, and of a signer elsewhere. */
  readBodies(): Promise<readonly PreparedBodies[]>
  /** Makes the bodies of a prepared block durable whose vote state is kept elsewhere. */
  writeBodies(bodies: PreparedBodies): Promise<void>
  close(): Promise<void>
}

/** The directory of notes about new keys, beside the store: a running node has that open. */
const NEW_KEYS = 'new-keys'

const BODIES = 'prepared-bodies'

const bodiesFormat: Format<PreparedBodies> = format(
  'prepared bodies',
  BLOCK_BYTES_MAX + 16 * 1024,
  tuple({
    blockHash: hash32,
    transactions: list(bytes(1, TRANSACTION_BYTES_MAX), BLOCK_TRANSACTIONS_MAX)
  })
)

/** What is kept of a key in its {@link VoteFile}. One write makes all of it durable. */
interface KeyRecord {
  /** Undefined when votes are missing. spec C-37 */
  readonly first: number | undefined
  readonly state: Uint8Array | undefined
  /** Of the block that the state holds as prepared: a state without them could not be voted for to the end. spec C-24 */
  readonly bodies: Uint8Array | undefined
}

const recordFormat: Format<KeyRecord> = format(
  'votes of a key',
  SLOT_BYTES_MAX,
  tuple({
    first: optional(uint(Number.MAX_SAFE_INTEGER, 1)),
    state: optional(bytes(1, SLOT_BYTES_MAX)),
    bodies: optional(bytes(1, SLOT_BYTES_MAX))
  })
)

const flagFormat: Format<{ readonly owed: boolean }> = format('flag', 16, tuple({ owed: boolean }))

type Database = MemoryLevel<string, Uint8Array> | ClassicLevel<string, Uint8Array>
type Write = (key: string, value: Uint8Array) => Promise<void>

/** The file of a key in the store's directory: LevelDB leaves alone what it did not name. */
const FILE_NAME = /^vote-state-([0-9a-f]{64})$/

/**
 * Opens a vote store: a directory with a file of each key ({@link VoteFile}), and a LevelDB database, which locks it, for
 * what is seldom written; `memory` keeps it there.
 *
 * @throws VitalchainError `ERR_STORE_LOCKED` when another process has it open, `ERR_STORE` when the disk fails
 */
export async function openVoteStore(location: string): Promise<VoteStore> {
  if (location === 'memory') {
    const memory = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    await memory.open()
    return voteStore(memory, (key, value) => memory.put(key, value), new Map(), memoryVoteFile)
  }
  const disk = new ClassicLevel<string, Uint8Array>(location, { valueEncoding: 'view' })
  try {
    await disk.open()
  } catch (error) {
    const { cause } = error instanceof Error ? error : {}
    if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED')
      throw new VitalchainError('ERR_STORE_LOCKED', 'another process has the store open', {
        cause
      })
    throw error
  }
  const files = new Map<string, VoteFile>()
  try {
    // A power cut must not take the directory: a note that the key is new could still be there.
    await syncDirectory(dirname(resolve(location)))
    for (const { name, path, key } of await voteFilesIn(location))
      files.set(name, await openVoteFile(path, key))
  } catch (error) {
    for (const file of files.values()) await file.close()
    await disk.close()
    throw error
  }
  return voteStore(
    disk,
    (key, value) => disk.put(key, value, { sync: true }),
    files,
    name => absentVoteFile(fileOf(location, name), fromHex(name))
  )
}

/** A key's part of a vote store as `dump` shows it. */
export interface VoteEntry {
  /** The file's name. */
  readonly name: string
  /** Empty when the file is damaged. */
  readonly record: Uint8Array
  readonly damaged: boolean
}

/** What the files of a store hold that is not open. Nothing is changed. */
export async function readVoteEntries(location: string): Promise<readonly VoteEntry[]> {
  const entries: VoteEntry[] = []
  for (const { path, name, key } of await voteFilesIn(location)) {
    const { status, newest } = await readVoteFile(path, key)
    entries.push({
      name: `vote-state-${name}`,
      record: newest?.record ?? new Uint8Array(0),
      damaged: status === 'damaged'
    })
  }
  return entries
}

async function voteFilesIn(
  location: string
): Promise<readonly { readonly name: string; readonly path: string; readonly key: Uint8Array }[]> {
  const names = (await readdir(location)).flatMap(each => FILE_NAME.exec(each)?.[1] ?? [])
  return names.map(name => ({ name, path: fileOf(location, name), key: fromHex(name) }))
}

function fileOf(location: string, name: string): string {
  return join(location, `vote-state-${name}`)
}

/** The directory of the vote store in a node's data directory. */
export function voteStoreOf(dataDir: string): string {
  return join(dataDir, 'votes')
}

/**
 * Notes in a data directory that a consensus key is new: that it never signed anything. Call it once, when the key is
 * made, and never for a key that ran anywhere: only a node whose directory says so votes at its first start. It may be
 * called while a node runs there, with another key. spec C-27
 *
 * @param key - the consensus public key, 32 bytes
 */
export async function createVoteState(dataDir: string, key: Uint8Array): Promise<void> {
  const directory = join(dataDir, NEW_KEYS)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(join(directory, toHex(key)), '')
}

/**
 * Begins the votes of a key that {@link createVoteState} noted as new. The note serves once.
 *
 * @param votes - the part of the key in the store of the same directory
 */
export async function takeVoteState(
  dataDir: string,
  key: Uint8Array,
  votes: KeyVotes
): Promise<void> {
  const note = join(dataDir, NEW_KEYS, toHex(key))
  if ((await stat(note).catch(() => undefined)) === undefined) return
  // Otherwise it was begun before, and killed before the note was gone. Damaged since, or not, it is new no more.
  if (await votes.isNew()) await votes.begin(1)
  await unlink(note)
}

function voteStore(
  database: Database,
  put: Write,
  files: Map<string, VoteFile>,
  absent: (name: string) => VoteFile
): VoteStore {
  // Bodies do not change: those of one block are written once.
  let written: Uint8Array = new Uint8Array(0)
  const fileOfKey = (name: string): VoteFile => {
    const file = files.get(name) ?? absent(name)
    files.set(name, file)
    return file
  }
  return {
    of(key) {
      const name = toHex(key)
      return keyVotes(database, put, name, fileOfKey(name))
    },
    async readBodies() {
      const kept = [...files.values()].map(file => recordIn(file).bodies)
      const all = [...kept, await database.get(BODIES)]
      return all.filter(each => each !== undefined).map(each => bodiesFormat.decode(each))
    },
    async writeBodies(bodies) {
      if (equalBytes(bodies.blockHash, written)) return
      await put(BODIES, bodiesFormat.encode(bodies))
      written = bodies.blockHash
    },
    async close() {
      for (const file of files.values()) await file.close()
      await database.close()
    }
  }
}

const NOTHING: KeyRecord = { first: undefined, state: undefined, bodies: undefined }

function recordIn({ record }: VoteFile): KeyRecord {
  return record === undefined ? NOTHING : recordFormat.decode(record)
}

function keyVotes(database: Database, put: Write, name: string, file: VoteFile): KeyVotes {
  const OVERRIDE = `override-owed/${name}`
  /** Where a build before the first release kept that the key had begun. */
  const BEGUN = `begun/${name}`
  return {
    async beginning() {
      const { first } = recordIn(file)
      return first === undefined ? undefined : { height: first }
    },
    isNew: async () => file.status === 'absent' && (await database.get(BEGUN)) === undefined,
    // In a new file: no older state is left in it that could come back when a slot decays.
    begin: height => file.renew(recordFormat.encode({ ...NOTHING, first: height })),
    distrust: () => file.renew(recordFormat.encode(NOTHING)),
    async read() {
      const { state } = recordIn(file)
      return state === undefined ? undefined : decodeVoteState(state)
    },
    async write(state, bodies) {
      const { first, bodies: before } = recordIn(file)
      await file.write(
        recordFormat.encode({
          first,
          state: encodeVoteState(state),
          bodies: bodies === undefined ? stillNamed(before, state) : bodiesFormat.encode(bodies)
        })
      )
    },
    async owesOverride() {
      const encoded = await database.get(OVERRIDE)
      return encoded !== undefined && flagFormat.decode(encoded).owed
    },
    setOverrideOwed: owed => put(OVERRIDE, flagFormat.encode({ owed }))
  }
}

/** Bodies of before, while the state holds their block as prepared: after a restart nobody gives them again. */
function stillNamed(
  before: Uint8Array | undefined,
  { prepared }: VoteState
): Uint8Array | undefined {
  if (before === undefined || prepared === undefined) return undefined
  const { blockHash } = bodiesFormat.decode(before)
  return equalBytes(blockHash, prepared.certificate.blockHash) ? before : undefined
}
