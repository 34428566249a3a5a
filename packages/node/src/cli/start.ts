import {
  createSigner,
  isVitalchainError,
  useCryptoBackend,
  VitalchainError,
  type ErrorValues
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { createHttpApi } from '../http/index.ts'
import { createLedgerNode } from '../node.ts'
import { EXIT, type CliIo } from './io.ts'
import { checkMemberKeys } from './member-keys.ts'
import { operatorToken, readNodeDir } from './node-dir.ts'

/** What the override means, for who uses it. */
const RISK = `--i-accept-double-sign-risk: if votes of this node's key are missing, it votes at once. It may then contradict votes that it
cast before, as only a faulty validator does: with f others at fault at the same time the ledger can fork, and what it signs twice
is evidence against this member. The decision is recorded on the chain. Nothing happens if the votes are all here.`

/** What `vitalchain start` was asked for. */
export interface StartOptions {
  readonly dataDir: string
  /** Whether the end of the standard input stops the node: a supervisor that dies takes it along. */
  readonly stopOnInputEnd?: boolean
  /** Whether the node votes although votes of its key are missing. */
  readonly iAcceptDoubleSignRisk?: boolean
}

/**
 * Runs one node until it is told to stop or stops itself. Its only line of output says that it is ready.
 *
 * @returns the exit code
 * @throws VitalchainError `ERR_FILE`, `ERR_KEYS_READABLE`, `ERR_KEYS_NOT_OF_MEMBER`, `ERR_DATA_DIR_IN_USE`, or what
 * the node's start throws
 */
export async function startCommand(
  { dataDir, stopOnInputEnd, iAcceptDoubleSignRisk = false }: StartOptions,
  io: CliIo
): Promise<number> {
  const { config, genesis, secrets } = await readNodeDir(dataDir)
  useCryptoBackend(nodeCryptoBackend)
  checkMemberKeys(genesis, secrets)
  const token = await operatorToken(dataDir)
  const log = (event: string, values: ErrorValues): void =>
    io.err(JSON.stringify({ time: new Date().toISOString(), event, ...values }))
  if (iAcceptDoubleSignRisk) io.err(RISK)
  if (config.signer !== undefined && secrets.consensus !== undefined)
    throw new VitalchainError(
      'ERR_FILE',
      'node.json names a signer and keys.json holds a consensus key: take one of them out'
    )
  const node = createLedgerNode({
    genesis,
    keys: {
      transport: secrets.transport,
      ...(secrets.consensus === undefined ? {} : { consensus: secrets.consensus }),
      ...(secrets.operator === undefined
        ? {}
        : { operator: createSigner('ed25519', secrets.operator) })
    },
    dataDir,
    listen: config.listen,
    bootstrap: config.bootstrap,
    announce: config.announce ?? [],
    timings: config.timings ?? false,
    ...(config.signer === undefined ? {} : { signer: config.signer }),
    acceptDoubleSignRisk: iAcceptDoubleSignRisk,
    log
  })
  const told = new Promise<undefined>(resolve => {
    const tell = (): void => resolve(undefined)
    if (io.stop.aborted) tell()
    else io.stop.addEventListener('abort', tell)
    if (stopOnInputEnd === true) void io.inputEnd().then(tell)
  })
  try {
    await node.start()
  } catch (error) {
    throw asInUse(error, dataDir)
  }
  const http = createHttpApi({ node, token, log, now: Date.now })
  try {
    const url = await http.listen(config.http)
    const { peer } = node.status()
    io.out(JSON.stringify({ event: 'ready', addresses: node.addresses(), http: url, peer }))
    const failure = await Promise.race([told, node.failed])
    if (failure === undefined) return EXIT.ok
    throw failure
  } finally {
    await http.close()
    await node.stop()
  }
}

/** The store's lock is the directory's: one process at a time. */
export function asInUse(error: unknown, dataDir: string): unknown {
  if (!isVitalchainError(error) || error.code !== 'ERR_STORE_LOCKED') return error
  return new VitalchainError('ERR_DATA_DIR_IN_USE', `another process uses ${dataDir}`, {
    cause: error
  })
}
