import { VitalchainError } from '@vitalchain/core'
import { WebSocketServer, type WebSocket } from 'ws'
import { DEVICE_REQUEST_BYTES_MAX } from '../devices/device-requests.ts'
import { refuseUpgrade, type Upgrades } from '../http/upgrades.ts'
import type { DeviceDoor } from '../types.ts'
import { webSocketFrames } from './websocket-frames.ts'

/** The path where devices open sockets. */
const PATH = '/v1/device'

/**
 * Sockets at once: half of the connections of the API, so that requests are always served. One over which no device showed who
 * it is gives way to the next that comes, the oldest first: else strangers could keep devices out.
 */
export const WEBSOCKETS_MAX: number = 256

/** How often each socket is pinged, ms. A dead one is found and cut within two; proxies cut silent ones later. */
const PING_INTERVAL_MS = 10_000

/** How long the devices have to close their sockets when the listener closes, ms. */
const CLOSE_MS = 1_000

/** What {@link listenForWebSockets} needs. */
export interface WebSocketListenerInit {
  /** Asked at each connection, so that the node may start later. */
  readonly door: () => DeviceDoor
  /** Aborts when the server closes. */
  readonly closing: AbortSignal
}

/** Lets devices open WebSockets (RFC 6455) on an HTTP server: one binary message for each request and answer. spec S-11 */
export function listenForWebSockets(
  upgrades: Upgrades,
  { door, closing }: WebSocketListenerInit
): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: DEVICE_REQUEST_BYTES_MAX,
    // Ciphertext and signatures do not shrink.
    perMessageDeflate: false
  })
  const alive = new WeakSet<WebSocket>()
  /** Sockets over which no device has shown who it is, the oldest first. */
  const strangers = new Set<WebSocket>()

  sockets.on('wsClientError', (_error, socket) => refuseUpgrade(socket))
  upgrades.add(PATH, (request, socket, head) => {
    if (sockets.clients.size >= WEBSOCKETS_MAX) {
      const [oldest] = strangers
      if (oldest === undefined)
        throw new VitalchainError('ERR_BUSY', 'too many sockets are open', { retryable: true })
      strangers.delete(oldest)
      oldest.terminate()
    }
    sockets.handleUpgrade(request, socket, head, opened => {
      alive.add(opened)
      strangers.add(opened)
      const known = (): unknown => strangers.delete(opened)
      opened.on('close', known)
      opened.on('pong', () => alive.add(opened))
      const frames = webSocketFrames(opened)
      const peer = request.socket.remoteAddress ?? 'unknown'
      try {
        void door().serve(frames, { peer, authenticated: false, onSession: known })
      } catch (error) {
        // The node is not running.
        frames.abort(error instanceof Error ? error : new Error('not served'))
      }
    })
  })

  const pinging = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!alive.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }, PING_INTERVAL_MS)
  pinging.unref()

  closing.addEventListener('abort', () => {
    clearInterval(pinging)
    for (const socket of sockets.clients) {
      socket.close(1_001)
      setTimeout(() => socket.terminate(), CLOSE_MS).unref()
    }
  })
}
