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
import { requireKey } from './member-file.ts'
import { operatorToken, readNodeDir, type NodeSecrets } from './node-dir.ts'

/** What all commands take that ask the own node. */
export interface NodeFlags {
  /** The data directory of the own node, which runs. */
  readonly dataDir: string
  /** Where its HTTP API is, when node.json does not say. */
  readonly url?: string
  readonly json: boolean
  /** How long to wait for what was asked, s. */
  readonly timeout: number
}

/** The own node, reached over its HTTP API, and its keys. */
export interface OwnNode {
  readonly api: NodeApi
  readonly secrets: NodeSecrets
  readonly operator: () => Signer
}

/** Reaches the own node. @throws VitalchainError `ERR_FILE`, `ERR_USAGE` when nothing says where its API is */
export async function openNode({ dataDir, url }: NodeFlags): Promise<OwnNode> {
  useCryptoBackend(nodeCryptoBackend)
  const { config, secrets } = await readNodeDir(dataDir)
  const { host, port } = config.http
  if (url === undefined && port === 0)
    throw new VitalchainError(
      'ERR_USAGE',
      'node.json leaves the port of the HTTP API open: say --url'
    )
  return {
    api: createNodeApi(url ?? `http://${host}:${port}`, await operatorToken(dataDir)),
    secrets,
    operator: () => createSigner('ed25519', requireKey(secrets.operator, 'operator'))
  }
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
