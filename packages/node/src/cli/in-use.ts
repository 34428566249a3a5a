import { isVitalchainError, VitalchainError } from '@vitalchain/core'

/** The store's lock is the directory's: one process at a time. */
export function asInUse(error: unknown, dataDir: string): unknown {
  if (!isVitalchainError(error) || error.code !== 'ERR_STORE_LOCKED') return error
  return new VitalchainError('ERR_DATA_DIR_IN_USE', `another process uses ${dataDir}`, {
    cause: error
  })
}
