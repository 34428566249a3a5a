import {
  deviceAnswerFormat,
  deviceRequestFormat,
  type DeviceAnswer,
  type DeviceRequest
} from '@vitalchain/core'
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { asSessionError, connectionLost } from '../node-session.ts'
import type { DeviceConnection, DeviceTransport } from '../transport.ts'
import { AnswerQueue } from './answer-queue.ts'
import { greeted } from './greet.ts'
import {
  correlation,
  newConnection,
  nodeTopics,
  NumberedMessages,
  type NodeTopics
} from './mqtt-messages.ts'
import { inTurn, parseNodeAddress, unreachable, type NodeAddress } from './node-address.ts'

export {
  correlation,
  nodeTopics,
  NumberedMessages,
  parseCorrelation,
  type NodeTopics
} from './mqtt-messages.ts'

/** How long the broker may take to say that the node is there, ms: it keeps that answer at hand. */
const STATUS_MS = 3_000

/** How often the broker is asked whether it is there while nothing is sent, s. A dead one is found within one and a half. */
const KEEPALIVE_S = 15

/** How long the broker may take to take the last message, ms. */
const CLOSE_MS = 1_000

/** The reason code of a message that nobody reads, MQTT 5 section 3.4.2.1. */
const NO_MATCHING_SUBSCRIBERS = 0x10

const EMPTY = new Uint8Array(0)

/** How a device shows a broker who it is, and whom it trusts; as the `mqtt` package has them. */
export type MqttOptions = Pick<
  IClientOptions,
  'clientId' | 'username' | 'password' | 'ca' | 'cert' | 'key' | 'rejectUnauthorized'
>

/** What {@link mqttTransport} needs. */
export interface MqttTransportInit {
  /** The network id, 32 bytes: `networkId(genesis)`. */
  readonly network: Uint8Array
  /** The device's identifier, 32 bytes. */
  readonly device: Uint8Array
  /**
   * Brokers and the nodes behind them, such as `mqtts://broker.example:8883#` and the node's transport key (64 hexadecimal
   * digits). Each connection goes to the next one.
   */
  readonly addresses: readonly string[]
  readonly options?: MqttOptions
}

/**
 * Reaches nodes through an MQTT 5 broker (OASIS, 2019) at which they listen too. spec S-12
 *
 * @throws VitalchainError `ERR_ADDRESS` for an address that does not say which node stands behind it
 */
export function mqttTransport({
  network,
  device,
  addresses,
  options = {}
}: MqttTransportInit): DeviceTransport {
  const next = inTurn(
    addresses.map(text => parseNodeAddress(text, ['mqtt:', 'mqtts:', 'ws:', 'wss:']))
  )
  return {
    name: 'mqtt',
    async connect({ signal }) {
      signal.throwIfAborted()
      const address = next()
      const connection = new MqttConnection(
        address,
        nodeTopics(network, address.node),
        device,
        options
      )
      const abort = (): void => void connection.close()
      signal.addEventListener('abort', abort)
      try {
        await connection.open()
        return connection
      } catch (error) {
        await connection.close()
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    }
  }
}

/** A connection to a node by way of a broker. It ends with the one to the broker: the device then makes another. */
class MqttConnection implements DeviceConnection {
  readonly #address: NodeAddress
  readonly #topics: NodeTopics
  readonly #device: Uint8Array
  readonly #name = newConnection()
  readonly #received = new NumberedMessages(this.#name)
  readonly #queue = new AnswerQueue()
  readonly #client: MqttClient
  readonly #there = Promise.withResolvers<void>()
  readonly answers: AsyncIterable<DeviceAnswer>
  #status: string | undefined
  #sent = 0
  #closed: Promise<void> | undefined

  constructor(address: NodeAddress, topics: NodeTopics, device: Uint8Array, options: MqttOptions) {
    this.#address = address
    this.#topics = topics
    this.#device = device
    this.answers = greeted(request => this.send(request), this.#queue.read(), address.node)
    this.#there.promise.catch(() => undefined)
    this.#client = connect(address.url.href, {
      ...options,
      protocolVersion: 5,
      clean: true,
      // The device connects again itself, perhaps elsewhere.
      reconnectPeriod: 0,
      keepalive: KEEPALIVE_S,
      will: {
        topic: topics.request(device),
        payload: Buffer.alloc(0),
        qos: 1,
        retain: false,
        properties: { correlationData: Buffer.from(correlation(this.#name, 0)) }
      }
    })
    this.#client.on('message', (topic, payload, packet) => this.#take(topic, payload, packet))
    this.#client.on('error', error => this.#end(error))
    this.#client.on('close', () => this.#end(undefined))
  }

  /** @throws VitalchainError `ERR_UNREACHABLE` (retryable): no broker, or no such node at it */
  async open(): Promise<void> {
    const timer = setTimeout(
      () => this.#there.reject(unreachable(this.#address, new Error('the node is not there'))),
      STATUS_MS
    )
    try {
      const subscribed = this.#client
        .subscribeAsync([this.#topics.answer(this.#device), this.#topics.status], { qos: 1 })
        .catch((cause: unknown) => {
          throw unreachable(this.#address, cause)
        })
      await Promise.all([subscribed, this.#there.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  async send(request: DeviceRequest): Promise<void> {
    if (this.#closed !== undefined) throw connectionLost()
    // What is under way at once is bounded above, so it need not wait until the broker has it.
    this.#publish(deviceRequestFormat.encode(request)).catch((error: unknown) => this.#end(error))
  }

  async #publish(payload: Uint8Array): Promise<void> {
    const packet = await this.#client.publishAsync(
      this.#topics.request(this.#device),
      Buffer.from(payload),
      {
        qos: 1,
        properties: { correlationData: Buffer.from(correlation(this.#name, this.#sent++)) }
      }
    )
    if (packet?.cmd === 'puback' && packet.reasonCode === NO_MATCHING_SUBSCRIBERS)
      throw connectionLost()
  }

  #take(topic: string, payload: Uint8Array, { properties }: IPublishPacket): void {
    if (topic === this.#topics.status) return this.#takeStatus(payload)
    const taken = this.#received.take(properties?.correlationData)
    if (taken === 'other' || taken === 'again') return
    if (taken === 'lost' || payload.length === 0) return this.#end(undefined)
    try {
      this.#queue.push(deviceAnswerFormat.decode(Uint8Array.from(payload)))
    } catch (error) {
      this.#end(error)
    }
  }

  /** Another status than before is another start of the node, or its end: it knows nothing of this connection. */
  #takeStatus(payload: Uint8Array): void {
    const status = payload.join()
    if (this.#status !== undefined && status !== this.#status) return this.#end(undefined)
    if (status === '') return
    this.#status = status
    this.#there.resolve()
  }

  #end(error: unknown): void {
    this.#there.reject(unreachable(this.#address, error))
    this.#queue.end(asSessionError(error))
    void this.close()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#queue.end()
    this.#there.reject(connectionLost())
    const force = setTimeout(() => this.#client.end(true), CLOSE_MS)
    try {
      // Else the node would keep the session until another one of this device.
      if (this.#client.connected) await this.#publish(EMPTY)
      await this.#client.endAsync()
    } catch {
      // The broker is gone. It tells the node for us.
      this.#client.end(true)
    } finally {
      clearTimeout(force)
    }
  }
}
