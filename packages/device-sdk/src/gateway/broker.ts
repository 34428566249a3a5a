import { sha256, toHex, VitalchainError } from '@vitalchain/core'
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import type { MqttOptions } from '../transports/mqtt.ts'
import {
  BROKER_RETRY_MS,
  BROKER_SESSION_S,
  SENSOR_MESSAGE_BYTES_MAX,
  UNACKED_MAX
} from './limits.ts'

/** Bytes of a packet around its payload: the topic, at most 65 535 by the standard, and properties. Longer ones are not for us. */
const PACKET_OVERHEAD_BYTES = 1_024

/** How often the broker is asked whether it is there while nothing comes, s. */
const KEEPALIVE_S = 15

/** Reason codes of PUBACK, MQTT 5 section 3.4.2.1: taken, and not taken for a reason that is in our counts. */
export const PUBACK: { readonly success: 0; readonly refused: 0x83 } = {
  success: 0,
  refused: 0x83
}

/** Reason codes of SUBACK from here on are refusals, MQTT 5 section 3.9.3. */
const REFUSED = 0x80

/** First byte of a PUBACK packet, MQTT 5 section 3.4.1. */
const PUBACK_TYPE = 0x40

/** What a connection to a broker needs. */
export interface BrokerInit {
  readonly url: string
  readonly options: MqttOptions
  /** Filters of topics, and the quality of service they are asked for with. */
  readonly filters: readonly string[]
  readonly qos: 0 | 1
  /** Whether the broker keeps what came while the gateway was away. */
  readonly isKept: boolean
  readonly will?: IClientOptions['will']
  /**
   * Takes a message; resolves with the reason code of its acknowledgement, or undefined when it is to come again. Never
   * rejects. What it does before it waits happens in the order of the messages.
   */
  readonly onMessage: (topic: string, payload: Uint8Array) => Promise<number | undefined>
  /** So many messages are under way. */
  readonly onUnacked: (count: number) => void
  readonly onConnected: (client: MqttClient) => void
  readonly onDisconnected: (error: unknown) => void
}

/** A message that is not acknowledged yet. */
interface Unacked {
  readonly digest: string
  /** The connection that it came over last. */
  connection: object
  /** What it is acknowledged with, once that is known. */
  code: number | undefined
}

/**
 * A connection to an MQTT 5 broker that acknowledges each message when it is stored, many under way at once. What is not
 * acknowledged when the connection breaks is delivered again, recognized by its packet identifier and not taken twice.
 */
export class Broker {
  readonly #init: BrokerInit
  readonly #client: MqttClient
  /** By packet identifier: those that the broker is owed an acknowledgement of. */
  readonly #unacked = new Map<number, Unacked>()
  readonly #underWay = new Set<Promise<unknown>>()
  /** Another one for each connection: an acknowledgement on the next one could be of another message. */
  #connection = {}
  #closing = false

