import { signSession, type DeviceAnswer, type DeviceRequest, type Signer } from '@vitalchain/core'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import type { LedgerNode } from '../../src/index.ts'

/** A request whose number the connection chooses. */
type Ask = DeviceRequest extends infer R ? (R extends unknown ? Omit<R, 'request'> : never) : never

/** A device that says exactly what a test tells it to, over real libp2p. */
export interface RawDevice {
  /** Sends a request and waits for its answer; receipts that come unasked are kept in `receipts`. */
  ask(ask: Ask): Promise<DeviceAnswer>
  /** Shows who it is. */
  login(signer: Signer, device: Uint8Array): Promise<DeviceAnswer>
  readonly receipts: Uint8Array[]
  close(): Promise<void>
}

/** Connects to a node. */
export async function connectRaw(
  t: { teardown(fn: () => unknown): void },
  node: LedgerNode
): Promise<RawDevice> {
  const transport = libp2pTransport({ network: node.network, addresses: node.addresses() })
  const connection = await transport.connect({ signal: AbortSignal.timeout(5_000) })
  const answers = connection.answers[Symbol.asyncIterator]()
  const close = async (): Promise<void> => {
    await connection.close()
    await transport.close?.()
  }
  t.teardown(close)
  async function next(): Promise<DeviceAnswer> {
    const result = await answers.next()
    if (result.done === true) throw new Error('the node closed the connection')
    return result.value
  }
  const hello = await next()
  if (hello.type !== 'hello') throw new Error('the node does not speak first')
  const receipts: Uint8Array[] = []
  let number = 0
  const device: RawDevice = {
    receipts,
    close,
    async ask(ask) {
      const request = ++number
      await connection.send({ ...ask, request })
      for (;;) {
        const answer = await next()
        if (answer.type === 'receipt') {
          receipts.push(answer.receipt)
          if (ask.type === 'receipt') return answer
        } else if ('request' in answer && answer.request === request) return answer
      }
    },
    async login(signer, id) {
      const session = await signSession(signer, {
        network: hello.network,
        device: id,
        challenge: hello.challenge,
        node: hello.node
      })
      return device.ask({ type: 'session', session })
    }
  }
  return device
}
