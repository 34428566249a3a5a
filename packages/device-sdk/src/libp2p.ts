import type { Libp2p, Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  deviceAnswerFormat,
  deviceRequestFormat,
  equalBytes,
  RECEIPT_BYTES_MAX,
  VitalchainError,
  type DeviceAnswer
} from '@vitalchain/core'
import { closeStream, readFrames, writeFrame } from './framing.ts'
import { createDeviceHost, networkProtocol } from './libp2p-host.ts'
import { findMembers, memberPeers } from './member-addresses.ts'
import type { DeviceConnection, DeviceTransport } from './transport.ts'

export { createDeviceHost, type DeviceHostInit } from './libp2p-host.ts'

/** The longest frame that a node sends, in bytes: a receipt, and the few bytes around it. */
const ANSWER_BYTES_MAX = RECEIPT_BYTES_MAX + 64

/** What {@link libp2pTransport} needs. */
export interface Libp2pTransportInit {
  /** The network id, 32 bytes: `networkId(genesis)`. */
  readonly network: Uint8Array
  /** Multiaddrs of nodes that end in `/p2p/` and the node's PeerId; each connection goes to the next one. */
  readonly addresses: readonly string[]
  /** The genesis document: with it the other founding members are found from any one of the addresses. */
  readonly genesis?: Uint8Array
  /** A host that others use too; the caller starts and stops it. Default: one of its own, from the first connection on. */
  readonly host?: Libp2p
}

/** A transport over libp2p that says which nodes it tries. */
export interface Libp2pTransport extends DeviceTransport {
  /** The multiaddrs that are tried in turn: those given, and members found since. */
  addresses(): readonly string[]
}

/** The libp2p protocol between devices and nodes of a network. spec S-1. */
export function deviceProtocol(network: Uint8Array): string {
  return `${networkProtocol(network)}/device/1`
}

/**
 * Reaches nodes over libp2p: TCP or WebSocket, Noise, Yamux, one stream of frames for each connection.
 *
 * @throws VitalchainError `ERR_ADDRESS` for an address that does not say which node stands behind it
 */
export function libp2pTransport(init: Libp2pTransportInit): Libp2pTransport {
  const known = init.addresses.map(parseAddress)
  const members = init.genesis === undefined ? [] : memberPeers(init.genesis)
  const protocol = deviceProtocol(init.network)
  const closing = new AbortController()
  let own: Promise<Libp2p> | undefined
  let looking: Promise<void> | undefined
  let turn = 0

  /** Adds the members that are not known yet to those that are tried in turn. */
  async function lookAround(host: Libp2p): Promise<void> {
    const missing = members.filter(
      peer => !known.some(address => address.toString().endsWith(`/p2p/${peer.toString()}`))
    )
    if (missing.length > 0) known.push(...(await findMembers(host, missing, closing.signal)))
  }

  return {
    name: 'libp2p',
    addresses: () => known.map(address => address.toString()),
    async connect({ signal }) {
      const address = known[turn++ % known.length]
      if (address === undefined)
        throw new VitalchainError('ERR_ADDRESS', 'the transport has no addresses')
      const host = init.host ?? (await (own ??= openHost(init.network)))
      signal.throwIfAborted()
      try {
        const connection = await host.dial(address, { signal })
        const nodeKey = connection.remotePeer.publicKey?.raw ?? new Uint8Array(0)
        const stream = await connection.newStream(protocol, { signal })
        looking ??= lookAround(host).finally(() => {
          looking = undefined
        })
        return connect(stream, nodeKey)
      } catch (cause) {
        throw new VitalchainError('ERR_UNREACHABLE', `no node answers at ${address.toString()}`, {
          cause,
          retryable: true
        })
      }
    },
    async close() {
      closing.abort()
      await looking
      const host = await own
      await host?.stop()
    }
  }
}

async function openHost(network: Uint8Array): Promise<Libp2p> {
  const host = await createDeviceHost({ network })
  await host.start()
  return host
}

function connect(stream: Stream, nodeKey: Uint8Array): DeviceConnection {
  return {
    send: request => writeFrame(stream, deviceRequestFormat.encode(request)),
    answers: readAnswers(stream, nodeKey),
    close: () => closeStream(stream)
  }
}

async function* readAnswers(stream: Stream, nodeKey: Uint8Array): AsyncGenerator<DeviceAnswer> {
  for await (const frame of readFrames(stream, ANSWER_BYTES_MAX)) {
    const answer = deviceAnswerFormat.decode(frame)
    // Else a node could pass on the challenge of another one and use the session that the device signs for it.
    if (answer.type === 'hello' && !equalBytes(answer.node, nodeKey)) {
      throw new VitalchainError('ERR_NODE_KEY', 'the node names another key than its connection', {
        retryable: true
      })
    }
    yield answer
  }
}

function parseAddress(text: string): Multiaddr {
  try {
    const address = multiaddr(text)
    if (address.getComponents().at(-1)?.name === 'p2p') return address
  } catch (cause) {
    throw new VitalchainError('ERR_ADDRESS', `"${text}" is not a multiaddr`, { cause })
  }
  throw new VitalchainError('ERR_ADDRESS', `"${text}" does not end in /p2p/ and a PeerId`)
}
