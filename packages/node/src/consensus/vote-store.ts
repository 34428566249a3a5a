import { join } from 'node:path'
import { mkdir, stat, unlink, writeFile } from 'node:fs/promises'
import {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  boolean,
  bytes,
  equalBytes,
  format,
  hash32,
  list,
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
  /** Notes for good that all votes of this key from a height on are kept here. What was kept before is dropped. */
  begin(height: number): Promise<void>
  /** Notes for good that votes of this key are missing here. spec C-37 */
  distrust(): Promise<void>
  read(): Promise<VoteState | undefined>
  /** Resolves once the state, and the bodies given, are on the disk: only then may its messages leave. */
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
  readBodies(): Promise<PreparedBodies | undefined>
  /** Makes the bodies of a prepared block durable. */
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

const beginningFormat: Format<Beginning> = format(
  'beginning of votes',
  64,
  tuple({ height: uint(Number.MAX_SAFE_INTEGER, 1) })
)

const flagFormat: Format<{ readonly owed: boolean }> = format('flag', 16, tuple({ owed: boolean }))

type Database = MemoryLevel<string, Uint8Array> | ClassicLevel<string, Uint8Array>
type Change =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }
type Write = (changes: readonly Change[]) => Promise<void>

/**
 * Opens a vote store: a LevelDB database of its own, whose checksummed log makes a torn write the state before; `memory`
 * keeps it there.
 *
 * @throws VitalchainError `ERR_STORE_LOCKED` when another process has it open
 */
export async function openVoteStore(location: string): Promise<VoteStore> {
  if (location === 'memory') {
    const memory = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    await memory.open()
    return voteStore(memory, changes => memory.batch([...changes]))
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
  return voteStore(disk, changes => disk.batch([...changes], { sync: true }))
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
  // Begun before, and killed before the note was gone.
  if ((await votes.beginning()) === undefined) await votes.begin(1)
  await unlink(note)
}

function voteStore(database: Database, write: Write): VoteStore {
  // Bodies do not change: those of one block are written once.
  let written: Uint8Array = new Uint8Array(0)
  const newBodies = (bodies: PreparedBodies | undefined): Change[] =>
    bodies === undefined || equalBytes(bodies.blockHash, written)
      ? []
      : [{ type: 'put', key: BODIES, value: bodiesFormat.encode(bodies) }]
  const writeWith = async (
    changes: readonly Change[],
    bodies: PreparedBodies | undefined
  ): Promise<void> => {
    const all = [...changes, ...newBodies(bodies)]
    if (all.length === 0) return
    await write(all)
    if (bodies !== undefined) written = bodies.blockHash
  }
  return {
    of: key => keyVotes(database, toHex(key), writeWith),
    async readBodies() {
      const encoded = await database.get(BODIES)
      return encoded === undefined ? undefined : bodiesFormat.decode(encoded)
    },
    writeBodies: bodies => writeWith([], bodies),
    close: () => database.close()
  }
}

function keyVotes(
  database: Database,
  name: string,
  write: (changes: readonly Change[], bodies: PreparedBodies | undefined) => Promise<void>
): KeyVotes {
  const STATE = `vote-state/${name}`
  const BEGUN = `begun/${name}`
  const OVERRIDE = `override-owed/${name}`
  return {
    async beginning() {
      const encoded = await database.get(BEGUN)
      return encoded === undefined ? undefined : beginningFormat.decode(encoded)
    },
    begin: height =>
      write(
        [
          { type: 'put', key: BEGUN, value: beginningFormat.encode({ height }) },
          { type: 'del', key: STATE }
        ],
        undefined
      ),
    distrust: () =>
      write(
        [
          { type: 'del', key: BEGUN },
          { type: 'del', key: STATE }
        ],
        undefined
      ),
    async read() {
      const encoded = await database.get(STATE)
      return encoded === undefined ? undefined : decodeVoteState(encoded)
    },
    write: (state, bodies) =>
      write([{ type: 'put', key: STATE, value: encodeVoteState(state) }], bodies),
    async owesOverride() {
      const encoded = await database.get(OVERRIDE)
      return encoded !== undefined && flagFormat.decode(encoded).owed
    },
    setOverrideOwed: owed =>
      write([{ type: 'put', key: OVERRIDE, value: flagFormat.encode({ owed }) }], undefined)
  }
}
