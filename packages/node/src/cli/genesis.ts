import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  equalBytes,
  networkId,
  toHex,
  useCryptoBackend,
  VitalchainError,
  type GenesisParameters
} from '@vitalchain/core'
import { writeSetting } from '../config/write-setting.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { joinParts } from '../genesis/found.ts'
import { MEMBER_FILE, readPartFile } from '../genesis/member-json.ts'
import type { SignedPart } from '../genesis/member-part.ts'
import {
  fingerprint,
  isSameMember,
  memberLines,
  networkFileText,
  readNetworkFile,
  requireNetwork,
  type NetworkFile
} from '../genesis/network-file.ts'
import { EXIT, printable, type CliIo } from './io.ts'
import { readBytes } from './json-file.ts'
import { GENESIS_FILE } from './node-dir.ts'
import { say } from './own-node.ts'

/** What `vitalchain genesis create` was asked for. */
export interface GenesisCreateFlags {
  readonly name: string
  readonly out: string
  readonly parameters: GenesisParameters
  readonly json: boolean
}

/**
 * Joins the founders' parts into one file, which all of them accept.
 *
 * @throws VitalchainError `ERR_FILE`, `ERR_MEMBER_PART`, `ERR_GENESIS`
 */
export async function genesisCreateCommand(
  files: readonly string[],
  { name, out, parameters, json }: GenesisCreateFlags,
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const parts: SignedPart[] = []
  for (const file of files) parts.push(await readPartFile(file))
  const document = joinParts(parts, { name, created: Date.now(), parameters })
  await writeFile(out, networkFileText(document, parts), { flag: 'wx' })
  const network = readNetworkFile(await readFile(out), out)
  for (const { member, addresses } of parts)
    if (addresses.length === 0)
      io.err(`warning: ${printable(member.name)} names no address: its node must reach the others`)
  say(io, { json }, JSON.stringify({ ...summary(network), file: out }), () => [
    ...networkText(network),
    '',
    `Made ${out}. Send it to all of them; each accepts it and compares the fingerprint by phone:`,
    `  vitalchain genesis accept ${out} --data-dir DIR`
  ])
  return EXIT.ok
}

/** Shows what a network's file holds, checked. @throws VitalchainError `ERR_FILE`, `ERR_MEMBER_PART` */
export async function genesisShowCommand(
  file: string,
  { json }: { readonly json: boolean },
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const network = readNetworkFile(await readBytes(file), file)
  say(io, { json }, JSON.stringify(summary(network)), () => networkText(network))
  return EXIT.ok
}

/**
 * Takes a network's file into the directory of one of its founders, which checks that it stands in it as it described itself.
 *
 * @throws VitalchainError `ERR_FILE`, `ERR_MEMBER_PART` when the own part is not in it, `ERR_OTHER_NETWORK` when another network
 * was meant, or the directory is of one
 */
export async function genesisAcceptCommand(
  file: string,
  {
    dataDir,
    network: meant,
    json
  }: { readonly dataDir: string; readonly network?: string; readonly json: boolean },
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const own = await readPartFile(join(dataDir, MEMBER_FILE))
  const network = readNetworkFile(await readBytes(file), file)
  if (meant !== undefined) requireNetwork(network.document, meant)
  if (!network.parts.some(each => isSamePart(each, own)))
    throw new VitalchainError(
      'ERR_MEMBER_PART',
      `${own.member.name} is not in ${file} with the keys and addresses that ${dataDir} has`
    )
  await writeGenesis(dataDir, network.document)
  await writeSetting(dataDir, 'bootstrap', othersThan(network.parts, own))
  say(io, { json }, JSON.stringify({ ...summary(network), dataDir }), () => [
    ...networkText(network),
    '',
    `${printable(own.member.name)} is one of them. Call the others: all must read the same fingerprint. Then run the node:`,
    `  vitalchain start --data-dir ${dataDir}`
  ])
  return EXIT.ok
}

/**
 * Puts the genesis document into a directory that has none; the same one may be there.
 *
 * @throws VitalchainError `ERR_OTHER_NETWORK`
 */
export async function writeGenesis(dataDir: string, document: Uint8Array): Promise<void> {
  const file = join(dataDir, GENESIS_FILE)
  const before = await readFile(file).catch(() => undefined)
  if (before === undefined) await writeFile(file, document, { flag: 'wx' })
  else if (!equalBytes(before, document))
    throw new VitalchainError(
      'ERR_OTHER_NETWORK',
      `${dataDir} is of the network ${fingerprint(before)} already`
    )
}

/** Where all but one of the founders are reached. */
function othersThan(parts: readonly SignedPart[], own: SignedPart): readonly string[] {
  return parts
    .filter(each => !isSameMember(each.member, own.member))
    .flatMap(({ addresses }) => addresses)
}

function isSamePart(a: SignedPart, b: SignedPart): boolean {
  return (
    isSameMember(a.member, b.member) && JSON.stringify(a.addresses) === JSON.stringify(b.addresses)
  )
}

function networkText({ document, genesis, parts }: NetworkFile): readonly string[] {
  return [
    `${printable(genesis.name)}: ${genesis.members.length} hospitals`,
    ...memberLines(genesis, parts),
    ...parameterLines(genesis.parameters),
    `network id   ${toHex(networkId(document))}`,
    `fingerprint  ${fingerprint(document)}`
  ]
}

/** What else all of them accept. */
function parameterLines({
  clockPrecisionMs,
  messageDelayMs,
  payloadBytesPerMemberDay,
  retentionDays,
  unsafeSmallNetwork
}: GenesisParameters): readonly string[] {
  return [
    `clocks       differ by at most ${clockPrecisionMs} ms; a proposal is at most ${messageDelayMs} ms under way`,
    `payloads     ${payloadBytesPerMemberDay} bytes a day of each hospital, kept for ${retentionDays.join(', ')} days`,
    ...(unsafeSmallNetwork
      ? ['trial        too few hospitals are allowed: no fault is tolerated']
      : [])
  ]
}

function summary({ document, genesis, parts }: NetworkFile): object {
  return {
    network: toHex(networkId(document)),
    fingerprint: fingerprint(document),
    name: genesis.name,
    parameters: genesis.parameters,
    members: parts.map(({ member, addresses }) => ({ name: member.name, addresses }))
  }
}