  constructor(init: BrokerInit) {
    this.#init = init
    const { url, options, isKept, will } = init
    this.#client = connect(url, {
      ...options,
      protocolVersion: 5,
      clean: !isKept,
      reconnectPeriod: BROKER_RETRY_MS,
      // A broker that was set up anew, or does not yet know the gateway's password, is tried again too.
      reconnectOnConnackError: true,
      resubscribe: false,
      keepalive: KEEPALIVE_S,
      properties: {
        receiveMaximum: UNACKED_MAX,
        maximumPacketSize: SENSOR_MESSAGE_BYTES_MAX + PACKET_OVERHEAD_BYTES,
        ...(isKept ? { sessionExpiryInterval: BROKER_SESSION_S } : {})
      },
      ...(will === undefined ? {} : { will })
    })
    this.#client.handleMessage = (packet, callback) => this.#take(packet, callback)
    this.#client.on('connect', ({ sessionPresent }) => {
      this.#connection = {}
      // Then the broker counts its packets anew.
      if (!sessionPresent) this.#unacked.clear()
      void this.#subscribe()
    })
    let last: unknown
    this.#client.on('error', error => {
      last = error
    })
    this.#client.on('close', () => {
      this.#connection = {}
      if (!this.#closing) init.onDisconnected(last)
      last = undefined
    })
  }

  async #subscribe(): Promise<void> {
    const { filters, qos, onConnected, onDisconnected } = this.#init
    try {
      // Not what the broker retains: an old value would come again, as if it were new.
      const granted = await this.#client.subscribeAsync([...filters], { qos, rh: 2 })
      if (granted.some(each => each.qos >= REFUSED))
        throw new VitalchainError('ERR_UNREACHABLE', 'the broker refused a subscription', {
          retryable: true
        })
      onConnected(this.#client)
    } catch (error) {
      onDisconnected(error)
    }
  }

  /**
   * Called for one message after the other, when the one before was called back. An error makes the client go on without an
   * acknowledgement, which is ours then.
   */
  #take(
    { topic, payload, qos, messageId, dup }: IPublishPacket,
    callback: (error?: Error) => void
  ): void {
    const bytes = Uint8Array.from(typeof payload === 'string' ? Buffer.from(payload) : payload)
    if (qos === 1 && messageId !== undefined) this.#takeOnce(topic, bytes, messageId, dup)
    else this.#begin(this.#init.onMessage(topic, bytes))
    const goOn = (): void => callback(qos === 1 ? new Error('acknowledged later') : undefined)
    // Nothing more is read while so many are under way. Of those that are acknowledged the broker sends no more.
    if (this.#underWay.size <= UNACKED_MAX) goOn()
    else void Promise.race(this.#underWay).then(goOn)
  }

  #takeOnce(topic: string, payload: Uint8Array, messageId: number, isAgain: boolean): void {
    const connection = this.#connection
    const digest = toHex(sha256(Buffer.concat([Buffer.from(`${topic}\0`), payload])))
    const before = this.#unacked.get(messageId)
    if (isAgain && before?.digest === digest) {
      before.connection = connection
      this.#acknowledge(messageId, before)
      return
    }
    const unacked: Unacked = { digest, connection, code: undefined }
    this.#unacked.set(messageId, unacked)
    const take = async (): Promise<void> => {
      unacked.code = await this.#init.onMessage(topic, payload)
      this.#acknowledge(messageId, unacked)
    }
    this.#begin(take())
  }

  #begin(work: Promise<unknown>): void {
    const done = work.finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
    this.#init.onUnacked(this.#underWay.size)
  }

  #acknowledge(messageId: number, unacked: Unacked): void {
    const { code, connection } = unacked
    if (code === undefined || connection !== this.#connection || !this.#client.connected) return
    if (this.#unacked.get(messageId) === unacked) this.#unacked.delete(messageId)
    // The client has no call for an acknowledgement of one's own time.
    this.#client.stream.write(Uint8Array.of(PUBACK_TYPE, 3, messageId >> 8, messageId & 0xff, code))
  }

  /** Closes the connection behind the acknowledgements of what is stored. Never rejects. */
  async close(
    before: (client: MqttClient) => Promise<unknown> = async () => undefined
  ): Promise<void> {
    this.#closing = true
    await Promise.allSettled(this.#underWay)
    if (this.#client.connected) await before(this.#client).catch(() => undefined)
    await this.#client.endAsync(!this.#client.connected).catch(() => undefined)
  }
}

/** Refuses what is no address of a broker. @throws VitalchainError `ERR_GATEWAY_INIT` */
export function checkBrokerUrl(url: string): void {
  if (!URL.canParse(url) || !/^(?:mqtts?|wss?):$/.test(new URL(url).protocol))
    throw new VitalchainError(
      'ERR_GATEWAY_INIT',
      'a broker has an address of mqtt:, mqtts:, ws: or wss:'
    )
}
