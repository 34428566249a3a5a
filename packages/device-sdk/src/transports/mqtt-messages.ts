import { concatBytes, equalBytes, toHex, u32be } from '@vitalchain/core'

/** Bytes of the network id that name its topics, as for the protocols of libp2p. */
const NETWORK_PREFIX_BYTES = 8

/** Bytes that tell the connections of a device apart. */
const CONNECTION_BYTES = 8

const CORRELATION_BYTES = CONNECTION_BYTES + 4

/** The topics of a node, MQTT 5 section 4.7. spec S-12 */
export interface NodeTopics {
  /** Retained, while the node serves devices at this broker: bytes that are others at each start. */
  readonly status: string
  /** Filter of what the node reads: the requests of every device. */
  readonly requests: string
  request(device: Uint8Array): string
  answer(device: Uint8Array): string
  /** The device, in hexadecimal, that a request's topic names. */
  deviceOf(topic: string): string | undefined
}

/** The {@link NodeTopics} of a node of a network. */
export function nodeTopics(network: Uint8Array, node: Uint8Array): NodeTopics {
  const prefix = `vitalchain/${toHex(network.subarray(0, NETWORK_PREFIX_BYTES))}/${toHex(node)}`
  return {
    status: `${prefix}/status`,
    requests: `${prefix}/+/request`,
    request: device => `${prefix}/${toHex(device)}/request`,
    answer: device => `${prefix}/${toHex(device)}/answer`,
    deviceOf(topic) {
      const [device, kind, ...rest] = topic.startsWith(`${prefix}/`)
        ? topic.slice(prefix.length + 1).split('/')
        : []
      return kind === 'request' && rest.length === 0 && /^[0-9a-f]{64}$/.test(device ?? '')
        ? device
        : undefined
    }
  }
}

/** A new name of a connection. */
export function newConnection(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(CONNECTION_BYTES))
}

/** The correlation data of a message: its connection and its number there, from 0 in each direction. */
export function correlation(connection: Uint8Array, number: number): Uint8Array {
  return concatBytes([connection, u32be(number)])
}

/** What {@link correlation} wrote; undefined for anything else. */
export function parseCorrelation(
  data: Uint8Array | undefined
): { readonly connection: Uint8Array; readonly number: number } | undefined {
  if (data?.length !== CORRELATION_BYTES) return undefined
  return {
    connection: Uint8Array.from(data.subarray(0, CONNECTION_BYTES)),
    number: new DataView(data.buffer, data.byteOffset).getUint32(CONNECTION_BYTES)
  }
}

/**
 * What one direction of a connection brings. A broker may deliver a message twice and, when a client connects again, not at all.
 */
export class NumberedMessages {
  readonly #connection: Uint8Array
  #next = 0

  constructor(connection: Uint8Array) {
    this.#connection = connection
  }

  /** `lost`: a message before this one is missing, so the connection is over. */
  take(data: Uint8Array | undefined): 'next' | 'again' | 'lost' | 'other' {
    const read = parseCorrelation(data)
    if (read === undefined || !equalBytes(read.connection, this.#connection)) return 'other'
    if (read.number < this.#next) return 'again'
    if (read.number > this.#next) return 'lost'
    this.#next++
    return 'next'
  }
}
