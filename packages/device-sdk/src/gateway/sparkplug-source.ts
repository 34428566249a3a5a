import { errorCode, isVitalchainError, VitalchainError } from '@vitalchain/core'
import type { MqttClient } from 'mqtt'
import type { MqttOptions } from '../transports/mqtt.ts'
import { Broker, checkBrokerUrl, PUBACK } from './broker.ts'
import { EdgeNode, type NamedMetric, type SparkplugMessageType } from './edge-node.ts'
import { EDGE_NODES_MAX, REBIRTH_MS, UNACKED_FLUSH } from './limits.ts'
import { decodeSparkplug, encodeRebirth } from './sparkplug-payload.ts'
import { metricFlag, metricTime, metricValue } from './sparkplug-values.ts'
import type { GatewayIntake, GatewaySource, SensorValue } from './source.ts'

/** What a metric is on the ledger. */
export interface SparkplugMetric {
  /** What is measured, for example a LOINC code. */
  readonly name: string
  /** In UCUM. */
  readonly unit?: string
  /** Whether its readings go past any backlog. Default false. */
  readonly urgent?: boolean
}

/** Which sensor an edge node, or a device of one, is. */
export interface SparkplugSensor {
  /** The sensor's name in the gateway. */
  readonly sensor: string
  readonly group: string
  readonly node: string
  /** Without it: the edge node itself. */
  readonly device?: string
  /** By the names of metrics; others are not recorded. */
  readonly metrics: Readonly<Record<string, SparkplugMetric>>
}

/** What {@link sparkplugSource} needs. */
export interface SparkplugSourceInit {
  /** Of the broker: `mqtt:`, `mqtts:`, `ws:` or `wss:`. It speaks MQTT 5. */
  readonly url: string
  readonly sensors: readonly SparkplugSensor[]
  /**
   * The gateway's name as a host application: edge nodes that name it as their primary host keep their data while it is
   * away (section 5.5). Without it the gateway only listens, and asks for births.
   */
  readonly hostId?: string
  /** For events and counts. Default: `sparkplug`. */
  readonly name?: string
  readonly options?: MqttOptions
}

const NAMESPACE = 'spBv1.0'

const TYPES: ReadonlySet<string> = new Set<SparkplugMessageType>([
  'NBIRTH',
  'NDEATH',
  'DBIRTH',
  'DDEATH',
  'NDATA',
  'DDATA'
])

/**
 * Edge nodes that speak Sparkplug B, version 3.0.0. Their messages have quality of service 0: what was published while the gateway was away
 * is lost, unless the edge node keeps it for its primary host.
 *
 * @throws VitalchainError `ERR_GATEWAY_INIT`
 */
export function sparkplugSource(init: SparkplugSourceInit): GatewaySource {
  checkInit(init)
  return new SparkplugSource(init)
}

/** An edge node, and when it was last asked for its birth. */
interface EdgeState {
  readonly node: EdgeNode
  askedAt: number
}

class SparkplugSource implements GatewaySource {
  readonly name: string
  readonly #init: SparkplugSourceInit
  readonly #edges = new Map<string, EdgeState>()
  #broker: Broker | undefined
  #client: MqttClient | undefined
  /** When the gateway began, ms since 1970: the time in its births and its will. */
  #began = 0

  constructor(init: SparkplugSourceInit) {
    this.#init = init
    this.name = init.name ?? 'sparkplug'
  }

