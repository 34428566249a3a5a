import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { VitalchainError } from '@vitalchain/core'
import { PROBLEM_TYPE, toProblem } from './problem.ts'

/** Makes a WebSocket of a request. What it throws, or rejects with, refuses the request as a problem. */
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer
) => void | Promise<void>

/** Who takes WebSockets (RFC 6455), by path. */
export interface Upgrades {
  add(path: string, handler: UpgradeHandler): void
}

/** What {@link createUpgrades} needs. */
export interface UpgradesInit {
  /** Origins whose pages may open sockets, beside the server's own. */
  readonly allowOrigins: readonly string[]
  /** Aborts when the server closes. */
  readonly closing: AbortSignal
  /** Counts a request of a client. @throws VitalchainError `ERR_RATE` */
  readonly take: (request: IncomingMessage) => void
}

const ignore = (): void => undefined

/** Makes the {@link Upgrades} of a server: all that opens sockets on it goes through here. */
export function createUpgrades(
  server: Server,
  { allowOrigins, closing, take }: UpgradesInit
): Upgrades {
  const handlers = new Map<string, UpgradeHandler>()

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    take(request)
    const { origin, host } = request.headers
    const handler = handlers.get(URL.parse(request.url ?? '', 'http://node')?.pathname ?? '')
    if (handler === undefined)
      throw new VitalchainError('ERR_NOT_FOUND', 'nothing here takes a WebSocket')
    if (origin !== undefined && !allowOrigins.includes(origin) && URL.parse(origin)?.host !== host)
      throw new VitalchainError('ERR_FORBIDDEN', 'pages of this origin are not let in')
    if (closing.aborted)
      throw new VitalchainError('ERR_BUSY', 'the node stops', { retryable: true })
    await handler(request, socket, head)
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Until a WebSocket has it: a client that is gone is no fault.
    socket.on('error', ignore)
    upgrade(request, socket, head).then(
      () => socket.off('error', ignore),
      error => refuseUpgrade(socket, error)
    )
  })
  return { add: (path, handler) => void handlers.set(path, handler) }
}

/** Says why there is no WebSocket, as a problem, and closes. */
export function refuseUpgrade(
  socket: Duplex,
  error: unknown = new VitalchainError('ERR_REQUEST', 'not a WebSocket handshake (RFC 6455)')
): void {
  const { problem, headers } = toProblem(error)
  const text = JSON.stringify(problem)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`
  )
}
