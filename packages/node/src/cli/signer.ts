import { join } from 'node:path'
import { sha256, toHex, useCryptoBackend, type ErrorValues } from '@vitalchain/core'
import { lockKey } from '../consensus/key-lock.ts'
import { RECOVERY_EPOCH } from '../consensus/replica-host.ts'
import { serveSigner } from '../consensus/signer-server.ts'
import { openVoteSigner } from '../consensus/vote-signer.ts'
import { openVoteStore, takeVoteState, voteStoreOf } from '../consensus/vote-store.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { createNodeSigner } from '../crypto/node-signer.ts'
import { EXIT, type CliIo } from './io.ts'
import { readGenesis } from './json-file.ts'
import { configuredFile } from './keys.ts'
import { destroyConsensusKey, readKeysFile, wipeOldKeys } from '../keys/keys-file.ts'
import { unlockWith } from '../keys/passphrase.ts'
import { GENESIS_FILE } from './node-dir.ts'
import { asInUse } from './in-use.ts'

/** What `vitalchain signer` was asked for. */
export interface SignerOptions {
  readonly dataDir: string
  /** Where the node connects. */
  readonly socket: string
  readonly stopOnInputEnd?: boolean
  /** A file with the passphrase of encrypted keys. Default: the environment's or that of the configuration, or a person is asked. */
  readonly passphraseFile?: string
}

/**
 * Runs a signer until it is told to stop, its disk fails, or its key is out of force and destroyed. Its only line of output says that it is ready.
 *
 * @returns the exit code
 * @throws VitalchainError `ERR_FILE`, `ERR_KEYS_READABLE`, `ERR_PASSPHRASE`, `ERR_DATA_DIR_IN_USE`, `ERR_KEY_IN_USE`, `ERR_SIGNER_SOCKET`,
 * `ERR_SIGNER_STORE`
 */
export async function signerCommand(
  { dataDir, socket, stopOnInputEnd, passphraseFile }: SignerOptions,
  io: CliIo
): Promise<number> {
  useCryptoBackend(nodeCryptoBackend)
  await wipeOldKeys(dataDir)
  const genesis = await readGenesis(join(dataDir, GENESIS_FILE))
  const unlock = unlockWith(passphraseFile ?? (await configuredFile(dataDir)), io)
  const keys = await readKeysFile(dataDir, unlock)
  const secret = keys.field('consensus').hex(32)
  const key = createNodeSigner(secret)
  secret.fill(0)
  const log = (event: string, values: ErrorValues): void =>
    io.err(JSON.stringify({ time: new Date().toISOString(), event, ...values }))
  const told = new Promise<undefined>(resolve => {
    const tell = (): void => resolve(undefined)
    if (io.stop.aborted) tell()
    else io.stop.addEventListener('abort', tell)
    if (stopOnInputEnd === true) void io.inputEnd().then(tell)
  })
  const store = await openVoteStore(voteStoreOf(dataDir)).catch((error: unknown) => {
    throw asInUse(error, dataDir)
  })
  try {
    const lock = await lockKey(key.publicKey.bytes)
    try {
      await takeVoteState(dataDir, key.publicKey.bytes, store.of(key.publicKey.bytes))
      const signer = await openVoteSigner(key, store)
      const scope = { network: sha256(genesis), recoveryEpoch: RECOVERY_EPOCH }
      const server = await serveSigner({
        signer,
        scope,
        path: socket,
        async onRetired() {
          await destroyConsensusKey(dataDir, key.publicKey.bytes, unlock)
          log('consensus key destroyed: it is out of force', { key: toHex(key.publicKey.bytes) })
        },
        log
      })
      io.out(JSON.stringify({ event: 'ready', socket, votes: signer.first !== undefined }))
      const failure = await Promise.race([told, server.retired, server.failed])
      await server.stop()
      if (failure === undefined) return EXIT.ok
      throw failure
    } finally {
      await lock.release()
    }
  } finally {
    await store.close()
  }
}
