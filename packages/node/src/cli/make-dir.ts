import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  createSigner,
  ed25519PublicKey,
  generateSecretKey,
  NAME_CHARACTERS_MAX,
  VitalchainError
} from '@vitalchain/core'
import type { FlagValues } from '../config/load-config.ts'
import { createVoteState } from '../consensus/vote-store.ts'
import { MEMBER_FILE, partJson } from '../genesis/member-json.ts'
import { signPart, type SignedPart } from '../genesis/member-part.ts'
import { writeKeysFile } from '../keys/keys-file.ts'
import { newPassphrase } from '../keys/passphrase.ts'
import { newSealKey } from '../keys/sealed-text.ts'
import { peerNameOf, transportPublicKey } from '../network/index.ts'
import { describeMember, memberSecrets, type MemberSecrets } from '../testing/found-network.ts'
import type { CliIo } from './io.ts'
import { CONFIG_FILE } from './node-dir.ts'

/** The file in a follower's directory with its peer id, which a member lets in. */
const PEER_FILE = 'peer-id'

/** What all commands take that make a node's directory. */
export interface MakeFlags {
  readonly dataDir: string
  /** Settings that flags say; they go into the file. */
  readonly settings: FlagValues
  /** Whether the keys are encrypted. */
  readonly passphrase: boolean
}

/** Whether a directory holds anything. One that does not exist holds nothing. */
export async function isEmpty(dataDir: string): Promise<boolean> {
  return (await readdir(dataDir).catch(() => [])).length === 0
}

/**
 * Makes a member's data directory: fresh keys, settings, the description for the others. Its keys vote nowhere else.
 *
 * @param operator - the operator's key of before, when a member moves to new keys
 * @throws VitalchainError `ERR_DATA_DIR_NOT_EMPTY`, `ERR_USAGE` for a name that is none, `ERR_PASSPHRASE`
 */
export async function makeMemberDir(
  flags: MakeFlags & { readonly name: string },
  io: CliIo,
  operator?: Uint8Array
): Promise<SignedPart> {
  const name = requireName(flags.name)
  const fresh = memberSecrets(name)
  const secrets = { ...fresh, operator: operator ?? fresh.operator }
  const { transport, consensus, checkpoint } = secrets
  await makeDir(flags, { transport, consensus, checkpoint, operator: secrets.operator }, io)
  await createVoteState(flags.dataDir, ed25519PublicKey(consensus))
  const part = await describe(secrets, addressesOf(flags.settings, transport))
  await writeFile(join(flags.dataDir, MEMBER_FILE), partText(part))
  return part
}

/**
 * Makes the data directory of a follower, which has only the key of its connections.
 *
 * @returns its peer id
 * @throws VitalchainError as {@link makeMemberDir}
 */
export async function makeFollowerDir(flags: MakeFlags, io: CliIo): Promise<string> {
  const transport = generateSecretKey('ed25519')
  await makeDir(flags, { transport }, io)
  const peer = peerNameOf(transportPublicKey(transport))
  await writeFile(join(flags.dataDir, PEER_FILE), `${peer}\n`)
  return peer
}

/** The text of a member's description. */
export function partText(part: SignedPart): string {
  return `${JSON.stringify(partJson(part), undefined, 2)}\n`
}

/** Describes a member by its secret keys. */
export async function describe(
  secrets: MemberSecrets,
  addresses: readonly string[]
): Promise<SignedPart> {
  return signPart(
    { member: describeMember(secrets), addresses },
    {
      operator: createSigner('ed25519', secrets.operator),
      consensus: createSigner('ed25519', secrets.consensus),
      checkpoint: createSigner('ed25519', secrets.checkpoint),
      transport: createSigner('ed25519', secrets.transport)
    }
  )
}

/** Where others reach a node, by its settings: what it announces, or what it listens on and names a place. */
export function addressesOf(settings: FlagValues, transport: Uint8Array): readonly string[] {
  const texts = (path: string): readonly string[] => {
    const value = settings.get(path)
    return Array.isArray(value) ? value.map(String) : []
  }
  const announce = texts('announce')
  const peer = `/p2p/${peerNameOf(transportPublicKey(transport))}`
  return (announce.length > 0 ? announce : texts('listen').filter(isPlace)).map(each =>
    each.includes('/p2p/') ? each : `${each}${peer}`
  )
}

/** @throws VitalchainError `ERR_USAGE` */
export function requireName(name: string): string {
  if (name.trim() !== '' && name.length <= NAME_CHARACTERS_MAX) return name
  throw new VitalchainError('ERR_USAGE', `a name has 1 to ${NAME_CHARACTERS_MAX} characters`)
}

/** Every address, and any free port, are no place that somebody else could dial. */
function isPlace(address: string): boolean {
  return !/^\/ip4\/0\.0\.0\.0\/|^\/ip6\/::\/|\/tcp\/0(\/|$)/.test(address)
}

async function makeDir(
  { dataDir, settings, passphrase }: MakeFlags,
  keys: Readonly<Record<string, Uint8Array>>,
  io: CliIo
): Promise<void> {
  if (!(await isEmpty(dataDir)))
    throw new VitalchainError('ERR_DATA_DIR_NOT_EMPTY', `${dataDir} is not empty`)
  const file = settings.get('passphraseFile') ?? process.env['VITALCHAIN_PASSPHRASE_FILE']
  const kept = new Map(settings)
  // The node may be started from elsewhere.
  if (typeof file === 'string' && settings.has('passphraseFile'))
    kept.set('passphraseFile', resolve(file))
  // First of all: who breaks off at the question leaves nothing behind.
  const key = passphrase
    ? await newSealKey(await newPassphrase(typeof file === 'string' ? file : undefined, io))
    : undefined
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeKeysFile(dataDir, keys, key)
  await writeFile(
    join(dataDir, CONFIG_FILE),
    `${JSON.stringify(settingsTree(kept), undefined, 2)}\n`
  )
}

/** The settings as their file has them. */
function settingsTree(settings: FlagValues): object {
  const tree = new Map<string, unknown>()
  for (const [path, value] of settings) {
    const [group = '', name] = path.split('.')
    const inner: object = Object.fromEntries(Object.entries(tree.get(group) ?? {}))
    tree.set(group, name === undefined ? value : { ...inner, [name]: value })
  }
  return Object.fromEntries(tree)
}
