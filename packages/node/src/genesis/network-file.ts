import {
  equalBytes,
  genesisFormat,
  memberId,
  networkId,
  toHex,
  VALIDATORS_MAX,
  VitalchainError,
  type Genesis,
  type GenesisMember
} from '@vitalchain/core'
import { printable } from '../cli/io.ts'
import { parseJson } from '../cli/json-file.ts'
import { partJson, readPart } from './member-json.ts'
import { memberKeys, type SignedPart } from './member-part.ts'

/** Names the form of the file, so that another one can follow. */
const FORMAT = 'vitalchain-network/1'

/**
 * Hexadecimal digits of a network's fingerprint: 160 bits. Who makes the genesis chooses its bytes, and could look for two documents with
 * one fingerprint, for which the square root of all its values is enough: of 80 bits that is an hour's work of one computer.
 */
const FINGERPRINT_DIGITS = 40

/** What those who found a network send each other: its genesis document and the parts that it was made of. */
export interface NetworkFile {
  /** The genesis document's bytes. */
  readonly document: Uint8Array
  readonly genesis: Genesis
  readonly parts: readonly SignedPart[]
}

/** The text of a network's file. */
export function networkFileText(document: Uint8Array, parts: readonly SignedPart[]): string {
  const json = {
    format: FORMAT,
    network: toHex(networkId(document)),
    genesis: Buffer.from(document).toString('base64'),
    parts: parts.map(partJson)
  }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

/** Whether bytes may be a network's file; a genesis document is none. */
export function isNetworkFile(bytes: Uint8Array): boolean {
  return /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64)))
}

/**
 * Reads a network's file, and checks that its members are exactly those of the parts, which each of them signed.
 *
 * @param name - what errors call it
 * @throws VitalchainError `ERR_FILE`, `ERR_GENESIS`, `ERR_MEMBER_PART`
 */
export function readNetworkFile(bytes: Uint8Array, name: string): NetworkFile {
  const json = parseJson(new TextDecoder().decode(bytes), name)
  if (json.optional('format')?.text() !== FORMAT)
    throw new VitalchainError('ERR_FILE', `${name} is not of the form ${FORMAT}`)
  const document = Uint8Array.from(Buffer.from(json.field('genesis').text(), 'base64'))
  const genesis = decode(document, name)
  // Against accidents: who means harm changes both, and is found by the fingerprint.
  if (json.field('network').text() !== toHex(networkId(document)))
    throw new VitalchainError('ERR_FILE', `${name} was damaged: its network id is another one`)
  const listed = json.field('parts').list()
  if (listed.length > VALIDATORS_MAX)
    throw new VitalchainError('ERR_FILE', `${name}: expected at most ${VALIDATORS_MAX} parts`)
  const parts = listed.map((each, k) => readPart(each, `${name}: part ${k + 1}`))
  if (genesis.recovery.keys.length > 0)
    throw new VitalchainError(
      'ERR_MEMBER_PART',
      `${name}: the genesis has keys that can recover the network, which none of its members named`
    )
  const [short, long] = [genesis.members.length, parts.length].toSorted((a, b) => a - b)
  if (short !== long || !genesis.members.every(member => partOf(parts, member) !== undefined))
    throw new VitalchainError(
      'ERR_MEMBER_PART',
      `${name}: the members of the genesis are not those who signed the parts`
    )
  return { document, genesis, parts }
}

/** The part in which a member said exactly this of itself. */
export function partOf(
  parts: readonly SignedPart[],
  member: GenesisMember
): SignedPart | undefined {
  return parts.find(part => isSameMember(part.member, member))
}

/** Whether two descriptions name one hospital with the same keys. */
export function isSameMember(a: GenesisMember, b: GenesisMember): boolean {
  if (a.name !== b.name || a.operatorKey.algorithm !== b.operatorKey.algorithm) return false
  const others = new Map(memberKeys(b))
  return memberKeys(a).every(([name, { bytes }]) =>
    equalBytes(bytes, others.get(name)?.bytes ?? new Uint8Array(0))
  )
}

/** What people read to each other over the phone: the first 160 bits of the network id, in groups of four digits. */
export function fingerprint(document: Uint8Array): string {
  return fingerprintOf(toHex(networkId(document)))
}

/** The same of a network id in hexadecimal. */
export function fingerprintOf(id: string): string {
  return id.slice(0, FINGERPRINT_DIGITS).replaceAll(/.{4}(?=.)/g, '$& ')
}

/**
 * Checks that a genesis document is the one that a person means by its network id or fingerprint.
 *
 * @param said - either, with any spaces and hyphens
 * @throws VitalchainError `ERR_USAGE` for what is neither, `ERR_OTHER_NETWORK`
 */
export function requireNetwork(document: Uint8Array, said: string): void {
  const id = toHex(networkId(document))
  if (id.startsWith(networkDigits(said))) return
  throw new VitalchainError(
    'ERR_OTHER_NETWORK',
    `this is the network ${fingerprint(document)}, not ${said.trim()}: ask who gave it to you`,
    { values: { network: id } }
  )
}

/**
 * The hexadecimal digits of a network id or fingerprint that a person typed.
 *
 * @throws VitalchainError `ERR_USAGE`
 */
export function networkDigits(said: string): string {
  const digits = said.replaceAll(/[\s-]/g, '').toLowerCase()
  if (/^[0-9a-f]+$/.test(digits) && digits.length >= FINGERPRINT_DIGITS && digits.length <= 64)
    return digits
  throw new VitalchainError(
    'ERR_USAGE',
    `expected a network id (64 hexadecimal digits) or its fingerprint (the first ${FINGERPRINT_DIGITS})`
  )
}

/** A line for each member: what another hospital can compare with what it was told. */
export function memberLines(genesis: Genesis, parts: readonly SignedPart[]): readonly string[] {
  const width = Math.max(...genesis.members.map(({ name }) => printable(name).length))
  return genesis.members.map(member => {
    const addresses = partOf(parts, member)?.addresses ?? []
    const id = toHex(memberId(member.operatorKey)).slice(0, 12)
    return `  ${printable(member.name).padEnd(width)}  ${id}  ${printable(addresses.join(' '))}`.trimEnd()
  })
}

function decode(document: Uint8Array, name: string): Genesis {
  try {
    return genesisFormat.decode(document)
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `${name} holds no genesis document`, { cause })
  }
}
