import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import {
  genesisFormat,
  isVitalchainError,
  networkId,
  toHex,
  useCryptoBackend,
  VitalchainError,
  type Genesis
} from '@vitalchain/core'
import { requireNoRestore } from '../backup/restore-backup.ts'
import { checkTogether } from '../config/check-together.ts'
import { loadConfig, type FlagValues } from '../config/load-config.ts'
import type { NodeConfig } from '../config/node-config.ts'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { observeDisk } from '../diagnosis/machine.ts'
import { peerOf } from '../diagnosis/addresses.ts'
import type { AddressObservation, Observations, StartFault } from '../diagnosis/observations.ts'
import { probeAddresses } from '../diagnosis/probe.ts'
import { NOT_RUNNING } from '../diagnosis/stopped.ts'
import { KEYS_FILE, readSecrets } from '../keys/keys-file.ts'
import { unknownProtocol } from '../members/protocol.ts'
import { peerNameOf } from '../network/index.ts'
import { requireFree, type Port } from './free-port.ts'
import { checkMemberKeys } from './member-keys.ts'
import { GENESIS_FILE, readOwnGenesis } from './node-dir.ts'
import { openStoppedLedger, requireStopped } from './stopped-node.ts'
import { namedFault } from './system-fault.ts'

/** With less space left the ledger is not opened, bytes: opening writes. */
const OPEN_SPACE_BYTES = 64 * 1024 ** 2

/** Looks at the directory of a node whose API does not answer, as the node's start would, and at the addresses it would dial. */
export async function observeDirectory(
  dataDir: string,
  options: { readonly config?: string | undefined; readonly flags?: FlagValues },
  signal: AbortSignal
): Promise<Observations> {
  useCryptoBackend(nodeCryptoBackend)
  const faults: StartFault[] = []
  /** Does a step of the start; what is wrong becomes a fault, and the next step is looked at too. */
  const step = async <T>(subject: string, act: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await act()
    } catch (error) {
      faults.push(faultAt(error, subject))
      return undefined
    }
  }
  const disk = await observeDisk(dataDir)
  const found = await stat(dataDir).catch(() => undefined)
  if (found?.isDirectory() !== true)
    throw new VitalchainError('ERR_FILE', `there is no directory ${dataDir}`)

  const config = await step(dataDir, async () => {
    const loaded = await loadConfig({
      dataDir,
      file: options.config,
      flags: options.flags ?? new Map()
    })
    return loaded.config
  })
  if (config !== undefined) await step(dataDir, () => checkTogether(config))
  const document = await step(join(dataDir, GENESIS_FILE), () => readOwnGenesis(dataDir))
  const genesis =
    document === undefined
      ? undefined
      : await step(join(dataDir, GENESIS_FILE), () => genesisFormat.decode(document))
  await step(join(dataDir, KEYS_FILE), () => checkKeys(dataDir, document))
  await step(dataDir, () => requireNoRestore(dataDir))
  const isFree = await checkLedger(dataDir, disk?.freeBytes ?? Infinity, step)
  // A node that runs has its ports, and only its API does not answer.
  if (config !== undefined && isFree)
    for (const port of portsOf(config)) await step(port.name, () => requireFree(port))
  if (isFree) faults.push(NOT_RUNNING)
  return {
    at: Date.now(),
    network: document === undefined ? undefined : toHex(networkId(document)),
    name: undefined,
    disk,
    files: undefined,
    node: undefined,
    faults,
    addresses: await lookAt(config?.bootstrap ?? [], genesis, signal)
  }
}

function faultAt(error: unknown, subject: string): StartFault {
  const named = namedFault(error)
  return isVitalchainError(named)
    ? { code: named.code, message: named.message, subject }
    : {
        code: 'ERR_INTERNAL',
        message: named instanceof Error ? named.message : String(named),
        subject
      }
}

/** Encrypted keys are not opened: a doctor asks for no passphrase. */
async function checkKeys(dataDir: string, genesis: Uint8Array | undefined): Promise<void> {
  try {
    const secrets = await readSecrets(dataDir)
    if (genesis !== undefined) checkMemberKeys(genesis, secrets)
  } catch (error) {
    if (isVitalchainError(error) && error.code === 'ERR_PASSPHRASE') return
    throw error
  }
}

/** @returns whether no process uses the directory */
async function checkLedger(
  dataDir: string,
  freeBytes: number,
  step: <T>(subject: string, act: () => Promise<T>) => Promise<T | undefined>
): Promise<boolean> {
  const location = join(dataDir, 'ledger')
  // A node that never started has none.
  if ((await stat(location).catch(() => undefined)) === undefined) return true
  const isFree = await step(location, async () => {
    await requireStopped(dataDir)
    return true
  })
  if (isFree !== true) return false
  if (freeBytes < OPEN_SPACE_BYTES) return true
  await step(location, () => checkRules(dataDir))
  return true
}

/** Opens the ledger as the start does, and asks it for the version of the next block. */
async function checkRules(dataDir: string): Promise<void> {
  const ledger = await openStoppedLedger(dataDir)
  try {
    const unknown = unknownProtocol(ledger.state, ledger.head.height)
    if (unknown !== undefined) throw unknown
  } finally {
    await ledger.close()
  }
}

interface NamedPort extends Port {
  /** The setting and its value. */
  readonly name: string
}

function portsOf({ listen, http, admin }: NodeConfig): readonly NamedPort[] {
  const addresses = listen.flatMap((text): readonly NamedPort[] => {
    const parts = multiaddr(text).getComponents()
    const host = parts.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
    const port = Number(parts.find(({ name }) => name === 'tcp')?.value ?? 0)
    return host === undefined ? [] : [{ name: text, host, port }]
  })
  const servers = [http, ...(admin === undefined ? [] : [admin])]
  const named = servers.map(({ host, port }) => ({ name: `${host}:${port}`, host, port }))
  return [...addresses, ...named].filter(({ port }) => port !== 0)
}

async function lookAt(
  bootstrap: readonly string[],
  genesis: Genesis | undefined,
  signal: AbortSignal
): Promise<readonly AddressObservation[]> {
  const names = new Map(
    (genesis?.members ?? []).map(({ name, transportKey }) => [peerNameOf(transportKey), name])
  )
  const found = await probeAddresses(bootstrap, signal)
  return found.map(probe => {
    const expected = peerOf(probe.address)
    return {
      address: probe.address,
      use: 'bootstrap',
      expected,
      member: expected === undefined ? undefined : names.get(expected),
      connected: false,
      probe
    }
  })
}
