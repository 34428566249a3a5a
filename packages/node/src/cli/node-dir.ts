import { randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ed25519PublicKey, VitalchainError } from '@vitalchain/core'
import type { NodeConfig } from '../config/node-config.ts'
import { createVoteState } from '../consensus/vote-store.ts'
import { writeKeysFile, writeSecretFile } from '../keys/keys-file.ts'
import type { MemberSecrets } from '../testing/found-network.ts'
import { readGenesis } from './json-file.ts'

/** The file of the genesis document in a data directory. */
export const GENESIS_FILE: string = 'genesis.cbor'

/** The file of settings that commands write. */
export const CONFIG_FILE: string = 'node.json'

/** The file of the operator's token for the HTTP API. */
export const TOKEN_FILE: string = 'api-token'
const TOKEN_BYTES = 32

/** Writes a data directory for a member with new keys, which sign nowhere else. The keys are not encrypted: for development. */
export async function writeNodeDir(
  dir: string,
  { config, genesis, secrets }: { config: NodeConfig; genesis: Uint8Array; secrets: MemberSecrets }
): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const { transport, consensus, checkpoint, operator } = secrets
  await writeKeysFile(dir, { transport, consensus, checkpoint, operator }, undefined)
  await writeFile(join(dir, CONFIG_FILE), `${JSON.stringify(config, undefined, 2)}\n`)
  await writeFile(join(dir, GENESIS_FILE), genesis)
  await createVoteState(dir, ed25519PublicKey(consensus))
}

/**
 * The genesis document of a node's directory.
 *
 * @throws VitalchainError `ERR_FILE` when there is none yet, or it is none
 */
export async function readOwnGenesis(dir: string): Promise<Uint8Array> {
  const file = join(dir, GENESIS_FILE)
  if ((await stat(file).catch(() => undefined)) === undefined)
    throw new VitalchainError(
      'ERR_FILE',
      `${dir} has no ${GENESIS_FILE}: vitalchain genesis accept takes a founder's, vitalchain join fetches it`
    )
  return readGenesis(file)
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
