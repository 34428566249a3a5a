import { errorCode, utf8, type CheckpointShare, type ErrorValues } from '@vitalchain/core'
import type { Store } from '../store/store.ts'
import type { ShareCollection } from './collection.ts'
import { SHARES_MAX, sharesFormat } from './shares.ts'

const KEYS = { latest: utf8('latest'), newest: utf8('newest'), split: utf8('split') }

/** Keeps a collection of shares in the store. Three records, written anew: it does not grow. */
export interface ShareKeeper {
  /** What was kept. What cannot be read is logged and left out: others have it. */
  load(): readonly CheckpointShare[]
  /** Writes what changed. Never throws: a disk that fails stops the node at its next block. */
  keep(shares: ShareCollection): Promise<void>
}

/** Makes the {@link ShareKeeper} over a node's store. */
export function createShareKeeper(
  store: Pick<Store, 'get' | 'note' | 'write'>,
  log: (event: string, values: ErrorValues) => void
): ShareKeeper {
  let splits = 0
  let busy: Promise<void> = Promise.resolve()

  function read(key: Uint8Array): readonly CheckpointShare[] {
    try {
      const encoded = store.get('checkpoints', key)
      return encoded === undefined ? [] : sharesFormat.decode(encoded)
    } catch (error) {
      log('kept checkpoint shares not read', { code: errorCode(error) })
      return []
    }
  }

  async function write({ latest, newest, splits: found }: Kept): Promise<void> {
    try {
      // Not synced: after a power cut validators sign the last checkpoint again from their own records, and others have
      // the shares. So it takes no turn of the disk from the votes and blocks.
      await note(KEYS.latest, latest)
      await note(KEYS.newest, newest)
      if (found.length === splits) return
      splits = found.length
      const value = sharesFormat.encode(found)
      await store.write([{ table: 'checkpoints', key: KEYS.split, value }])
    } catch (error) {
      log('checkpoint shares not kept', { code: errorCode(error) })
    }
  }

  function note(key: Uint8Array, shares: readonly CheckpointShare[]): Promise<void> {
    const value = sharesFormat.encode(shares.slice(0, SHARES_MAX))
    return store.note({ table: 'checkpoints', key, value }, new Uint8Array(0))
  }

  return {
    load() {
      const kept = read(KEYS.split)
      splits = kept.length
      return [...kept, ...read(KEYS.latest), ...read(KEYS.newest)]
    },
    keep(shares) {
      const kept: Kept = {
        latest: shares.latest?.shares ?? [],
        newest: shares.newest,
        splits: [...shares.splits]
      }
      busy = busy.then(() => write(kept))
      return busy
    }
  }
}

interface Kept {
  readonly latest: readonly CheckpointShare[]
  readonly newest: readonly CheckpointShare[]
  readonly splits: readonly CheckpointShare[]
}
