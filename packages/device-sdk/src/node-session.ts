import {
  equalBytes,
  errorCode,
  isVitalchainError,
  signSession,
  toHex,
  VitalchainError,
  type DeviceAnswer,
  type LaneHead,
  type Signer,
  type TimeAnswer
} from '@vitalchain/core'
import type { OutboxEntry } from './outbox.ts'
import type { DeviceConnection } from './transport.ts'

/** What a session needs to know of its device. */
export interface SessionIdentity {
  readonly network: Uint8Array
  readonly device: Uint8Array
  /** The device's keys, the newest first: while a rotation is on its way the ledger still knows the one before. */
  readonly signers: readonly Signer[]
}

/** Who is told what a node says unasked. */
export interface SessionListener {
  /** Any receipt, asked for or not, not verified yet. What it throws ends the session. */
  onReceipt(id: Uint8Array, receipt: Uint8Array): void
  /** The session is over; every question still open was rejected with the same error. Called once. */
  onEnd(error: VitalchainError): void
}

/** A request on its way. */
interface Question {
  readonly answered: PromiseWithResolvers<DeviceAnswer>
  /** The hexadecimal identity whose receipt answers it. */
  readonly receiptOf: string | undefined
}

/** A device's conversation with one node, open until the connection ends. */
export class NodeSession {
  /** The node's transport key. */
  readonly node: Uint8Array
  readonly #connection: DeviceConnection
  readonly #listener: SessionListener
  readonly #questions = new Map<number, Question>()
  readonly #receiptQuestions = new Map<string, number>()
  #requests = 0
  #over: VitalchainError | undefined

  private constructor(connection: DeviceConnection, node: Uint8Array, listener: SessionListener) {
    this.#connection = connection
    this.node = node
    this.#listener = listener
  }

  /**
   * Waits for the node's hello and signs its challenge.
   *
   * @throws VitalchainError `ERR_OTHER_NETWORK`, `ERR_CONNECTION_LOST`, `ERR_DEVICE_PROTOCOL`, or the code of the node's refusal
   */
  static async open(
    connection: DeviceConnection,
    { network, device, signers }: SessionIdentity,
    listener: SessionListener
  ): Promise<NodeSession> {
    const answers = connection.answers[Symbol.asyncIterator]()
    const first = await answers.next().catch((error: unknown) => {
      throw asSessionError(error)
    })
    if (first.done === true) throw connectionLost()
    const hello = first.value
    if (hello.type !== 'hello') throw protocolFault('a node says hello first')
    if (!equalBytes(hello.network, network))
      throw new VitalchainError('ERR_OTHER_NETWORK', 'the node belongs to another network')
    const { node, challenge } = hello
    const session = new NodeSession(connection, node, listener)
    void session.#read(answers)
    for (const [k, signer] of signers.entries()) {
      const signed = await signSession(signer, { network, device, challenge, node })
      const { answered } = await session.#ask(request => ({
        type: 'session',
        request,
        session: signed
      }))
      try {
        await answered
        break
      } catch (error) {
        if (errorCode(error) !== 'ERR_SIGNATURE' || k === signers.length - 1) throw error
      }
    }
    return session
  }

  /** Where the node says that a lane of this device stands. */
  async head(lane: 0 | 1): Promise<LaneHead | undefined> {
    const { answered } = await this.#ask(request => ({ type: 'head', request, lane }))
    const answer = await answered
    if (answer.type !== 'head') throw protocolFault('a question for a head is answered with one')
    return answer.lane
  }

  /** What the members sign about the time, judged by nobody yet. */
  async time(nonce: Uint8Array): Promise<readonly TimeAnswer[]> {
    const { answered } = await this.#ask(request => ({ type: 'time', request, nonce }))
    const answer = await answered
    if (answer.type !== 'time') throw protocolFault('a question for the time is answered with one')
    return answer.answers
  }

  /** Hands over a statement; resolves when it is written. `answered` resolves when the node accepted it. */
  submit({ transaction, payload }: OutboxEntry): Promise<{ readonly answered: Promise<unknown> }> {
    return this.#ask(request => ({ type: 'submit', request, transaction, payload }))
  }

  /** Asks for a receipt; resolves when that is written. `answered` resolves with it, after the listener was told. */
  async receipt(id: Uint8Array): Promise<{ readonly answered: Promise<Uint8Array> }> {
    const { answered } = await this.#ask(request => ({ type: 'receipt', request, id }), id)
    const receipt = answered.then(answer => {
      if (answer.type !== 'receipt')
        throw protocolFault('a question for a receipt is answered with one')
      return answer.receipt
    })
    receipt.catch(() => undefined)
    return { answered: receipt }
  }

  async #ask(
    make: (request: number) => Parameters<DeviceConnection['send']>[0],
    receiptOf?: Uint8Array
  ): Promise<{ readonly answered: Promise<DeviceAnswer> }> {
    if (this.#over !== undefined) throw this.#over
    const request = this.#requests++
    const id = receiptOf === undefined ? undefined : toHex(receiptOf)
    const answered = Promise.withResolvers<DeviceAnswer>()
    // The caller listens only once the request is written.
    answered.promise.catch(() => undefined)
    this.#questions.set(request, { answered, receiptOf: id })
    if (id !== undefined) this.#receiptQuestions.set(id, request)
    try {
      await this.#connection.send(make(request))
    } catch (cause) {
      const error = connectionLost(cause)
      this.#end(error)
      throw error
    }
    return { answered: answered.promise }
  }

  async #read(answers: AsyncIterator<DeviceAnswer>): Promise<void> {
    try {
      for (let next = await answers.next(); next.done !== true; next = await answers.next())
        this.#take(next.value)
      this.#end(connectionLost())
    } catch (error) {
      this.#end(asSessionError(error))
    }
  }

  #take(answer: DeviceAnswer): void {
    switch (answer.type) {
      case 'hello':
      case 'greeting':
        throw protocolFault('a node says hello once')
      case 'receipt': {
        this.#listener.onReceipt(answer.id, answer.receipt)
        // Without a question it was sent unasked.
        const request = this.#receiptQuestions.get(toHex(answer.id))
        if (request !== undefined) this.#question(request).answered.resolve(answer)
        return
      }
      case 'refused': {
        const { code, message, retryable } = answer
        this.#question(answer.request).answered.reject(
          new VitalchainError(code, message, { retryable })
        )
        return
      }
      case 'done':
      case 'head':
      case 'time':
        this.#question(answer.request).answered.resolve(answer)
    }
  }

  #question(request: number): Question {
    const question = this.#questions.get(request)
    if (question === undefined) throw protocolFault('a node answers what it was asked')
    this.#questions.delete(request)
    if (question.receiptOf !== undefined) this.#receiptQuestions.delete(question.receiptOf)
    return question
  }

  #end(error: VitalchainError): void {
    if (this.#over !== undefined) return
    this.#over = error
    for (const { answered } of this.#questions.values()) answered.reject(error)
    this.#questions.clear()
    this.#receiptQuestions.clear()
    this.#listener.onEnd(error)
  }
}

/** The error for a connection that broke or was closed. Retryable. */
export function connectionLost(cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_CONNECTION_LOST', 'the connection to the node was lost', {
    cause,
    retryable: true
  })
}

/** A transport's own error says more than that the connection was lost. */
export function asSessionError(error: unknown): VitalchainError {
  return isVitalchainError(error) ? error : connectionLost(error)
}

function protocolFault(rule: string): VitalchainError {
  return new VitalchainError('ERR_DEVICE_PROTOCOL', `the node broke the protocol: ${rule}`, {
    retryable: true
  })
}