  async start(intake: GatewayIntake): Promise<void> {
    const { url, sensors, hostId, options = {} } = this.#init
    const groups = new Set(sensors.map(({ group }) => group))
    const began = Math.floor(intake.now())
    this.#began = began
    this.#broker = new Broker({
      url,
      options,
      filters: [...groups].map(group => `${NAMESPACE}/${group}/#`),
      qos: 0,
      isKept: false,
      ...(hostId === undefined
        ? {}
        : {
            will: {
              topic: stateTopic(hostId),
              payload: stateOf(false, began),
              qos: 1 as const,
              retain: true
            }
          }),
      onMessage: (topic, payload) => this.#take(topic, payload, intake),
      onUnacked: count => {
        if (count % UNACKED_FLUSH === 0) intake.flush()
      },
      onConnected: client => {
        this.#client = client
        // What was published in the meantime is lost; the next message of each tells whether there was something.
        for (const { node } of this.#edges.values()) node.forget()
        if (hostId !== undefined) this.#announce(client, hostId)
        intake.report({ type: 'connected' })
      },
      onDisconnected: error => intake.report({ type: 'disconnected', error })
    })
  }

  /** The time in it is that of the will: by it an edge node tells this connection's end from an older one's. Section 6.4.27 */
  #announce(client: MqttClient, hostId: string): void {
    client.publish(stateTopic(hostId), stateOf(true, this.#began), { qos: 1, retain: true })
  }

  async #take(topic: string, payload: Uint8Array, intake: GatewayIntake): Promise<number> {
    const [namespace, group = '', type = '', node = '', device, ...more] = topic.split('/')
    // Commands to edge nodes, of this gateway or of others, and what is no Sparkplug.
    if (namespace !== NAMESPACE || !isMessageType(type) || more.length > 0) return PUBACK.success
    const ofNode = this.#init.sensors.filter(each => each.group === group && each.node === node)
    if (ofNode.length === 0) return PUBACK.success
    const sensor = ofNode.find(each => each.device === device)
    try {
      const decoded = decodeSparkplug(payload)
      const edge = this.#edge(`${group}/${node}`)
      const news = edge.node.take(type, decoded)
      if (news.isGap)
        this.#refuse(intake, sensor, 'ERR_SPARKPLUG_GAP', 'messages of an edge node are missing')
      if (news.unnamed > 0)
        this.#refuse(intake, sensor, 'ERR_SPARKPLUG_ALIAS', 'a metric has an unknown alias')
      if (news.needsBirth) this.#askBirth(edge, group, node, intake)
      if (sensor !== undefined)
        await Promise.all(
          news.metrics.map(metric => this.#record(metric, decoded.timestamp, sensor, intake))
        )
    } catch (error) {
      this.#report(intake, sensor, error)
    }
    return PUBACK.success
  }

  /** Values one by one: a birth brings again what came before, and by its time and value it is known. */
  async #record(
    { name, datatype, metric }: NamedMetric,
    published: bigint | undefined,
    sensor: SparkplugSensor,
    intake: GatewayIntake
  ): Promise<void> {
    const meaning = Object.hasOwn(sensor.metrics, name) ? sensor.metrics[name] : undefined
    if (meaning === undefined) return
    try {
      const value = metricValue(metric, datatype)
      if (value === undefined) return
      const time = metricTime(metric.timestamp ?? published)
      const flag = metricFlag(metric.quality)
      const reading: SensorValue = {
        name: meaning.name,
        value,
        ...(meaning.unit === undefined ? {} : { unit: meaning.unit }),
        ...(time === undefined ? {} : { time }),
        ...(flag === undefined ? {} : { flag })
      }
      await intake.take({
        sensor: sensor.sensor,
        values: [reading],
        urgent: meaning.urgent ?? false,
        identity: time === undefined ? undefined : JSON.stringify([name, time, value])
      })
    } catch (error) {
      this.#report(intake, sensor, error)
    }
  }

  #edge(name: string): EdgeState {
    const known = this.#edges.get(name)
    if (known !== undefined) return known
    const edge = { node: new EdgeNode(), askedAt: -Infinity }
    this.#edges.set(name, edge)
    return edge
  }

  #askBirth(edge: EdgeState, group: string, node: string, intake: GatewayIntake): void {
    const now = performance.now()
    if (now - edge.askedAt < REBIRTH_MS || this.#client?.connected !== true) return
    edge.askedAt = now
    const payload = Buffer.from(encodeRebirth(intake.now()))
    this.#client.publish(`${NAMESPACE}/${group}/NCMD/${node}`, payload, { qos: 0 })
    intake.report({ type: 'rebirth', node: `${group}/${node}` })
  }

  #refuse(
    intake: GatewayIntake,
    sensor: SparkplugSensor | undefined,
    code: string,
    message: string
  ): void {
    this.#report(intake, sensor, new VitalchainError(code, message))
  }

  #report(intake: GatewayIntake, sensor: SparkplugSensor | undefined, error: unknown): void {
    if (errorCode(error) === 'ERR_DEVICE_STOPPED') return
    const known = isVitalchainError(error)
      ? error
      : new VitalchainError('ERR_GATEWAY_PAYLOAD', 'the payload cannot be read')
    intake.report({ type: 'refused', sensor: sensor?.sensor, error: known })
  }

  async stop(): Promise<void> {
    const { hostId } = this.#init
    await this.#broker?.close(async client =>
      hostId === undefined
        ? undefined
        : client.publishAsync(stateTopic(hostId), stateOf(false, this.#began), {
            qos: 1,
            retain: true
          })
    )
  }
}

function isMessageType(text: string): text is SparkplugMessageType {
  return TYPES.has(text)
}

function stateTopic(hostId: string): string {
  return `${NAMESPACE}/STATE/${hostId}`
}

function stateOf(online: boolean, timestamp: number): Buffer {
  return Buffer.from(JSON.stringify({ online, timestamp }))
}

function checkInit({ url, sensors, hostId }: SparkplugSourceInit): void {
  checkBrokerUrl(url)
  const names = sensors.flatMap(({ group, node, device }) => [group, node, device ?? 'none'])
  const rules: readonly (readonly [boolean, string])[] = [
    [sensors.length > 0, 'a source has sensors'],
    [
      new Set(sensors.map(({ group, node }) => `${group}/${node}`)).size <= EDGE_NODES_MAX,
      `a source has at most ${EDGE_NODES_MAX} edge nodes`
    ],
    [
      [...names, hostId ?? 'none'].every(each => each.length > 0 && !/[/+#\0]/.test(each)),
      'the names of groups, nodes, devices and hosts have no / + #'
    ]
  ]
  for (const [holds, rule] of rules) if (!holds) throw new VitalchainError('ERR_GATEWAY_INIT', rule)
}
