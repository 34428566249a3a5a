import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { ed25519PublicKey, equalBytes, toHex, VitalchainError } from '@vitalchain/core'
import { syncDirectory, undefinedIfAbsent } from '../consensus/vote-file.ts'
import { createVoteState } from '../consensus/vote-store.ts'
import type { MemberSecrets } from '../testing/found-network.ts'
import { readGenesis, readJsonFile, type JsonReader } from './json-file.ts'

/** What `node.json` says. */
export interface NodeConfig {
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[]
  /** Multiaddrs of other nodes, with `/p2p/…`. */
  readonly bootstrap: readonly string[]
  /** Multiaddrs to tell others instead of those it listens on, behind a NAT or a proxy. Default: none. */
  readonly announce?: readonly string[]
  /** Whether the log tells how long each step of each height took. Default: false. */
  readonly timings?: boolean
  /** The socket of the process that holds the consensus key, when `keys.json` does not. */
  readonly signer?: string | undefined
  /** Where the HTTP API listens; port 0 takes a free one. */
  readonly http: {
    readonly host: string
    readonly port: number
    /** Origins whose pages may use the API from a browser. Default: none. */
    readonly allowOrigins?: readonly string[]
  }
}

/** The keys in `keys.json`, 32 bytes each. A node without a consensus key follows and does not vote. */
export interface NodeSecrets {
  readonly transport: Uint8Array
  readonly consensus: Uint8Array | undefined
  /** The public key of a consensus key that was destroyed when it went out of force. */
  readonly retiredConsensus?: Uint8Array | undefined
  readonly checkpoint: Uint8Array | undefined
  readonly operator: Uint8Array | undefined
}

/** A node's data directory as it is read. */
export interface NodeDir {
  readonly config: NodeConfig
  readonly genesis: Uint8Array
  readonly secrets: NodeSecrets
}

/** The file of the genesis document in a data directory. */
export const GENESIS_FILE: string = 'genesis.cbor'

const CONFIG_FILE = 'node.json'
const KEYS_FILE = 'keys.json'
/** A second name of the keys as they were, while one of them is being destroyed. */
const OLD_KEYS_FILE = 'keys.json.destroying'
const TOKEN_FILE = 'api-token'
const TOKEN_BYTES = 32
const PORT_MAX = 65_535
/** Permissions of everybody but the owner. */
const OTHERS = 0o077

/**
 * Reads a data directory.
 *
 * @throws VitalchainError `ERR_FILE` for a file that is missing or wrong, `ERR_KEYS_READABLE` when others may read the keys
 */
export async function readNodeDir(dir: string): Promise<NodeDir> {
  const config = await readJsonFile(join(dir, CONFIG_FILE))
  const genesis = await readGenesis(join(dir, GENESIS_FILE))
  const keys = await readKeysFile(dir)
  const http = config.field('http')
  return {
    genesis,
    config: {
      listen: addresses(config.field('listen').list()),
      bootstrap: addresses(config.optional('bootstrap')?.list()),
      announce: addresses(config.optional('announce')?.list()),
      timings: config.optional('timings')?.boolean() ?? false,
      signer: config.optional('signer')?.text(),
      http: {
        host: http.optional('host')?.text() ?? '127.0.0.1',
        port: http.field('port').integer(0, PORT_MAX),
        allowOrigins:
          http
            .optional('allowOrigins')
            ?.list()
            .map(each => each.text()) ?? []
      }
    },
    secrets: {
      transport: keys.field('transport').hex(32),
      consensus: keys.optional('consensus')?.hex(32),
      retiredConsensus: keys.optional('retiredConsensus')?.hex(32),
      checkpoint: keys.optional('checkpoint')?.hex(32),
      operator: keys.optional('operator')?.hex(32)
    }
  }
}

function addresses(list: readonly JsonReader[] = []): readonly string[] {
  return list.map(each => {
    const text = each.text()
    if (isMultiaddr(text)) return text
    throw new VitalchainError('ERR_FILE', `${CONFIG_FILE}: "${text}" is no multiaddr`)
  })
}

