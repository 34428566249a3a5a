import { generateSecretKey, GENESIS_BYTES_MAX, VitalchainError } from '@vitalchain/core'
import { isMultiaddr } from '../config/check-value.ts'
import { createNetwork, type Network } from '../network/index.ts'
import { networkDigits, requireNetwork } from './network-file.ts'

/** The request protocol by which a node gives its genesis document. Anyone may ask: it holds nothing secret. */
const GENESIS = 'genesis'

/** How long the other node may take, ms. */
const FETCH_MS = 20_000

/** Answers others' requests for the genesis document. Call it before the network starts. */
export function serveGenesis(network: Pick<Network, 'handleRequest'>, document: Uint8Array): void {
  network.handleRequest(
    GENESIS,
    { access: 'anyone', maxRequestBytes: 1, timeoutMs: FETCH_MS },
    async () => document
  )
}

/**
 * Fetches the genesis document of a network from any of its nodes. What comes is believed only if its hash is the network id.
 *
 * @param from - a multiaddr with `/p2p/…`, or the URL of an HTTP API
 * @param network - the network id, or its fingerprint: 40 hexadecimal digits of it at least
 * @throws VitalchainError `ERR_USAGE`, `ERR_UNREACHABLE` (retryable), `ERR_OTHER_NETWORK`
 */
export async function fetchGenesis(from: string, network: string): Promise<Uint8Array> {
  const digits = networkDigits(network)
  const document = isMultiaddr(from) ? await overLibp2p(from, digits) : await overHttp(from)
  requireNetwork(document, network)
  return document
}

async function overLibp2p(address: string, digits: string): Promise<Uint8Array> {
  if (!address.includes('/p2p/'))
    throw new VitalchainError(
      'ERR_USAGE',
      `${address} does not say whose node that is: it must end in /p2p/ and the node's peer id`
    )
  // The names of the protocols hold the first 8 bytes of the id, which a fingerprint has; the rest is compared afterwards.
  const networkId = Uint8Array.from(Buffer.from(digits.padEnd(64, '0'), 'hex'))
  const network = createNetwork({
    privateKey: generateSecretKey('ed25519'),
    networkId,
    listen: [],
    members: () => []
  })
  await network.start()
  try {
    const answer = network.request(address, GENESIS, new Uint8Array(0), {
      maxResponseBytes: GENESIS_BYTES_MAX,
      timeoutMs: FETCH_MS,
      signal: AbortSignal.timeout(FETCH_MS)
    })
    const parts: Uint8Array[] = []
    for await (const part of answer) parts.push(part)
    return Uint8Array.from(Buffer.concat(parts))
  } catch (cause) {
    throw new VitalchainError(
      'ERR_UNREACHABLE',
      `${address} does not answer, or is a node of another network`,
      { cause, retryable: true }
    )
  } finally {
    await network.stop()
  }
}

async function overHttp(from: string): Promise<Uint8Array> {
  if (!/^https?:\/\//.test(from))
    throw new VitalchainError('ERR_USAGE', `"${from}" is no multiaddr and no URL`)
  try {
    const signal = AbortSignal.timeout(FETCH_MS)
    const response = await fetch(new URL('/v1/genesis', from), { signal })
    const bytes = await readAtMost(response, GENESIS_BYTES_MAX)
    if (response.ok && bytes !== undefined) return bytes
  } catch (cause) {
    throw new VitalchainError('ERR_UNREACHABLE', `${from} does not answer`, {
      cause,
      retryable: true
    })
  }
  throw new VitalchainError('ERR_UNREACHABLE', `${from} gives no genesis document`)
}

/** The body of an answer; undefined for one with more bytes, of which no more is read. */
async function readAtMost(response: Response, bytesMax: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let size = 0
  const body: ReadableStream<Uint8Array> | null = response.body
  if (body === null) return new Uint8Array(0)
  for await (const part of body) {
    size += part.length
    // Leaving the loop ends the connection.
    if (size > bytesMax) return undefined
    parts.push(part)
  }
  return Uint8Array.from(Buffer.concat(parts))
}
