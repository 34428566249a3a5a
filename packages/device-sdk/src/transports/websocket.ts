import { deviceAnswerFormat, deviceRequestFormat, type DeviceRequest } from '@vitalchain/core'
import { asSessionError, connectionLost } from '../node-session.ts'
import type { DeviceConnection, DeviceTransport } from '../transport.ts'
import { AnswerQueue } from './answer-queue.ts'
import { greeted } from './greet.ts'
import { inTurn, parseNodeAddress, unreachable, type NodeAddress } from './node-address.ts'

/** Where a node opens sockets for devices. */
const PATH = '/v1/device'

/** What {@link webSocketTransport} needs. */
export interface WebSocketTransportInit {
  /**
   * Nodes, such as `wss://node.example:7700#` and the node's transport key (64 hexadecimal digits). Each connection goes to the
   * next one.
   */
  readonly addresses: readonly string[]
  /** Opens a socket. Default: the platform's `WebSocket`. */
  readonly open?: (url: string) => WebSocket
}

/**
 * Reaches nodes by WebSocket (RFC 6455), one binary message for each request and answer. spec S-11
 *
 * @throws VitalchainError `ERR_ADDRESS` for an address that does not say which node stands behind it
 */
export function webSocketTransport({
  addresses,
  open = url => new WebSocket(url)
}: WebSocketTransportInit): DeviceTransport {
  const next = inTurn(addresses.map(text => parseNodeAddress(text, ['ws:', 'wss:'])))
  return {
    name: 'websocket',
    async connect({ signal }) {
      const address = next()
      signal.throwIfAborted()
      let socket: WebSocket
      try {
        socket = open(new URL(PATH, address.url).href)
      } catch (cause) {
        throw unreachable(address, cause)
      }
      socket.binaryType = 'arraybuffer'
      await opened(socket, address, signal)
      return connection(socket, address)
    }
  }
}

/** Resolves when the socket is open. */
async function opened(socket: WebSocket, address: NodeAddress, signal: AbortSignal): Promise<void> {
  const settled = new AbortController()
  try {
    await new Promise<void>((resolve, reject) => {
      const listen = { signal: settled.signal }
      socket.addEventListener('open', () => resolve(), listen)
      socket.addEventListener('close', () => reject(unreachable(address)), listen)
      signal.addEventListener('abort', () => reject(unreachable(address, signal.reason)), listen)
    })
  } catch (error) {
    socket.close()
    throw error
  } finally {
    settled.abort()
  }
}

function connection(socket: WebSocket, { node }: NodeAddress): DeviceConnection {
  const queue = new AnswerQueue()
  socket.addEventListener('message', (event: MessageEvent) => {
    try {
      const data: unknown = event.data
      // A text message is none of this protocol.
      if (!(data instanceof ArrayBuffer)) throw connectionLost()
      queue.push(deviceAnswerFormat.decode(new Uint8Array(data)))
    } catch (error) {
      queue.end(asSessionError(error))
      socket.close()
    }
  })
  // An 'error' says nothing, and 'close' follows it.
  socket.addEventListener('close', () => queue.end(connectionLost()))
  // The socket takes what a device has under way at once, at most 1 MiB, so nobody has to wait for it.
  const send = async (request: DeviceRequest): Promise<void> => {
    if (socket.readyState !== socket.OPEN) throw connectionLost()
    socket.send(Uint8Array.from(deviceRequestFormat.encode(request)))
  }
  return {
    send,
    answers: greeted(send, queue.read(), node),
    async close() {
      queue.end()
      socket.close()
    }
  }
}
