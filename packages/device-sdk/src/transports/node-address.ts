import { fromHex, VitalchainError } from '@vitalchain/core'

/** Bytes of a node's transport key. */
const NODE_KEY_BYTES = 32

/** Where a node is reached, and who it is. */
export interface NodeAddress {
  /** Without the fragment. */
  readonly url: URL
  /** The node's transport key, 32 bytes. */
  readonly node: Uint8Array
}

/**
 * Reads the address of a node: a URL whose fragment is the node's transport key in hexadecimal. Certificates and name
 * servers do not decide who the node is, so a device with a wrong clock reaches it too. spec S-9
 *
 * @param protocols - those allowed, such as `https:`
 * @throws VitalchainError `ERR_ADDRESS`
 */
export function parseNodeAddress(text: string, protocols: readonly string[]): NodeAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !protocols.includes(url.protocol))
    throw new VitalchainError('ERR_ADDRESS', `not a URL of ${protocols.join(' or ')}`)
  const key = url.hash.slice(1)
  if (!/^[0-9a-f]+$/i.test(key) || key.length !== 2 * NODE_KEY_BYTES)
    throw new VitalchainError(
      'ERR_ADDRESS',
      "an address ends in # and the node's transport key, 64 hexadecimal digits"
    )
  url.hash = ''
  return { url, node: fromHex(key) }
}

/** Hands out addresses in turn, each connection the next one. */
export function inTurn<T>(addresses: readonly T[]): () => T {
  let turn = 0
  return () => {
    const next = addresses[turn++ % addresses.length]
    if (next === undefined)
      throw new VitalchainError('ERR_ADDRESS', 'the transport has no addresses')
    return next
  }
}

/** The error for a node that cannot be reached. The address is the operator's, its key is left out. */
export function unreachable({ url }: NodeAddress, cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_UNREACHABLE', `no node answers at ${url.origin}`, {
    cause,
    retryable: true
  })
}
