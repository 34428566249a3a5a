import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ed25519PublicKey,
  NAME_CHARACTERS_MAX,
  toHex,
  useCryptoBackend,
  VitalchainError,
  type GenesisMember
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { transportPublicKey } from '../network/identity.ts'
import { memberSecrets, operatorSigner } from '../testing/found-network.ts'
import { EXIT, type CliIo } from './io.ts'
import { readGenesis, readJsonFile } from './json-file.ts'
import {
  isMultiaddr,
  readNodeDir,
  writeNodeDir,
  type NodeConfig,
  type NodeSecrets
} from './node-dir.ts'

/** The file in a new data directory that others need to propose its member: public keys only. */
const DESCRIPTION_FILE = 'member.json'

/** What `vitalchain member init` was asked for. */
export interface InitOptions {
  readonly dataDir: string
  /** The genesis document's file. */
  readonly genesis: string
  readonly name: string
  readonly config: NodeConfig
  /** The data directory of the node whose operator goes on, when a member moves to new keys. */
  readonly operatorFrom?: string
}

/**
 * Makes the data directory of a newcomer, or of the node with a member's new keys, with fresh keys. Nobody is told.
 *
 * @throws VitalchainError `ERR_DATA_DIR_NOT_EMPTY`, `ERR_FILE`, `ERR_USAGE` for a name that is too long or a wrong address
 */
export async function memberInitCommand(options: InitOptions, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { dataDir, config } = options
  const name = requireName(options.name)
  if ((await readdir(dataDir).catch(() => [])).length > 0)
    throw new VitalchainError('ERR_DATA_DIR_NOT_EMPTY', `${dataDir} is not empty`)
  const genesis = await readGenesis(options.genesis)
  requireAddresses(config)
  const fresh = memberSecrets(name)
  const operator =
    options.operatorFrom === undefined
      ? fresh.operator
      : requireKey((await readNodeDir(options.operatorFrom)).secrets.operator, 'operator')
  await writeNodeDir(dataDir, { config, genesis, secrets: { ...fresh, operator } })
  const file = join(dataDir, DESCRIPTION_FILE)
  const { secrets } = await readNodeDir(dataDir)
  await writeFile(file, `${JSON.stringify(describeSecrets(name, secrets), undefined, 2)}\n`)
  io.out(
    `Made ${dataDir}. Its secrets are in keys.json; a backup of them must never vote beside it.`
  )
  io.out(`Give ${file} to a member of the network, who proposes it, and run the node:`)
  io.out(`  vitalchain start --data-dir ${dataDir}`)
  return EXIT.ok
}

/** Prints what others may know of a node's keys: what they need to propose it. Never a secret. */
export async function memberDescribeCommand(
  { dataDir, name }: { readonly dataDir: string; readonly name: string },
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { secrets } = await readNodeDir(dataDir)
  io.out(JSON.stringify(describeSecrets(requireName(name), secrets), undefined, 2))
  return EXIT.ok
}

/**
 * Reads the description of a member.
 *
 * @throws VitalchainError `ERR_FILE`
 */
export async function readMemberFile(file: string): Promise<GenesisMember> {
  const json = await readJsonFile(file)
  const operator = json.field('operatorKey')
  const algorithm = operator.field('algorithm').text()
  if (algorithm !== 'ed25519' && algorithm !== 'es256')
    throw new VitalchainError(
      'ERR_FILE',
      `${file}: operatorKey: algorithm: expected ed25519 or es256`
    )
  return {
    name: json.field('name').text(),
    operatorKey: { algorithm, bytes: operator.field('key').hex() },
    consensusKey: json.field('consensusKey').hex(32),
    checkpointKey: json.field('checkpointKey').hex(32),
    transportKey: json.field('transportKey').hex(32)
  }
}

function describeSecrets(name: string, secrets: NodeSecrets): object {
  const operator = requireKey(secrets.operator, 'operator')
  const { algorithm, bytes } = operatorSigner({ operator }).publicKey
  return {
    name,
    operatorKey: { algorithm, key: toHex(bytes) },
    consensusKey: toHex(ed25519PublicKey(requireKey(secrets.consensus, 'consensus'))),
    checkpointKey: toHex(ed25519PublicKey(requireKey(secrets.checkpoint, 'checkpoint'))),
    transportKey: toHex(transportPublicKey(secrets.transport))
  }
}

/** @throws VitalchainError `ERR_FILE` when keys.json does not have the key */
export function requireKey(key: Uint8Array | undefined, name: string): Uint8Array {
  if (key === undefined) throw new VitalchainError('ERR_FILE', `keys.json has no ${name} key`)
  return key
}

function requireName(name: string): string {
  if (name.trim() !== '' && name.length <= NAME_CHARACTERS_MAX) return name
  throw new VitalchainError('ERR_USAGE', `a name has 1 to ${NAME_CHARACTERS_MAX} characters`)
}

function requireAddresses({ listen, bootstrap, announce = [] }: NodeConfig): void {
  const wrong = [...listen, ...bootstrap, ...announce].find(each => !isMultiaddr(each))
  if (wrong !== undefined)
    throw new VitalchainError(
      'ERR_USAGE',
      `"${wrong}" is no multiaddr, such as /ip4/0.0.0.0/tcp/4001`
    )
  const nobody = bootstrap.find(each => !each.includes('/p2p/'))
  if (nobody !== undefined)
    throw new VitalchainError(
      'ERR_USAGE',
      `--bootstrap ${nobody} does not say whose node that is: it must end in /p2p/ and the node's peer id`
    )
}
