import { join } from 'node:path'
import { useCryptoBackend } from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { MEMBER_FILE } from '../genesis/member-json.ts'
import { EXIT, type CliIo } from './io.ts'
import { makeMemberDir, type MakeFlags } from './make-dir.ts'
import { say } from './own-node.ts'

/** What `vitalchain init` was asked for. */
export interface InitFlags extends MakeFlags {
  readonly name: string
  readonly json: boolean
}

/**
 * Makes the data directory of a hospital that founds a network with others. Nobody is told.
 *
 * @throws VitalchainError as `makeMemberDir`
 */
export async function initCommand(flags: InitFlags, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { dataDir } = flags
  const { addresses } = await makeMemberDir(flags, io)
  const file = join(dataDir, MEMBER_FILE)
  say(io, flags, JSON.stringify({ dataDir, member: file, addresses }), () => [
    `Made ${dataDir}. ${keysText(flags)}`,
    `Give ${file} to the hospital that makes the genesis. It holds public keys and addresses only:`,
    ...addresses.map(each => `  ${each}`),
    ...(addresses.length > 0
      ? []
      : ['  none: others cannot dial this node. Say --announce if they should.']),
    'It gives back one file for all, which you accept:',
    `  vitalchain genesis accept network.json --data-dir ${dataDir}`
  ])
  return EXIT.ok
}

/** What became of the secret keys, for who has to keep them. */
export function keysText({ passphrase }: Pick<MakeFlags, 'passphrase'>): string {
  return passphrase
    ? 'Its secret keys are in keys.json, encrypted: without the passphrase they are lost.'
    : 'Its secret keys are in keys.json, NOT encrypted: whoever reads that file, a backup or the disk has them.'
}
