import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { networkId, toHex, useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { isMultiaddr } from '../config/check-value.ts'
import { readConfigFile } from '../config/config-file.ts'
import { writeSetting } from '../config/write-setting.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { fetchGenesis } from '../genesis/fetch-genesis.ts'
import { MEMBER_FILE } from '../genesis/member-json.ts'
import {
  fingerprint,
  isNetworkFile,
  readNetworkFile,
  requireNetwork
} from '../genesis/network-file.ts'
import { readSecrets, requireKey } from '../keys/keys-file.ts'
import { unlockWith } from '../keys/passphrase.ts'
import { keysText } from './init.ts'
import { writeGenesis } from './genesis.ts'
import { EXIT, type CliIo } from './io.ts'
import { readBytes, readGenesis } from './json-file.ts'
import { isEmpty, makeFollowerDir, makeMemberDir, type MakeFlags } from './make-dir.ts'
import { say } from './own-node.ts'

/** What `vitalchain join` was asked for. */
export interface JoinFlags extends MakeFlags {
  readonly name?: string
  /** Nodes of the network: multiaddrs, or URLs of HTTP APIs. */
  readonly from?: readonly string[]
  /** The network id or its fingerprint. */
  readonly network?: string
  /** The genesis document or the founders' file, instead of `from`. */
  readonly genesis?: string
  /** Whether the node only follows. Default: false. */
  readonly follow?: boolean
  /** The data directory of the node whose operator goes on, when a member moves to new keys. */
  readonly operatorFrom?: string
  readonly json: boolean
}

/** What is known of the network that is joined. */
interface Found {
  readonly document: Uint8Array
  readonly addresses: readonly string[]
}

/**
 * Makes the data directory of a node that joins a network that runs, or takes one that `init` made. Nobody is told.
 *
 * @throws VitalchainError `ERR_USAGE`, `ERR_FILE`, `ERR_OTHER_NETWORK`, `ERR_UNREACHABLE`, `ERR_DATA_DIR_NOT_EMPTY`, or as `makeMemberDir`
 */
export async function joinCommand(flags: JoinFlags, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { dataDir, follow = false, name } = flags
  const hasPart =
    !follow && (await readFile(join(dataDir, MEMBER_FILE)).catch(() => undefined)) !== undefined
  if (!follow && !hasPart && name === undefined)
    throw new VitalchainError('ERR_USAGE', 'say --name, or --follow for a node that never votes')
  if (hasPart) requireNothingMade(flags)
  if (!hasPart && !(await isEmpty(dataDir)))
    throw new VitalchainError('ERR_DATA_DIR_NOT_EMPTY', `${dataDir} is not empty`)
  const { document, addresses } = await findNetwork(flags)
  const given = flags.settings.get('bootstrap')
  const bootstrap = Array.isArray(given) ? given.map(String) : addresses
  requireReachable(bootstrap)
  const peer = follow ? await makeFollowerDir(flags, io) : undefined
  if (!follow && !hasPart) await makeMember({ ...flags, name: name ?? '' }, io)
  await writeGenesis(dataDir, document)
  await writeSetting(dataDir, 'bootstrap', bootstrap)
  const network = toHex(networkId(document))
  const member = follow ? undefined : join(dataDir, MEMBER_FILE)
  say(io, flags, JSON.stringify({ dataDir, network, member, peer }), () => [
    `Made ${dataDir} for the network ${fingerprint(document)}. ${hasPart ? '' : keysText(flags)}`.trimEnd(),
    ...(member === undefined
      ? [
          'It follows and never votes. A member must let it: there, before its node starts again,',
          `  vitalchain config set followers ${peer} --data-dir DIR`
        ]
      : [`Give ${member} to a member of the network, who proposes it.`]),
    'Run the node:',
    `  vitalchain start --data-dir ${dataDir}`
  ])
  return EXIT.ok
}

/** What `init` made has a name, keys and settings: flags that say others would be ignored. @throws VitalchainError `ERR_USAGE` */
function requireNothingMade({ dataDir, name, operatorFrom, settings }: JoinFlags): void {
  const ignored = [...settings.keys()].filter(path => path !== 'bootstrap')
  if (name === undefined && operatorFrom === undefined && ignored.length === 0) return
  throw new VitalchainError(
    'ERR_USAGE',
    `${dataDir} has its keys, name and settings already: say --data-dir and the network alone, or take another directory`
  )
}

async function makeMember(flags: JoinFlags & { readonly name: string }, io: CliIo): Promise<void> {
  const { operatorFrom } = flags
  if (operatorFrom === undefined) {
    await makeMemberDir(flags, io)
    return
  }
  const { values } = await readConfigFile(operatorFrom, undefined)
  // The passphrase of the old directory may be another one than that of the new.
  const shared = flags.settings.get('passphraseFile') ?? process.env['VITALCHAIN_PASSPHRASE_FILE']
  const file = values.get('passphraseFile') ?? (io.askSecret === undefined ? shared : undefined)
  const unlock = unlockWith(typeof file === 'string' ? file : undefined, io)
  const secrets = await readSecrets(operatorFrom, unlock)
  await makeMemberDir(flags, io, requireKey(secrets.operator, 'operator'))
}

async function findNetwork({ from = [], network, genesis }: JoinFlags): Promise<Found> {
  const addresses = from.filter(isMultiaddr)
  if (genesis !== undefined) {
    const found = await readFound(genesis)
    if (network !== undefined) requireNetwork(found.document, network)
    return { ...found, addresses: [...addresses, ...found.addresses] }
  }
  if (network === undefined || from.length === 0)
    throw new VitalchainError(
      'ERR_USAGE',
      'say --from with the address of a node and --network with the network id, or --genesis with the file'
    )
  const faults: unknown[] = []
  for (const each of from) {
    try {
      return { document: await fetchGenesis(each, network), addresses }
    } catch (error) {
      faults.push(error)
    }
  }
  throw faults[0]
}

async function readFound(file: string): Promise<Found> {
  const bytes = await readBytes(file)
  if (!isNetworkFile(bytes)) return { document: await readGenesis(file), addresses: [] }
  const { document, parts } = readNetworkFile(bytes, file)
  return { document, addresses: parts.flatMap(each => each.addresses) }
}

/** @throws VitalchainError `ERR_USAGE` */
function requireReachable(bootstrap: readonly string[]): void {
  if (bootstrap.length === 0)
    throw new VitalchainError('ERR_USAGE', 'say --bootstrap: where nodes of the network are')
  const nobody = bootstrap.find(each => !each.includes('/p2p/'))
  if (nobody !== undefined)
    throw new VitalchainError(
      'ERR_USAGE',
      `${nobody} does not say whose node that is: it must end in /p2p/ and the node's peer id`
    )
}
