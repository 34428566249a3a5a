import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createRules, devices, members } from '@vitalchain/contracts'
import { useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { openLedger, type Ledger } from '../ledger/ledger.ts'
import { openStore, type Store } from '../store/store.ts'
import { readBytes } from './json-file.ts'
import { GENESIS_FILE } from './node-dir.ts'
import { asInUse } from './start.ts'

/**
 * Opens the store of a node that is not running.
 *
 * @param dataDir - the node's data directory
 * @throws VitalchainError `ERR_FILE` when there is none, `ERR_DATA_DIR_IN_USE` while the node runs
 */
export async function openStoppedStore(dataDir: string): Promise<Store> {
  useCryptoBackend(nodeCryptoBackend)
  const location = join(dataDir, 'ledger')
  // Opening would make it: a mistyped name must not leave a directory behind.
  const found = await stat(location).catch(() => undefined)
  if (found?.isDirectory() !== true) {
    throw new VitalchainError('ERR_FILE', `${dataDir} holds no ledger of a node`)
  }
  try {
    return await openStore(location)
  } catch (error) {
    throw asInUse(error, dataDir)
  }
}

/**
 * Opens the ledger of a node that is not running.
 *
 * @throws VitalchainError as {@link openStoppedStore} and `openLedger`
 */
export async function openStoppedLedger(dataDir: string): Promise<Ledger> {
  const genesis = await readBytes(join(dataDir, GENESIS_FILE))
  const store = await openStoppedStore(dataDir)
  try {
    return await openLedger({ store, genesis, rules: createRules([members, devices]) })
  } catch (error) {
    await store.close()
    throw error
  }
}
