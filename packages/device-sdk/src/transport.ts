import type { DeviceAnswer, DeviceRequest } from '@vitalchain/core'

/** One way to reach nodes: libp2p, a WebSocket, a gateway. Each connection may end at another node. */
export interface DeviceTransport {
  /** A short name for events and logs. */
  readonly name: string
  /**
   * Connects to the next node in turn. Rejects when the signal is aborted or that node cannot be reached; the device
   * then waits and calls again.
   */
  connect(options: { readonly signal: AbortSignal }): Promise<DeviceConnection>
  /** Frees what the transport holds between connections. Called once, by the device's `stop()`. */
  close?(): Promise<void>
}

/**
 * A connection to one node, which speaks first (`hello`). The transport says who the node is: it refuses a `hello`
 * whose node key is not the key that the connection is authenticated with.
 */
export interface DeviceConnection {
  /** Sends a request; resolves when the network takes more. Rejects when the connection is lost. */
  send(request: DeviceRequest): Promise<void>
  /** What the node says, in order; one reader. Ends or throws when the connection is lost, and ends after `close()`. */
  readonly answers: AsyncIterable<DeviceAnswer>
  /** Closes the connection, at once if the node does not answer. May be called twice. Never rejects. */
  close(): Promise<void>
}
