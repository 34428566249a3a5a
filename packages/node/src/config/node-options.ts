import { createSigner, useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { checkMemberKeys } from '../cli/member-keys.ts'
import { readOwnGenesis } from '../cli/node-dir.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { destroyConsensusKey, readSecrets, wipeOldKeys } from '../keys/keys-file.ts'
import { unlockWith } from '../keys/passphrase.ts'
import { createUnlock, type Unlock } from '../keys/unlock.ts'
import type { LedgerNodeOptions } from '../types.ts'
import { loadConfig } from './load-config.ts'
import type { NodeConfig } from './node-config.ts'

/**
 * What `createLedgerNode` needs to run the node of a directory that `vitalchain init` or `join` made: its genesis, keys and
 * settings, with the variables of the environment, as `vitalchain start` takes them. It destroys the consensus key in the directory
 * when that goes out of force.
 *
 * @param options - `passphrase` of encrypted keys; without it the file that the settings name is read
 * @throws VitalchainError `ERR_FILE`, `ERR_CONFIG`, `ERR_KEYS_READABLE`, `ERR_PASSPHRASE`, `ERR_KEYS_NOT_OF_MEMBER`
 */
export async function nodeOptionsOf(
  dataDir: string,
  { passphrase }: { readonly passphrase?: string } = {}
): Promise<LedgerNodeOptions> {
  const { config } = await loadConfig({ dataDir })
  const unlock =
    passphrase === undefined
      ? unlockWith(config.passphraseFile, {})
      : createUnlock(async () => passphrase)
  return directoryOptions(dataDir, config, unlock)
}

/** The same with settings that were put together already. @throws VitalchainError as {@link nodeOptionsOf} */
export async function directoryOptions(
  dataDir: string,
  config: NodeConfig,
  unlock: Unlock
): Promise<LedgerNodeOptions> {
  useCryptoBackend(nodeCryptoBackend)
  await wipeOldKeys(dataDir)
  const genesis = await readOwnGenesis(dataDir)
  const secrets = await readSecrets(dataDir, unlock)
  checkMemberKeys(genesis, secrets)
  const { transport, consensus, retiredConsensus, checkpoint, operator } = secrets
  if (config.signer !== undefined && consensus !== undefined)
    throw new VitalchainError(
      'ERR_FILE',
      'node.json names a signer and keys.json holds a consensus key: take one of them out'
    )
  return {
    genesis,
    keys: {
      transport,
      ...(consensus === undefined ? {} : { consensus }),
      ...(retiredConsensus === undefined ? {} : { retiredConsensus }),
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(operator === undefined ? {} : { operator: createSigner('ed25519', operator) })
    },
    dataDir,
    listen: config.listen,
    announce: config.announce ?? [],
    bootstrap: config.bootstrap,
    followers: config.followers ?? [],
    follow: config.follow ?? false,
    timings: config.timings ?? false,
    ...(config.signer === undefined ? {} : { signer: config.signer }),
    async onKeyRetired(_kind, publicKey) {
      consensus?.fill(0)
      await destroyConsensusKey(dataDir, publicKey, unlock)
    }
  }
}
