import {
  createSigner,
  isVitalchainError,
  toHex,
  useCryptoBackend,
  VitalchainError,
  type ErrorValues
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { createHttpApi } from '../http/index.ts'
import type { MqttBridge } from '../listeners/mqtt.ts'
import { createLedgerNode } from '../node.ts'
import { EXIT, type CliIo } from './io.ts'
import { checkMemberKeys } from './member-keys.ts'
import { destroyConsensusKey, operatorToken, readNodeDir, wipeOldKeys } from './node-dir.ts'

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
  /** The MQTT broker at which devices reach the node too. */
  readonly mqtt?: string
}

/**
 * Runs one node until it is told to stop or stops itself. Its only line of output says that it is ready.
 *
 * @returns the exit code
 * @throws VitalchainError `ERR_FILE`, `ERR_KEYS_READABLE`, `ERR_KEYS_NOT_OF_MEMBER`, `ERR_DATA_DIR_IN_USE`, or what
 * the node's start throws
 */
export async function startCommand(
  { dataDir, stopOnInputEnd, iAcceptDoubleSignRisk = false, mqtt }: StartOptions,
  io: CliIo
): Promise<number> {
  await wipeOldKeys(dataDir)
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
      ...(secrets.retiredConsensus === undefined
        ? {}
        : { retiredConsensus: secrets.retiredConsensus }),
      ...(secrets.checkpoint === undefined ? {} : { checkpoint: secrets.checkpoint }),
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
    async onKeyRetired(_kind, publicKey) {
      secrets.consensus?.fill(0)
      await destroyConsensusKey(dataDir, publicKey)
    },
    log
  })
  // Before the node runs: a setting that it refuses leaves nothing open.
  const http = createHttpApi({
    node,
    token,
    allowOrigins: config.http.allowOrigins ?? [],
    log,
    now: Date.now
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
  const password = process.env['VITALCHAIN_MQTT_PASSWORD']
  let bridge: MqttBridge | undefined
  try {
    const url = await http.listen(config.http)
    if (mqtt !== undefined) {
      const { openMqttBridge } = await import('../listeners/mqtt.ts')
      const options = password === undefined ? {} : { password }
      bridge = openMqttBridge({ node, url: mqtt, options, log })
    }
    const { peer } = node.status()
    // The address that a device of another transport than libp2p takes.
    const device = `${url}#${toHex(node.transportKey)}`
    io.out(JSON.stringify({ event: 'ready', addresses: node.addresses(), http: url, device, peer }))
    const failure = await Promise.race([told, node.failed])
    if (failure === undefined) return EXIT.ok
    throw failure
  } finally {
    await bridge?.close()
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
