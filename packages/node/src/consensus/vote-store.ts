import { decodeVoteState, encodeVoteState, type VoteState } from '@vitalchain/consensus'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'

/**
 * Where a validator keeps what it signed. It is apart from the ledger's store, so that a backup of the ledger never holds
 * it: a restored vote state could let a key sign twice.
 */
export interface VoteStore {
  read(): Promise<VoteState | undefined>
  /** Resolves once the state is on the disk: only then may its messages leave. */
  write(state: VoteState): Promise<void>
  close(): Promise<void>
}

const KEY = 'vote-state'

/** Opens a vote store: a LevelDB database of its own, whose checksummed log makes a torn write the state before. */
export async function openVoteStore(location: string | 'memory'): Promise<VoteStore> {
  if (location === 'memory') {
    const memory = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
    await memory.open()
    return voteStore(memory, encoded => memory.put(KEY, encoded))
  }
  const disk = new ClassicLevel<string, Uint8Array>(location, { valueEncoding: 'view' })
  await disk.open()
  return voteStore(disk, encoded => disk.put(KEY, encoded, { sync: true }))
}

function voteStore(
  database: MemoryLevel<string, Uint8Array> | ClassicLevel<string, Uint8Array>,
  put: (encoded: Uint8Array) => Promise<void>
): VoteStore {
  return {
    async read() {
      const encoded = await database.get(KEY)
      return encoded === undefined ? undefined : decodeVoteState(encoded)
    },
    write: state => put(encodeVoteState(state)),
    close: () => database.close()
  }
}
