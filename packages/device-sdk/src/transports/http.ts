import {
  decodeTransaction,
  deviceAnswerFormat,
  deviceRequestFormat,
  RECEIPT_BYTES_MAX,
  VitalchainError,
  type DeviceAnswer,
  type DeviceRequest
} from '@vitalchain/core'
import { asSessionError, connectionLost } from '../node-session.ts'
import type { DeviceConnection, DeviceTransport } from '../transport.ts'
import { AnswerQueue } from './answer-queue.ts'
import { greetingRequest } from './greet.ts'
import { inTurn, parseNodeAddress, unreachable, type NodeAddress } from './node-address.ts'
import { readBody } from './read-body.ts'

/** Where a node takes requests of devices. */
const PATH = '/v1/device'

/** The header with the token of a session. */
const SESSION_HEADER = 'vitalchain-session'

/** How long a node may keep a question for a receipt until the statement is committed, s. */
const RECEIPT_WAIT_S = 20

/** Requests at once beside one question for a receipt per lane: together the six that a browser sends to one host. */
const REQUESTS_AT_ONCE = 4

/** The longest answer, in bytes: a receipt, and the few bytes around it. */
const ANSWER_BYTES_MAX = RECEIPT_BYTES_MAX + 64

/** What {@link httpTransport} needs. */
export interface HttpTransportInit {
  /**
   * Nodes, such as `https://node.example:7700#` and the node's transport key (64 hexadecimal digits). Each connection goes to
   * the next one.
   */
  readonly addresses: readonly string[]
  /** Default: the platform's. Another one may go through a proxy, or trust other certificates. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/**
 * Reaches nodes by HTTP requests: nothing but an outbound connection is needed, and a proxy may stand between. spec S-10
 *
 * @throws VitalchainError `ERR_ADDRESS` for an address that does not say which node stands behind it
 */
export function httpTransport({
  addresses,
  fetch = globalThis.fetch
}: HttpTransportInit): DeviceTransport {
  const next = inTurn(addresses.map(text => parseNodeAddress(text, ['http:', 'https:'])))
  return {
    name: 'http',
    async connect({ signal }) {
      const address = next()
      const connection = new HttpConnection(address, fetch)
      const abort = (): void => void connection.close()
      signal.addEventListener('abort', abort)
      try {
        signal.throwIfAborted()
        await connection.greet()
        return connection
      } finally {
        signal.removeEventListener('abort', abort)
      }
    }
  }
}

/** A session over single requests. What a stream would bring unasked, it asks for. */
class HttpConnection implements DeviceConnection {
  readonly #address: NodeAddress
  readonly #url: string
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly #queue = new AnswerQueue()
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  /** Accepted statements whose receipts are waited for, by lane; a lane with an entry has a loop that asks. */
  readonly #accepted = new Map<number, Uint8Array[]>()
  readonly answers: AsyncIterable<DeviceAnswer> = this.#queue.read()
  #token: string | undefined

  constructor(address: NodeAddress, fetch: (url: string, init: RequestInit) => Promise<Response>) {
    this.#address = address
    this.#url = new URL(PATH, address.url).href
    this.#fetch = fetch
  }

  /** @throws VitalchainError `ERR_UNREACHABLE`, `ERR_NODE_KEY`, `ERR_DEVICE_PROTOCOL` (all retryable) */
  async greet(): Promise<void> {
    const greeting = greetingRequest(this.#address.node)
    this.#queue.push(greeting.hello(await this.#post(greeting.request)))
  }

  async send(request: DeviceRequest): Promise<void> {
    while (this.#underWay.size >= REQUESTS_AT_ONCE) await Promise.race(this.#underWay)
    if (this.#closing.signal.aborted) throw connectionLost()
    const work = this.#ask(request).catch((error: unknown) => this.#end(asSessionError(error)))
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }

  async #ask(request: DeviceRequest): Promise<void> {
    const answer = await this.#post(request)
    this.#requireSession(answer)
    this.#queue.push(answer)
    if (request.type === 'submit' && answer.type === 'done') this.#expect(request.transaction)
  }

  /** Sees to it that the receipt of an accepted statement is asked for, behind those of its lane. */
  #expect(bytes: Uint8Array): void {
    const transaction = decodeTransaction(bytes)
    if (transaction.type !== 'statement' || this.#token === undefined) return
    const { lane } = transaction.statement
    const waiting = this.#accepted.get(lane)
    if (waiting !== undefined) {
      waiting.push(transaction.id)
      return
    }
    this.#accepted.set(lane, [transaction.id])
    this.#askReceipts(lane).catch((error: unknown) => this.#end(asSessionError(error)))
  }

  /** One question at a time: statements of a lane are committed in order. */
  async #askReceipts(lane: number): Promise<void> {
    const waiting = this.#accepted.get(lane) ?? []
    while (!this.#closing.signal.aborted) {
      const id = waiting[0]
      if (id === undefined) break
      const answer = await this.#post({ type: 'receipt', request: 0, id }, RECEIPT_WAIT_S)
      this.#requireSession(answer)
      if (answer.type === 'receipt') this.#queue.push(answer)
      else if (answer.type !== 'refused') throw connectionLost()
      else if (answer.code === 'ERR_NOT_COMMITTED') continue
      else throw new VitalchainError(answer.code, answer.message, { retryable: true })
      waiting.shift()
    }
    this.#accepted.delete(lane)
  }

  /** A token that the node no longer knows (it restarted, or time is up) ends the connection; the next one has a new token. */
  #requireSession(answer: DeviceAnswer): void {
    if (answer.type === 'refused' && answer.code === 'ERR_SESSION' && this.#token !== undefined)
      throw connectionLost()
  }

  async #post(request: DeviceRequest, waitS: number = 0): Promise<DeviceAnswer> {
    const { signal } = this.#closing
    const token = this.#token
    // That of a browser throws when it is called as a method of something else.
    const fetch = this.#fetch
    let response: Response
    let body: Uint8Array
    try {
      response = await fetch(waitS === 0 ? this.#url : `${this.#url}?wait=${waitS}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/cbor',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
        },
        body: Uint8Array.from(deviceRequestFormat.encode(request)),
        credentials: 'omit',
        redirect: 'error',
        signal
      })
      body = await readBody(response, ANSWER_BYTES_MAX)
    } catch (cause) {
      throw unreachable(this.#address, cause)
    }
    if (response.status !== 200)
      throw new VitalchainError('ERR_UNREACHABLE', 'the node answers, but does not serve devices', {
        values: { status: response.status },
        retryable: true
      })
    if (request.type === 'session') this.#token = response.headers.get(SESSION_HEADER) ?? undefined
    return deviceAnswerFormat.decode(body)
  }

  #end(error: Error): void {
    this.#queue.end(error)
    this.#closing.abort()
  }

  async close(): Promise<void> {
    this.#queue.end()
    this.#closing.abort()
    await Promise.all(this.#underWay)
  }
}
