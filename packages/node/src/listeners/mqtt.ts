import { randomBytes } from 'node:crypto'
import { errorCode, fromHex, VitalchainError, type ErrorValues } from '@vitalchain/core'
import {
  correlation,
  nodeTopics,
  parseCorrelation,
  type MqttOptions
} from '@vitalchain/device-sdk/mqtt'
import { connect, type MqttClient } from 'mqtt'
import { DEVICE_REQUEST_BYTES_MAX } from '../devices/device-requests.ts'
import type { LedgerNode } from '../types.ts'
import { connectionLost, createMqttSession, type MqttSession } from './mqtt-session.ts'

/**
 * Devices at once. When another comes the one goes that was silent longest, and before it those that did not show who they are;
 * a device connects again when it has something to say.
 */
export const MQTT_SESSIONS_MAX: number = 512

/** How long the broker is left alone after a connection broke, ms. */
const RECONNECT_MS = 1_000

/** When a broker that refused this node is asked again, ms. */
const REFUSED_MS = 10_000

/** How often the broker is asked whether it is there while nothing is sent, s. A dead one is found within one and a half. */
const KEEPALIVE_S = 15

/** How long the broker may take to take the last messages, ms. */
const CLOSE_MS = 1_000

/** A number that no message of a connection has: the device takes it for the end of its connection. */
const NO_NUMBER = 0xffff_ffff

const STATUS_BYTES = 16

/** What {@link openMqttBridge} needs. */
export interface MqttBridgeInit {
  readonly node: Pick<LedgerNode, 'network' | 'transportKey' | 'deviceDoor'>
  /** The broker, such as `mqtts://broker.example:8883`. */
  readonly url: string
  readonly options?: MqttOptions
  /** Told of connections that come and go; never of a password. */
  readonly log?: (event: string, values: ErrorValues) => void
}

/** A node at an MQTT broker. */
export interface MqttBridge {
  /** Ends the sessions and leaves the broker. */
  close(): Promise<void>
}

/**
 * Serves devices through an MQTT 5 broker: the node is a client there as they are. It connects again for as long as it is open.
 * spec S-12
 *
 * @throws VitalchainError `ERR_ADDRESS` for a URL that is not of MQTT
 */
export function openMqttBridge({
  node,
  url,
  options = {},
  log = () => undefined
}: MqttBridgeInit): MqttBridge {
  const topics = nodeTopics(node.network, node.transportKey)
  /** By device and connection; the one that was silent longest first. */
  const sessions = new Map<string, MqttSession>()
  /** Names of those over which no device has shown who it is, the oldest first. */
  const strangers = new Set<string>()
  if (!/^(mqtts?|wss?):$/.test(URL.parse(url)?.protocol ?? ''))
    throw new VitalchainError('ERR_ADDRESS', 'a broker is named by an mqtt: or mqtts: URL')

  const client: MqttClient = connect(url, {
    ...options,
    protocolVersion: 5,
    clean: true,
    resubscribe: false,
    reconnectPeriod: RECONNECT_MS,
    keepalive: KEEPALIVE_S,
    // Takes the status away: devices that are connected learn of it, others see that nobody is there.
    will: { topic: topics.status, payload: Buffer.alloc(0), qos: 1, retain: true }
  })

  /** Subscribes first: who sees the status may write at once. */
  async function appear(): Promise<void> {
    try {
      await client.subscribeAsync(topics.requests, { qos: 1 })
      await client.publishAsync(topics.status, randomBytes(STATUS_BYTES), { qos: 1, retain: true })
      log('mqtt connected', {})
    } catch (error) {
      // The broker does not let this node in, until somebody tells it to.
      log('mqtt refused', { code: errorCode(error) })
      if (client.connected) setTimeout(() => void appear(), REFUSED_MS).unref()
    }
  }

  function endAll(error: VitalchainError): void {
    for (const session of sessions.values()) session.end(error)
  }

  async function publish(
    device: string,
    connection: Uint8Array,
    answer: Uint8Array,
    number: number
  ): Promise<void> {
    await client.publishAsync(topics.answer(fromHex(device)), Buffer.from(answer), {
      qos: 1,
      properties: { correlationData: Buffer.from(correlation(connection, number)) }
    })
  }

  function forget(name: string): void {
    sessions.delete(name)
    strangers.delete(name)
  }

  /** At once, and not when the session has come to its end: many may come in one moment. */
  function makeRoom(): void {
    const [silent] = sessions.keys()
    const [first = silent] = strangers
    if (first === undefined) return
    const session = sessions.get(first)
    forget(first)
    session?.end(connectionLost())
  }

  /** Opens the session of a connection that begins. */
  function open(device: string, name: string, connection: Uint8Array): MqttSession {
    if (sessions.size >= MQTT_SESSIONS_MAX) makeRoom()
    const session = createMqttSession(connection, (answer, number) =>
      publish(device, connection, answer, number)
    )
    sessions.set(name, session)
    strangers.add(name)
    const over = (): void => {
      if (sessions.get(name) === session) forget(name)
    }
    try {
      void node.deviceDoor
        .serve(session.frames, {
          peer: 'mqtt',
          authenticated: false,
          onSession: () => void strangers.delete(name)
        })
        .finally(over)
    } catch (error) {
      // The node is not running.
      session.frames.abort(error instanceof Error ? error : connectionLost())
      over()
    }
    return session
  }

  client.on('connect', () => {
    // Messages may have been lost in between.
    endAll(connectionLost())
    void appear()
  })
  client.on('close', () => endAll(connectionLost()))
  client.on('error', error => log('mqtt connection failed', { code: errorCode(error) }))
  client.on('message', (topic, payload, { properties }) => {
    const device = topics.deviceOf(topic)
    const read = parseCorrelation(properties?.correlationData)
    if (device === undefined || read === undefined) return
    const { connection, number } = read
    const name = `${device}/${connection.join()}`
    const known = sessions.get(name)
    // The end of a connection: the device's own word, or its will.
    if (payload.length === 0) return known?.end()
    const ends = payload.length > DEVICE_REQUEST_BYTES_MAX || (known === undefined && number !== 0)
    if (ends) {
      known?.end(connectionLost())
      publish(device, connection, new Uint8Array(0), NO_NUMBER).catch(() => undefined)
      return
    }
    const session = known ?? open(device, name, connection)
    // Behind those that were silent longer.
    if (sessions.delete(name)) sessions.set(name, session)
    session.take(Uint8Array.from(payload), properties?.correlationData)
  })

  return {
    async close() {
      endAll(connectionLost())
      const force = setTimeout(() => client.end(true), CLOSE_MS)
      try {
        if (client.connected)
          await client.publishAsync(topics.status, Buffer.alloc(0), { qos: 1, retain: true })
        await client.endAsync()
      } catch {
        client.end(true)
      } finally {
        clearTimeout(force)
      }
    }
  }
}
