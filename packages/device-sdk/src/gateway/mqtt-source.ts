import { errorCode, isVitalchainError, sha256, toHex, VitalchainError } from '@vitalchain/core'
import type { MqttOptions } from '../transports/mqtt.ts'
import { Broker, checkBrokerUrl, PUBACK } from './broker.ts'
import { readJsonMessage, type JsonDefaults, type JsonMessage } from './json-values.ts'
import { UNACKED_FLUSH } from './limits.ts'
import type { GatewayIntake, GatewaySource } from './source.ts'
import { isTopicFilter, matchesTopic } from './topic-filter.ts'

/** Which sensor's messages come under a topic, and what they leave out. */
export interface MqttTopic extends JsonDefaults {
  /** A topic, or a filter with `+` and `#`; of several that match the first one counts. */
  readonly topic: string
  /** The sensor's name in the gateway, or a function of the topic that tells it. */
  readonly sensor: string | ((topic: string) => string | undefined)
  /** Whether its readings go past any backlog. Default false. */
  readonly urgent?: boolean
  /**
   * Reads payloads that are neither numbers nor the JSON that the gateway knows. What it throws counts as
   * `ERR_GATEWAY_PAYLOAD`.
   */
  readonly decode?: (payload: Uint8Array, topic: string) => JsonMessage
}

/** What {@link mqttSource} needs. */
export interface MqttSourceInit {
  /** Of the broker: `mqtt:`, `mqtts:`, `ws:` or `wss:`. It speaks MQTT 5. */
  readonly url: string
  readonly topics: readonly MqttTopic[]
  /** The name under which the broker keeps what came while the gateway was away: one of its own for each gateway. */
  readonly clientId: string
  /** For events and counts. Default: `mqtt`. */
  readonly name?: string
  readonly options?: Omit<MqttOptions, 'clientId'>
}

/** Nothing is wrong with the message: it stays with the broker until a gateway can store it. */
const NOT_STORED: ReadonlySet<string> = new Set([
  'ERR_DEVICE_STOPPED',
  'ERR_GATEWAY_STORE',
  'ERR_OUTBOX_FAILED'
])

/**
 * Sensors that publish numbers or JSON to an MQTT broker. With quality of service 1 a message is acknowledged when it is in a
 * signed statement on disk; the broker keeps what is not, for a week.
 *
 * @throws VitalchainError `ERR_GATEWAY_INIT`
 */
export function mqttSource(init: MqttSourceInit): GatewaySource {
  checkInit(init)
  const { name = 'mqtt', url, topics, clientId, options = {} } = init
  let broker: Broker | undefined
  return {
    name,
    async start(intake) {
      broker = new Broker({
        url,
        options: { ...options, clientId },
        filters: topics.map(({ topic }) => topic),
        qos: 1,
        isKept: true,
        onMessage: (topic, payload) => takeMessage(topics, topic, payload, intake),
        onUnacked: count => {
          if (count % UNACKED_FLUSH === 0) intake.flush()
        },
        onConnected: () => intake.report({ type: 'connected' }),
        onDisconnected: error => intake.report({ type: 'disconnected', error })
      })
    },
    async stop() {
      await broker?.close()
    }
  }
}

/** @returns the reason code of the acknowledgement; undefined when the message is to come again */
async function takeMessage(
  topics: readonly MqttTopic[],
  topic: string,
  payload: Uint8Array,
  intake: GatewayIntake
): Promise<number | undefined> {
  let sensor: string | undefined
  try {
    const rule = topics.find(each => matchesTopic(each.topic, topic))
    sensor = typeof rule?.sensor === 'function' ? rule.sensor(topic) : rule?.sensor
    if (rule === undefined || sensor === undefined)
      throw new VitalchainError('ERR_GATEWAY_SENSOR', 'no sensor has this topic')
    const { values, id } = rule.decode?.(payload, topic) ?? readJsonMessage(payload, rule)
    const isTimed = values.every(({ time }) => time !== undefined)
    const identity = id ?? (isTimed ? toHex(sha256(payload)) : undefined)
    await intake.take({
      sensor,
      values,
      urgent: rule.urgent ?? false,
      identity: identity === undefined ? undefined : `${topic}\0${identity}`
    })
    return PUBACK.success
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'ERR_DEVICE_STOPPED')
      intake.report({ type: 'refused', sensor, error: asPayloadError(error) })
    return NOT_STORED.has(code) ? undefined : PUBACK.refused
  }
}

/** What a maker's own decoder throws may quote the payload. */
function asPayloadError(error: unknown): VitalchainError {
  return isVitalchainError(error)
    ? error
    : new VitalchainError('ERR_GATEWAY_PAYLOAD', "the sensor's message cannot be read")
}

function checkInit({ url, topics, clientId }: MqttSourceInit): void {
  checkBrokerUrl(url)
  if (clientId.length === 0)
    throw new VitalchainError('ERR_GATEWAY_INIT', 'a gateway at a broker has a name of its own')
  if (topics.length === 0 || !topics.every(({ topic }) => isTopicFilter(topic)))
    throw new VitalchainError(
      'ERR_GATEWAY_INIT',
      'a source has topics, and each is a filter of MQTT'
    )
}
