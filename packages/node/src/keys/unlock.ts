import { VitalchainError } from '@vitalchain/core'
import type { JsonReader } from '../cli/json-file.ts'
import { isKeyOf, sealKeyOf, type SealKey } from './sealed-text.ts'

/** Asks for the passphrase of `keys.json`. */
export type AskPassphrase = () => Promise<string>

/** Opens encrypted files of keys. It remembers the derived key, never the passphrase, so that the file can be written again later. */
export interface Unlock {
  /** @throws VitalchainError `ERR_PASSPHRASE`, `ERR_FILE`; or what asking throws */
  keyOf(file: JsonReader): Promise<SealKey>
}

/** Makes an {@link Unlock} that asks once for each file. */
export function createUnlock(ask: AskPassphrase): Unlock {
  let known: SealKey | undefined
  return {
    async keyOf(file) {
      if (known === undefined || !isKeyOf(file, known)) known = await sealKeyOf(file, await ask())
      return known
    }
  }
}

/** For what expects keys that are not encrypted. */
export const LOCKED: Unlock = {
  keyOf: () =>
    Promise.reject(
      new VitalchainError(
        'ERR_PASSPHRASE',
        'keys.json is encrypted, and its passphrase is not here'
      )
    )
}
