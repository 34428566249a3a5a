import { join, resolve } from 'node:path'
import { VitalchainError } from '@vitalchain/core'
import { ClassicLevel } from 'classic-level'
import { readConfigFile } from '../config/config-file.ts'
import { voteStoreOf } from '../consensus/vote-store.ts'
import { KEYS_FILE, resealKeysFile } from '../keys/keys-file.ts'
import { newPassphrase, unlockWith } from '../keys/passphrase.ts'
import { newSealKey } from '../keys/sealed-text.ts'
import { EXIT, type CliIo } from './io.ts'
import { keysText } from './init.ts'
import { say } from './own-node.ts'

/** What `vitalchain keys passphrase` was asked for. */
export interface KeysFlags {
  readonly dataDir: string
  readonly passphraseFile?: string
  readonly newPassphraseFile?: string
  /** Whether the keys are encrypted afterwards. */
  readonly passphrase: boolean
  readonly json: boolean
}

/**
 * Encrypts the keys of a stopped node or signer with a new passphrase, or decrypts them.
 *
 * @throws VitalchainError `ERR_DATA_DIR_IN_USE` while it runs, `ERR_PASSPHRASE`, `ERR_FILE`
 */
export async function keysPassphraseCommand(flags: KeysFlags, io: CliIo): Promise<number> {
  const { dataDir, newPassphraseFile, passphrase } = flags
  const file = flags.passphraseFile ?? (await configuredFile(dataDir))
  await requireUnused(dataDir)
  const key = passphrase ? await newSealKey(await newPassphrase(newPassphraseFile, io)) : undefined
  await resealKeysFile(dataDir, unlockWith(file, io), key)
  const path = join(dataDir, KEYS_FILE)
  const named = passphrase ? await namedInConfig(dataDir) : undefined
  const isOther = named !== undefined && named !== resolve(newPassphraseFile ?? '')
  say(io, flags, JSON.stringify({ file: path, encrypted: passphrase }), () => [
    `Wrote ${path}. ${keysText(flags)}`,
    ...(isOther
      ? [
          `The node reads the passphrase from ${named}: put the new one there, or name another file before it starts:`,
          `  vitalchain config set passphraseFile FILE --data-dir ${dataDir}`
        ]
      : [])
  ])
  return EXIT.ok
}

/** The file with the passphrase of a directory's keys that its environment or its configuration names, if one does. */
export async function configuredFile(dataDir: string): Promise<string | undefined> {
  const given = process.env['VITALCHAIN_PASSPHRASE_FILE']
  if (given !== undefined && given !== '') return given
  return namedInConfig(dataDir)
}

/** The file that the configuration names. A signer's directory has no configuration. */
async function namedInConfig(dataDir: string): Promise<string | undefined> {
  const read = await readConfigFile(dataDir, undefined).catch(() => undefined)
  const named = read?.values.get('passphraseFile')
  return typeof named === 'string' ? named : undefined
}

/** A process that runs holds the record of its votes, and could write the keys under the old passphrase. */
async function requireUnused(dataDir: string): Promise<void> {
  const database = new ClassicLevel(voteStoreOf(dataDir))
  try {
    // LevelDB takes its lock, sees what is there or is not, and fails before it makes or changes anything.
    await database.open({ createIfMissing: false, errorIfExists: true })
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED')
      throw new VitalchainError('ERR_DATA_DIR_IN_USE', `another process uses ${dataDir}`, { cause })
  } finally {
    await database.close()
  }
}
