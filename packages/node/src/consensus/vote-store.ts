import {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  bytes,
  equalBytes,
  format,
  hash32,
  list,
  tuple,
  TRANSACTION_BYTES_MAX,
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

/**
 * Where a validator keeps what it signed. It is apart from the ledger's store, so that a backup of the ledger never holds
 * it: a restored vote state could let a key sign twice.
 */
export interface VoteStore {
  read(): Promise<VoteState | undefined>
  readBodies(): Promise<PreparedBodies | undefined>
  /**
   * Notes for good whose votes are kept here from the beginning on.
   *
   * @param key - the consensus public key
   * @param isNew - whether the node has no block yet
   * @returns whether every vote of this key is here: false for a store that was lost or left out of a backup and made anew,
   * and for one of another key. spec C-27
   */
  begin(key: Uint8Array, isNew: boolean): Promise<boolean>
  /** Resolves once the state, and the bodies given, are on the disk: only then may its messages leave. */
  write(state: VoteState, bodies?: PreparedBodies): Promise<void>
  close(): Promise<void>
}

const STATE = 'vote-state'
const BODIES = 'prepared-bodies'
const BEGUN = 'begun'

const bodiesFormat: Format<PreparedBodies> = format(
  'prepared bodies',
  BLOCK_BYTES_MAX + 16 * 1024,
  tuple({
    blockHash: hash32,
    transactions: list(bytes(1, TRANSACTION_BYTES_MAX), BLOCK_TRANSACTIONS_MAX)
  })
)

type Database = MemoryLevel<string, Uint8Array> | ClassicLevel<string, Uint8Array>
type Put = { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }

/** Opens a vote store: a LevelDB database of its own, whose checksummed log makes a torn write the state before; `memory` keeps it there. */
export async function openVoteStore(location: string): Promise<VoteStore> {
  if (location === 'memory') {
    const memory = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    await memory.open()
    return voteStore(memory, puts => memory.batch([...puts]))
  }
  const disk = new ClassicLevel<string, Uint8Array>(location, { valueEncoding: 'view' })
  await disk.open()
  return voteStore(disk, puts => disk.batch([...puts], { sync: true }))
}

function voteStore(database: Database, write: (puts: readonly Put[]) => Promise<void>): VoteStore {
  // Bodies do not change: those of one block are written once.
  let written: Uint8Array = new Uint8Array(0)
  return {
    async read() {
      const encoded = await database.get(STATE)
      return encoded === undefined ? undefined : decodeVoteState(encoded)
    },
    async readBodies() {
      const encoded = await database.get(BODIES)
      return encoded === undefined ? undefined : bodiesFormat.decode(encoded)
    },
    async begin(key, isNew) {
      const begun = await database.get(BEGUN)
      if (begun !== undefined) return equalBytes(begun, key)
      if (isNew) await write([{ type: 'put', key: BEGUN, value: key }])
      return isNew
    },
    async write(state, bodies) {
      const puts: Put[] = [{ type: 'put', key: STATE, value: encodeVoteState(state) }]
      const isNew = bodies !== undefined && !equalBytes(bodies.blockHash, written)
      if (isNew) puts.push({ type: 'put', key: BODIES, value: bodiesFormat.encode(bodies) })
      await write(puts)
      if (isNew) written = bodies.blockHash
    },
    close: () => database.close()
  }
}
