import { constants, link, lstat, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ed25519PublicKey, equalBytes, toHex, VitalchainError } from '@vitalchain/core'
import { parseJson, readJsonFile, type JsonReader } from '../cli/json-file.ts'
import { syncDirectory, undefinedIfAbsent } from '../consensus/vote-file.ts'
import { keepOwner } from '../keep-owner.ts'
import { isSealed, seal, unseal, type SealKey } from './sealed-text.ts'
import { LOCKED, type Unlock } from './unlock.ts'

/** The keys in `keys.json`, 32 bytes each. A node without a consensus key follows and does not vote. */
export interface NodeSecrets {
  readonly transport: Uint8Array
  readonly consensus: Uint8Array | undefined
  /** The public key of a consensus key that was destroyed when it went out of force. */
  readonly retiredConsensus?: Uint8Array | undefined
  readonly checkpoint: Uint8Array | undefined
  readonly operator: Uint8Array | undefined
}

/** The file of the secret keys in a data directory. */
export const KEYS_FILE: string = 'keys.json'
/** A second name of the keys as they were, while they are being replaced. */
const OLD_KEYS_FILE = 'keys.json.destroying'
/** The keys as they will be, until the file is whole. */
const NEW_KEYS_FILE = 'keys.json.new'
/** Permissions of everybody but the owner. */
const OTHERS = 0o077

/**
 * Reads the secret keys of a directory, encrypted or not.
 *
 * @throws VitalchainError `ERR_FILE` when the file is missing or no JSON, `ERR_KEYS_READABLE` when others may read it,
 * `ERR_PASSPHRASE`
 */
export async function readKeysFile(dir: string, unlock: Unlock = LOCKED): Promise<JsonReader> {
  return (await openKeys(dir, unlock)).keys
}

/** The secret keys of a node's directory. @throws VitalchainError as {@link readKeysFile} */
export async function readSecrets(dir: string, unlock: Unlock = LOCKED): Promise<NodeSecrets> {
  const keys = await readKeysFile(dir, unlock)
  return {
    transport: keys.field('transport').hex(32),
    consensus: keys.optional('consensus')?.hex(32),
    retiredConsensus: keys.optional('retiredConsensus')?.hex(32),
    checkpoint: keys.optional('checkpoint')?.hex(32),
    operator: keys.optional('operator')?.hex(32)
  }
}

/** @throws VitalchainError `ERR_FILE` when keys.json does not have the key */
export function requireKey(key: Uint8Array | undefined, name: string): Uint8Array {
  if (key === undefined) throw new VitalchainError('ERR_FILE', `keys.json has no ${name} key`)
  return key
}

/**
 * Writes new keys into a directory that has none.
 *
 * @param keys - by name, 32 bytes each
 * @param key - encrypts them; undefined leaves them readable by whoever reads the file
 */
export async function writeKeysFile(
  dir: string,
  keys: Readonly<Record<string, Uint8Array>>,
  key: SealKey | undefined
): Promise<void> {
  const plain = Object.fromEntries(Object.entries(keys).map(([name, each]) => [name, toHex(each)]))
  await writeSecretFile(join(dir, KEYS_FILE), fileText(plain, key))
  await syncDirectory(dir)
}

/**
 * Writes the keys of a directory anew, under another passphrase or none. The old file is overwritten.
 *
 * @throws VitalchainError as {@link readKeysFile}; an error of the file system
 */
export async function resealKeysFile(
  dir: string,
  unlock: Unlock,
  key: SealKey | undefined
): Promise<void> {
  await wipeOldKeys(dir)
  const { keys } = await openKeys(dir, unlock)
  await replaceKeys(dir, fileText(contentOf(keys), key))
}

