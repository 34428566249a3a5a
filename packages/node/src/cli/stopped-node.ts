import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { createRules, devices, members } from '@vitalchain/contracts'
import { useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { openLedger, type Ledger } from '../ledger/ledger.ts'
import { openStore, type Store } from '../store/store.ts'
import { asInUse } from './in-use.ts'
import { readGenesis } from './json-file.ts'
import { GENESIS_FILE } from './node-dir.ts'

/**
 * Opens the store of a node that is not running.
 *
 * @param dataDir - the node's data directory
 * @param options - `anyFormat`: true to look into it whatever its format record says
 * @throws VitalchainError `ERR_FILE` when there is none, `ERR_DATA_DIR_IN_USE` while the node runs
 */
export async function openStoppedStore(
  dataDir: string,
  options: { readonly anyFormat?: boolean } = {}
): Promise<Store> {
  useCryptoBackend(nodeCryptoBackend)
  const location = await requireLedger(dataDir)
  try {
    return await openStore(location, undefined, options)
  } catch (error) {
    throw asInUse(error, dataDir)
  }
}

/**
 * Makes sure that a node is not running, and changes nothing: opening its store would.
 *
 * @throws VitalchainError `ERR_FILE` when there is no ledger, `ERR_DATA_DIR_IN_USE` while the node runs
 */
export async function requireStopped(dataDir: string): Promise<void> {
  const database = new ClassicLevel(await requireLedger(dataDir))
  try {
    // LevelDB takes its lock, sees that something is there, and fails before it reads it.
    await database.open({ createIfMissing: false, errorIfExists: true })
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED')
      throw new VitalchainError('ERR_DATA_DIR_IN_USE', `another process uses ${dataDir}`, { cause })
  } finally {
    await database.close()
  }
}

/** The directory of a node's ledger. Opening would make it: a mistyped name must not leave a directory behind. */
async function requireLedger(dataDir: string): Promise<string> {
  const location = join(dataDir, 'ledger')
  const found = await stat(location).catch(() => undefined)
  if (found?.isDirectory() !== true) {
    throw new VitalchainError('ERR_FILE', `${dataDir} holds no ledger of a node`)
  }
  return location
}

/**
 * Opens the ledger of a node that is not running.
 *
 * @throws VitalchainError as {@link openStoppedStore} and `openLedger`
 */
export async function openStoppedLedger(dataDir: string): Promise<Ledger> {
  const genesis = await readGenesis(join(dataDir, GENESIS_FILE))
  const store = await openStoppedStore(dataDir)
  try {
    return await openLedger({ store, genesis, rules: createRules([members, devices]) })
  } catch (error) {
    await store.close()
    throw error
  }
}
