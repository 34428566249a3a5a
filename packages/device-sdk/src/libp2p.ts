import type { Libp2p, Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import {
  deviceAnswerFormat,
  deviceRequestFormat,
  equalBytes,
  RECEIPT_BYTES_MAX,
  toHex,
  VitalchainError,
  type DeviceAnswer
} from '@vitalchain/core'
import { closeStream, readFrames, writeFrame } from './framing.ts'
import { createDeviceHost } from './libp2p-host.ts'
import type { DeviceConnection, DeviceTransport } from './transport.ts'

export { createDeviceHost } from './libp2p-host.ts'

/** The longest frame that a node sends, in bytes: a receipt, and the few bytes around it. */
const ANSWER_BYTES_MAX = RECEIPT_BYTES_MAX + 64

/** Bytes of the network id that name its protocols. */
const NETWORK_PREFIX_BYTES = 8

/** What {@link libp2pTransport} needs. */
export interface Libp2pTransportInit {
  /** The network id, 32 bytes: `networkId(genesis)`. */
  readonly network: Uint8Array
  /** Multiaddrs of nodes that end in `/p2p/` and the node's PeerId; each connection goes to the next one. */
  readonly addresses: readonly string[]
  /** A host that others use too; the caller starts and stops it. Default: one of its own, from the first connection on. */
  readonly host?: Libp2p
}

/** The libp2p protocol between devices and nodes of a network. spec S-1. */
export function deviceProtocol(network: Uint8Array): string {
  return `/vitalchain/${toHex(network.subarray(0, NETWORK_PREFIX_BYTES))}/device/1`
}

/**
 * Reaches nodes over libp2p: TCP, Noise, Yamux, one stream of frames for each connection.
 *
 * @throws VitalchainError `ERR_ADDRESS` for an address that does not say which node stands behind it
 */
export function libp2pTransport(init: Libp2pTransportInit): DeviceTransport {
  const addresses = init.addresses.map(parseAddress)
  const protocol = deviceProtocol(init.network)
  let own: Promise<Libp2p> | undefined
  let turn = 0

  return {
    name: 'libp2p',
    async connect({ signal }) {
      const address = addresses[turn++ % addresses.length]
      if (address === undefined)
        throw new VitalchainError('ERR_ADDRESS', 'the transport has no addresses')
      const host = init.host ?? (await (own ??= openHost()))
      signal.throwIfAborted()
      try {
        const connection = await host.dial(address, { signal })
        const nodeKey = connection.remotePeer.publicKey?.raw ?? new Uint8Array(0)
        return connect(await connection.newStream(protocol, { signal }), nodeKey)
      } catch (cause) {
        throw new VitalchainError('ERR_UNREACHABLE', `no node answers at ${address.toString()}`, {
          cause,
          retryable: true
        })
      }
    },
    async close() {
      const host = await own
      await host?.stop()
    }
  }
}

async function openHost(): Promise<Libp2p> {
  const host = await createDeviceHost()
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
