import { isVitalchainError, toHex } from '@vitalchain/core'
import { loadConfig, type FlagValues } from '../config/load-config.ts'
import { directoryOptions } from '../config/node-options.ts'
import { createFigures } from '../dashboard/figures.ts'
import { unlockWith } from '../keys/passphrase.ts'
import type { MqttBridge } from '../listeners/mqtt.ts'
import { pause } from '../loop.ts'
import { createLedgerNode } from '../node.ts'
import { allMeters } from '../observe/meters.ts'
import { createMetrics } from '../observe/metrics.ts'
import { createNodeLog } from '../observe/node-log.ts'
import { createSupervisor } from '../observe/supervisor.ts'
import { createTraces } from '../observe/traces.ts'
import { watchCatchUp } from './catch-up-progress.ts'
import { requireFree, type Port } from './free-port.ts'
import { asInUse } from './in-use.ts'
import { EXIT, type CliIo } from './io.ts'
import { createListeners } from './listeners.ts'
import { operatorToken } from './node-dir.ts'
import { requireStopped } from './stopped-node.ts'
import { version } from './version.ts'

/** What the override means, for who uses it. */
const RISK = `--i-accept-double-sign-risk: if votes of this node's key are missing, it votes at once. It may then contradict votes that it
cast before, as only a faulty validator does: with f others at fault at the same time the ledger can fork, and what it signs twice
is evidence against this member. The decision is recorded on the chain. Nothing happens if the votes are all here.`

/**
 * How long a node that is told to stop may hand over what waits and propose what it leads, ms; and then close its connections
 * and files. With what a process may linger that is 10 s, the least that supervisors wait before they kill.
 */
const DRAIN_MS = 5_000
const CLOSE_MS = 3_000

/** What `vitalchain start` was asked for. */
export interface StartOptions {
  readonly dataDir: string
  /** Whether the end of the standard input stops the node: a supervisor that dies takes it along. */
  readonly stopOnInputEnd?: boolean
  /** Whether the node votes although votes of its key are missing. */
  readonly iAcceptDoubleSignRisk?: boolean
  /** The file of settings, when it is not in the directory. */
  readonly config?: string
  /** Settings that flags say. */
  readonly settings?: FlagValues
}

/**
 * Runs one node until it is told to stop or stops itself. Its only line of output says that it is ready.
 *
 * @returns the exit code
 * @throws VitalchainError `ERR_FILE`, `ERR_CONFIG`, `ERR_KEYS_READABLE`, `ERR_PASSPHRASE`, `ERR_KEYS_NOT_OF_MEMBER`, `ERR_DATA_DIR_IN_USE`, or what
 * the node's start throws
 */
export async function startCommand(
  { dataDir, stopOnInputEnd, iAcceptDoubleSignRisk = false, ...given }: StartOptions,
  io: CliIo
): Promise<number> {
  const { config, unknownVariables } = await loadConfig({
    dataDir,
    file: given.config,
    flags: given.settings ?? new Map()
  })
  const nodeLog = createNodeLog(config.log?.level ?? 'info', io.err)
  const { log } = nodeLog
  const metrics = createMetrics({
    version: version(),
    dataDir,
    status: () => node.status(),
    members: () => node.members()
  })
  const figures = createFigures()
  const meters = allMeters([metrics.meters, figures.meters, createTraces()])
  const supervisor = createSupervisor(process.env, log)
  for (const name of unknownVariables) log('no such setting: ignored', { name })
  const options = await directoryOptions(dataDir, config, unlockWith(config.passphraseFile, io))
  const token = await operatorToken(dataDir)
  if (iAcceptDoubleSignRisk) io.err(RISK)
  const node = createLedgerNode({
    ...options,
    acceptDoubleSignRisk: iAcceptDoubleSignRisk,
    meters,
    log
  })
  // Before the node runs: a setting that it refuses leaves nothing open.
  const listeners = await createListeners({
    config,
    dataDir,
    node,
    token,
    meters,
    figures,
    metrics,
    nodeLog
  })
  const told = new Promise<undefined>(resolve => {
    const tell = (): void => resolve(undefined)
    if (io.stop.aborted) tell()
    else io.stop.addEventListener('abort', tell)
    if (stopOnInputEnd === true) void io.inputEnd().then(tell)
  })
  // A node that started and found a port taken would have linked and voted in vain, again at each restart.
  await requireFreePorts(dataDir, [config.http, config.admin])
  try {
    await node.start()
  } catch (error) {
    throw asInUse(error, dataDir)
  }
  let bridge: MqttBridge | undefined
  const { paint } = io
  const catchUp = watchCatchUp({ node, log, ...(paint === undefined ? {} : { paint }) })
  try {
    const { http: url, admin } = await listeners.listen()
    const { mqtt, mqttPassword: password } = config
    if (mqtt !== undefined) {
      const { openMqttBridge } = await import('../listeners/mqtt.ts')
      const options = password === undefined ? {} : { password }
      bridge = openMqttBridge({ node, url: mqtt, options, log })
    }
    const { peer } = node.status()
    // The address that a device of another transport than libp2p takes.
    const device = `${url}#${toHex(node.transportKey)}`
    io.out(
      JSON.stringify({
        event: 'ready',
        addresses: node.addresses(),
        http: url,
        admin,
        device,
        peer
      })
    )
    await supervisor.ready()
    const failure = await Promise.race([told, node.failed])
    if (failure !== undefined) throw failure
    await supervisor.stopping()
    await node.drain(AbortSignal.timeout(DRAIN_MS))
    return EXIT.ok
  } finally {
    catchUp.stop()
    supervisor.close()
    const closed = (async () => {
      await bridge?.close()
      await listeners.close()
      await node.stop()
    })()
    if (!(await endsWithin(closed, CLOSE_MS))) log('closing cut short', {})
  }
}

/** Whether something ends in time, ms. Its failure is the caller's to see. */
async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const late = new AbortController()
  const limit = pause(ms, late.signal)
  try {
    return await Promise.race([work.then(() => true), limit.then(() => false)])
  } finally {
    late.abort()
  }
}

/** @throws VitalchainError `ERR_DATA_DIR_IN_USE`, or an error of the system such as `EADDRINUSE` */
async function requireFreePorts(dataDir: string, ports: readonly Port[]): Promise<void> {
  try {
    for (const port of ports) await requireFree(port)
  } catch (error) {
    // Who has the port may be this very node.
    await requireStopped(dataDir).catch((inUse: unknown) => {
      if (isVitalchainError(inUse) && inUse.code === 'ERR_DATA_DIR_IN_USE') throw inUse
    })
    throw error
  }
}