/** Whether a text is an address as libp2p writes it, such as `/ip4/0.0.0.0/tcp/4001`. */
export function isMultiaddr(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

/**
 * Reads the secret keys of a directory.
 *
 * @throws VitalchainError `ERR_FILE` when the file is missing or no JSON, `ERR_KEYS_READABLE` when others may read it
 */
export async function readKeysFile(dir: string): Promise<JsonReader> {
  const keysFile = join(dir, KEYS_FILE)
  const keys = await readJsonFile(keysFile)
  // Windows has no such permissions: the directory's own protect the file there.
  if (process.platform !== 'win32' && ((await stat(keysFile)).mode & OTHERS) !== 0) {
    throw new VitalchainError('ERR_KEYS_READABLE', `others may read ${keysFile}: chmod 600 it`)
  }
  return keys
}

/** Writes a data directory for a member with new keys, which sign nowhere else. */
export async function writeNodeDir(
  dir: string,
  { config, genesis, secrets }: { config: NodeConfig; genesis: Uint8Array; secrets: MemberSecrets }
): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const { transport, consensus, checkpoint, operator } = secrets
  const keys = Object.fromEntries(
    Object.entries({ transport, consensus, checkpoint, operator }).map(([name, key]) => [
      name,
      toHex(key)
    ])
  )
  await writeSecretFile(join(dir, KEYS_FILE), `${JSON.stringify(keys, undefined, 2)}\n`)
  await writeFile(join(dir, CONFIG_FILE), `${JSON.stringify(config, undefined, 2)}\n`)
  await writeFile(join(dir, GENESIS_FILE), genesis)
  await createVoteState(dir, ed25519PublicKey(consensus))
}

/**
 * Destroys the consensus key in a directory's `keys.json`, which names its public key instead from then on. At every moment
 * the file is whole; the old one is overwritten when the new one is in its place. Does nothing when another key is there, or
 * none. Copies elsewhere, and what the disk keeps of overwritten blocks, are out of its reach.
 *
 * @throws VitalchainError as {@link readKeysFile}; an error of the file system
 */
export async function destroyConsensusKey(dir: string, publicKey: Uint8Array): Promise<void> {
  await wipeOldKeys(dir)
  const file = join(dir, KEYS_FILE)
  const keys = await readKeysFile(dir)
  const secret = keys.optional('consensus')?.hex(32)
  if (secret === undefined || !equalBytes(ed25519PublicKey(secret), publicKey)) return
  secret.fill(0)
  const all: unknown = JSON.parse(keys.json())
  const others = Object.entries(all ?? {}).filter(([name]) => name !== 'consensus')
  const rest = Object.fromEntries([...others, ['retiredConsensus', toHex(publicKey)]])
  const text = JSON.stringify(rest, undefined, 2)
  const made = `${file}.new`
  // What a process left that was killed here.
  await rm(made, { force: true })
  const fresh = await open(made, 'wx', 0o600)
  try {
    await fresh.writeFile(`${text}\n`)
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

/** Overwrites the file that {@link destroyConsensusKey} replaced, if it was cut off before it did. */
export async function wipeOldKeys(dir: string): Promise<void> {
  const old = join(dir, OLD_KEYS_FILE)
  const [before, now] = await Promise.all(
    [old, join(dir, KEYS_FILE)].map(path => stat(path, { bigint: true }).catch(undefinedIfAbsent))
  )
  if (before === undefined || now === undefined) return
  // Two names of one file: it was not replaced yet.
  if (before.ino !== now.ino) {
    const handle = await open(old, 'r+')
    try {
      const zeros = new Uint8Array(Number(before.size))
      await handle.write(zeros, 0, zeros.length, 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
  await rm(old)
  await syncDirectory(dir)
}

/** Writes a file that only its owner may read; it must not exist. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: 'wx' })
}

/** The token that the local operator shows to the HTTP API; made at the first call. */
export async function operatorToken(dir: string): Promise<string> {
  const file = join(dir, TOKEN_FILE)
  try {
    await writeSecretFile(file, `${randomBytes(TOKEN_BYTES).toString('hex')}\n`)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return (await readFile(file, 'utf8')).trim()
}
