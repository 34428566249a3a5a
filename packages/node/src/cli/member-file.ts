import { useCryptoBackend } from '@vitalchain/core'
import { loadConfig } from '../config/load-config.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { partJson } from '../genesis/member-json.ts'
import { readSecrets, requireKey } from '../keys/keys-file.ts'
import { unlockWith } from '../keys/passphrase.ts'
import { EXIT, type CliIo } from './io.ts'
import { addressesOf, describe, partText, requireName } from './make-dir.ts'
import { say } from './own-node.ts'

/** What `vitalchain member describe` was asked for. */
export interface DescribeFlags {
  readonly dataDir: string
  readonly name: string
  readonly passphraseFile?: string
  readonly json: boolean
}

/** Prints what others may know of a node's keys: what they need to propose it. Never a secret. */
export async function memberDescribeCommand(flags: DescribeFlags, io: CliIo): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  const { dataDir, passphraseFile } = flags
  const name = requireName(flags.name)
  const { config, settings } = await loadConfig({ dataDir })
  const secrets = await readSecrets(
    dataDir,
    unlockWith(passphraseFile ?? config.passphraseFile, io)
  )
  const { transport } = secrets
  const all = {
    name,
    transport,
    operator: requireKey(secrets.operator, 'operator'),
    consensus: requireKey(secrets.consensus, 'consensus'),
    checkpoint: requireKey(secrets.checkpoint, 'checkpoint')
  }
  const values = new Map(settings.map(({ setting, value }) => [setting.path, value]))
  const part = await describe(all, addressesOf(values, transport))
  say(io, flags, JSON.stringify(partJson(part)), () => [partText(part).trimEnd()])
  return EXIT.ok
}
