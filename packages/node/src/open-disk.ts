import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { VitalchainError } from '@vitalchain/core'
import { requireWholeLog } from './audit/level-files.ts'
import { requireNoRestore } from './backup/restore-backup.ts'
import { lockKey, type KeyLock } from './consensus/key-lock.ts'
import {
  openVoteStore,
  takeVoteState,
  voteStoreOf,
  type VoteStore
} from './consensus/vote-store.ts'
import { openLedger, type Ledger, type LedgerInit } from './ledger/ledger.ts'
import { openStore, type Store } from './store/store.ts'

/** What a running node holds open on its disk. */
export interface OpenDisk {
  readonly store: Store
  readonly ledger: Ledger
  readonly votes: VoteStore
  /** Of the consensus key, where there is one. */
  readonly lock: KeyLock | undefined
}

/** Opens what is on disk. What was opened before a failure is closed again, or the directory would stay locked. */
export async function openDisk(
  dataDir: string | undefined,
  key: Uint8Array | undefined,
  init: Omit<LedgerInit, 'store'>,
  onFatal: (error: VitalchainError) => void
): Promise<OpenDisk> {
  if (dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await requireNoRestore(dataDir)
  }
  const location = dataDir === undefined ? 'memory' : join(dataDir, 'ledger')
  if (dataDir !== undefined) await requireWholeLog(location)
  const store = await openStore(location, onFatal)
  let votes: VoteStore | undefined
  let lock: KeyLock | undefined
  try {
    votes = await openVoteStore(dataDir === undefined ? 'memory' : voteStoreOf(dataDir))
    // What is kept in memory is forgotten with the process: each start there is the first.
    if (key !== undefined && dataDir === undefined) await votes.of(key).begin(1)
    if (key !== undefined && dataDir !== undefined) {
      lock = await lockKey(key)
      await takeVoteState(dataDir, key, votes.of(key))
    }
    return { store, votes, lock, ledger: await openLedger({ store, ...init }) }
  } catch (error) {
    await lock?.release()
    await votes?.close()
    await store.close()
    throw error
  }
}
