import { isIPv6 } from 'node:net'
import {
  createSigner,
  isVitalchainError,
  useCryptoBackend,
  VitalchainError,
  type Signer
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { createNodeApi, type NodeApi } from '../dev/node-api.ts'
import type { CliIo } from './io.ts'
import type { NodeConfig } from '../config/node-config.ts'
import { loadConfig } from '../config/load-config.ts'
import { isLoopback } from '../http/index.ts'
import { readSecrets, requireKey, type NodeSecrets } from '../keys/keys-file.ts'
import { unlockWith } from '../keys/passphrase.ts'
import { operatorToken } from './node-dir.ts'

/** What all commands take that ask the own node. */
export interface NodeFlags {
  /** The data directory of the own node, which runs. */
  readonly dataDir: string
  /** Where its HTTP API is, when node.json does not say. */
  readonly url?: string
  /** A file with the passphrase of its keys, when they are encrypted and the configuration names none. */
  readonly passphraseFile?: string
  readonly json: boolean
  /** How long to wait for what was asked, s. */
  readonly timeout: number
}

/** The own node, reached over its HTTP API, and its keys. */
export interface OwnNode {
  readonly api: NodeApi
  /** Reads its keys, and asks for the passphrase of encrypted ones once. @throws VitalchainError `ERR_PASSPHRASE`, `ERR_FILE` */
  readonly secrets: () => Promise<NodeSecrets>
  /** The signer of its operator's key. @throws VitalchainError as `secrets` */
  readonly operator: () => Promise<Signer>
}

/** Reaches the own node. @throws VitalchainError `ERR_FILE`, `ERR_USAGE` when nothing says where its API is */
export async function openNode(
  { dataDir, url, passphraseFile }: NodeFlags,
  io: Pick<CliIo, 'askSecret'>
): Promise<OwnNode> {
  useCryptoBackend(nodeCryptoBackend)
  const { config } = await loadConfig({ dataDir })
  const unlock = unlockWith(passphraseFile ?? config.passphraseFile, io)
  let read: Promise<NodeSecrets> | undefined
  const secrets = (): Promise<NodeSecrets> => (read ??= readSecrets(dataDir, unlock))
  return {
    api: createNodeApi(url ?? urlOf(config), await operatorToken(dataDir)),
    secrets,
    operator: async () =>
      createSigner('ed25519', requireKey((await secrets()).operator, 'operator'))
  }
}

/** Where the own node's HTTP API is, and what opens it. @throws VitalchainError as {@link openNode} */
export async function ownUrl({
  dataDir,
  url
}: Pick<NodeFlags, 'dataDir' | 'url'>): Promise<{ readonly url: string; readonly token: string }> {
  const found = url ?? urlOf((await loadConfig({ dataDir })).config)
  return { url: found, token: await operatorToken(dataDir) }
}

/** Where the own node's administration is, and what opens it. @throws VitalchainError as {@link openNode} */
export async function adminUrl({
  dataDir,
  url
}: Pick<NodeFlags, 'dataDir' | 'url'>): Promise<{ readonly url: string; readonly token: string }> {
  const { config } = await loadConfig({ dataDir })
  const { host, port } = config.admin
  if (url === undefined && port === 0)
    throw new VitalchainError(
      'ERR_USAGE',
      'the settings leave the port of the administration open: say --url'
    )
  const scheme = config.http.tlsCert === undefined || isLoopback(host) ? 'http' : 'https'
  return { url: url ?? `${scheme}://${literal(host)}:${port}`, token: await operatorToken(dataDir) }
}

/** A host as URLs have it (RFC 3986 section 3.2.2). */
function literal(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

function urlOf({ http: { host, port, tlsCert } }: NodeConfig): string {
  if (port !== 0) return `${tlsCert === undefined ? 'http' : 'https'}://${literal(host)}:${port}`
  throw new VitalchainError(
    'ERR_USAGE',
    'the configuration leaves the port of the HTTP API open: say --url'
  )
}

/**
 * Waits for as long as the caller allows.
 *
 * @param show - the command that tells later what became of it
 * @throws VitalchainError `ERR_TIMEOUT` (retryable), or what `act` throws
 */
export async function inTime<T>(
  { timeout }: NodeFlags,
  io: CliIo,
  show: string,
  act: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const late = AbortSignal.timeout(timeout * 1_000)
  try {
    return await act(AbortSignal.any([io.stop, late]))
  } catch (cause) {
    if (isVitalchainError(cause) || (!late.aborted && !io.stop.aborted)) throw cause
    throw new VitalchainError(
      'ERR_TIMEOUT',
      late.aborted
        ? `not committed within ${timeout} s; it may be later: ${show} shows it`
        : `interrupted; it may be committed all the same: ${show} shows it`,
      { cause, retryable: true }
    )
  }
}

/** Says the answer as JSON, or in lines. */
export function say(
  io: CliIo,
  { json }: Pick<NodeFlags, 'json'>,
  answer: string,
  lines: () => readonly string[]
): void {
  for (const line of json ? [answer] : lines()) io.out(line)
}
