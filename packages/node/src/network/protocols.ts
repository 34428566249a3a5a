import { toHex, VitalchainError } from '@vitalchain/core'

/** Bytes of the network id that name its protocols: enough that two networks never meet by chance. */
const NETWORK_PREFIX_BYTES = 8

const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,63}$/

/** The names under which one network speaks. Another network's peers find no common protocol. */
export interface ProtocolNames {
  /** Member links: proposals, votes, view changes. */
  readonly links: string
  /** The DHT. */
  readonly dht: string
  /** A request or session protocol. */
  stream(name: string): string
  /** A gossip topic. */
  topic(name: string): string
}

/** The protocol names of a network. `name`s are lower-case words of at most 64 characters. */
export function protocolNames(networkId: Uint8Array): ProtocolNames {
  const prefix = `/vitalchain/${toHex(networkId.subarray(0, NETWORK_PREFIX_BYTES))}`
  return {
    links: `${prefix}/consensus/1`,
    dht: `${prefix}/kad/1.0.0`,
    stream: name => `${prefix}/${checked(name)}/1`,
    topic: name => `${prefix}/${checked(name)}`
  }
}

function checked(name: string): string {
  // "consensus" is the links' own name.
  if (!NAME_PATTERN.test(name) || name === 'consensus') {
    throw new VitalchainError('ERR_PROTOCOL_NAME', `"${name}" is no name for a protocol or topic`)
  }
  return name
}
