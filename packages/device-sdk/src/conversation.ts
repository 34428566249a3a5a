import {
  equalBytes,
  signSession,
  toHex,
  VitalchainError,
  type DeviceAnswer,
  type DeviceRequest,
  type Signer
} from '@vitalchain/core'
import { asSessionError, connectionLost } from './node-session.ts'
import type { DeviceConnection } from './transport.ts'

/** A conversation with a node in which each request waits for its answer: for a device that the ledger does not know yet. */
export class Conversation {
  readonly #connection: DeviceConnection
  readonly #answers: AsyncIterator<DeviceAnswer>
  readonly #hello: Extract<DeviceAnswer, { type: 'hello' }>
  #requests = 0

  private constructor(
    connection: DeviceConnection,
    answers: AsyncIterator<DeviceAnswer>,
    hello: Extract<DeviceAnswer, { type: 'hello' }>
  ) {
    this.#connection = connection
    this.#answers = answers
    this.#hello = hello
  }

  /** @throws VitalchainError `ERR_OTHER_NETWORK`, `ERR_DEVICE_PROTOCOL` or what ended the connection */
  static async open(connection: DeviceConnection, network: Uint8Array): Promise<Conversation> {
    const answers = connection.answers[Symbol.asyncIterator]()
    const hello = await nextOf(answers)
    if (hello.type !== 'hello') throw protocolFault()
    if (!equalBytes(hello.network, network))
      throw new VitalchainError('ERR_OTHER_NETWORK', 'the node belongs to another network')
    return new Conversation(connection, answers, hello)
  }

  /** Hands over a transaction without a payload. @throws VitalchainError the node's refusal */
  async submit(transaction: Uint8Array): Promise<void> {
    await this.#ask(request => ({ type: 'submit', request, transaction, payload: undefined }))
  }

  /** Shows the node who the device is. @throws VitalchainError `ERR_DEVICE_UNKNOWN` while the ledger does not know it */
  async session(signer: Signer, device: Uint8Array): Promise<void> {
    const { network, node, challenge } = this.#hello
    const session = await signSession(signer, { network, device, challenge, node })
    await this.#ask(request => ({ type: 'session', request, session }))
  }

  /** The receipt of a transaction of the device, not verified yet. */
  async receipt(id: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#ask(request => ({ type: 'receipt', request, id }), id)
    if (answer.type !== 'receipt') throw protocolFault()
    return answer.receipt
  }

  async #ask(make: (request: number) => DeviceRequest, id?: Uint8Array): Promise<DeviceAnswer> {
    const request = this.#requests++
    await this.#connection.send(make(request)).catch((cause: unknown) => {
      throw connectionLost(cause)
    })
    while (true) {
      const answer = await nextOf(this.#answers)
      if (answer.type === 'receipt') {
        // Others come unasked.
        if (id !== undefined && toHex(answer.id) === toHex(id)) return answer
      } else if (!('request' in answer) || answer.request !== request) {
        throw protocolFault()
      } else if (answer.type === 'refused') {
        const { code, message, retryable } = answer
        throw new VitalchainError(code, message, { retryable })
      } else {
        return answer
      }
    }
  }
}

async function nextOf(answers: AsyncIterator<DeviceAnswer>): Promise<DeviceAnswer> {
  const next = await answers.next().catch((error: unknown) => {
    throw asSessionError(error)
  })
  if (next.done === true) throw connectionLost()
  return next.value
}

function protocolFault(): VitalchainError {
  return new VitalchainError('ERR_DEVICE_PROTOCOL', 'the node broke the protocol', {
    retryable: true
  })
}