/**
 * Destroys the consensus key in a directory's `keys.json`, which names its public key instead from then on. At every moment
 * the file is whole; the old one is overwritten when the new one is in its place. Does nothing when another key is there, or
 * none. Copies elsewhere, and what the disk keeps of overwritten blocks, are out of its reach.
 *
 * @throws VitalchainError as {@link readKeysFile}; an error of the file system
 */
export async function destroyConsensusKey(
  dir: string,
  publicKey: Uint8Array,
  unlock: Unlock = LOCKED
): Promise<void> {
  await wipeOldKeys(dir)
  const { keys, key } = await openKeys(dir, unlock)
  const secret = keys.optional('consensus')?.hex(32)
  if (secret === undefined || !equalBytes(ed25519PublicKey(secret), publicKey)) return
  secret.fill(0)
  const others = Object.entries(contentOf(keys)).filter(([name]) => name !== 'consensus')
  const rest = Object.fromEntries([...others, ['retiredConsensus', toHex(publicKey)]])
  await replaceKeys(dir, fileText(rest, key))
}

/** Overwrites the file that was replaced, and one that never took its place, if the process was cut off. */
export async function wipeOldKeys(dir: string): Promise<void> {
  await overwrite(join(dir, NEW_KEYS_FILE))
  const old = join(dir, OLD_KEYS_FILE)
  const [before, now] = await Promise.all(
    [old, join(dir, KEYS_FILE)].map(path => stat(path, { bigint: true }).catch(undefinedIfAbsent))
  )
  if (before === undefined || now === undefined) return
  // Two names of one file: it was not replaced yet.
  if (before.ino === now.ino) await rm(old)
  else await overwrite(old)
  await syncDirectory(dir)
}

/** Overwrites a file with zeros and removes it; none need be there. */
async function overwrite(file: string): Promise<void> {
  const found = await lstat(file).catch(undefinedIfAbsent)
  if (found === undefined) return
  // A link, which nobody here makes, would lead to a file of somebody else.
  if (found.isFile()) {
    const handle = await open(file, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0))
    try {
      const { size } = await handle.stat()
      await handle.writeFile(new Uint8Array(size))
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
  await rm(file)
}

/** Writes a file that only its owner may read; it must not exist. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: 'wx', flush: true })
}

async function openKeys(
  dir: string,
  unlock: Unlock
): Promise<{ readonly keys: JsonReader; readonly key: SealKey | undefined }> {
  const keysFile = join(dir, KEYS_FILE)
  const keys = await readJsonFile(keysFile)
  // Windows has no such permissions: the directory's own protect the file there.
  if (process.platform !== 'win32' && ((await stat(keysFile)).mode & OTHERS) !== 0) {
    throw new VitalchainError('ERR_KEYS_READABLE', `others may read ${keysFile}: chmod 600 it`)
  }
  if (!isSealed(keys)) return { keys, key: undefined }
  const key = await unlock.keyOf(keys)
  return { keys: parseJson(unseal(keys, key), keysFile), key }
}

/** Puts a new file in the place of the old one, which is overwritten then. */
async function replaceKeys(dir: string, text: string): Promise<void> {
  const file = join(dir, KEYS_FILE)
  const made = join(dir, NEW_KEYS_FILE)
  const fresh = await open(made, 'wx', 0o600)
  try {
    await fresh.writeFile(text)
    await keepOwner(fresh, await stat(file))
    await fresh.sync()
  } finally {
    await fresh.close()
  }
  // By its second name the next start finds the old file, whatever cuts this off.
  await link(file, join(dir, OLD_KEYS_FILE))
  await rename(made, file)
  await syncDirectory(dir)
  await wipeOldKeys(dir)
}

function contentOf(keys: JsonReader): object {
  const all: unknown = JSON.parse(keys.json())
  return Object.fromEntries(Object.entries(all ?? {}))
}

function fileText(content: object, key: SealKey | undefined): string {
  if (key !== undefined) return seal(JSON.stringify(content), key)
  return `${JSON.stringify(content, undefined, 2)}\n`
}
