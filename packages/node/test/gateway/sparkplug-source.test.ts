import { readFileSync } from 'node:fs'
import { fromHex } from '@vitalchain/core'
import { sparkplugSource } from '@vitalchain/device-sdk/gateway'
import { connectAsync, type MqttClient } from 'mqtt'
import t, { type Test } from 'tap'
import { noMosquitto, startMosquitto } from '../listeners/mosquitto.ts'
import { until } from '../node/wait.ts'
import { GatewayNetwork } from './gateway-network.ts'

const skip = { skip: noMosquitto() ?? false }

const file = new URL('../../../../test/vectors/gateway/sparkplug.json', import.meta.url)
/** Payloads that Eclipse Tahu's library made. */
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, string>>
const TIME = 1_700_000_000_000

/** An edge node with one device, which says who it is when it is asked. */
class EdgeNode {
  readonly #client: MqttClient
  rebirths = 0

  constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload) => {
      if (topic !== 'spBv1.0/ward-3/NCMD/edge' || !payload.includes('Node Control/Rebirth')) return
      this.rebirths++
      void this.birth()
    })
  }

  static async open(t: Test, url: string): Promise<EdgeNode> {
    const client = await connectAsync(url, { reconnectPeriod: 50, protocolVersion: 4 })
    t.teardown(() => client.end(true))
    await client.subscribeAsync('spBv1.0/ward-3/NCMD/edge', { qos: 1 })
    return new EdgeNode(client)
  }

  async birth(): Promise<void> {
    await this.publish('NBIRTH/edge', 'nbirth')
    await this.publish('DBIRTH/edge/monitor', 'dbirth')
  }

  /** A vector, or other bytes in hexadecimal. The last field of those that have a number is `seq`, in one byte. */
  async publish(topic: string, vector: string, seq?: number): Promise<void> {
    const payload = Buffer.from(fromHex(vectors[vector] ?? vector))
    if (seq !== undefined) payload[payload.length - 1] = seq
    await this.#client.publishAsync(`spBv1.0/ward-3/${topic}`, payload, { qos: 0 })
  }
}

t.test(
  'a Sparkplug device is on the ledger: births, aliases, a gap, a host that dies',
  skip,
  async t => {
    const broker = await startMosquitto(t)
    const ward = await GatewayNetwork.open(t)
    const watcher = await connectAsync(broker.url)
    t.teardown(() => watcher.end(true))
    const states: unknown[] = []
    watcher.on('message', (_, payload) => {
      const { online } = JSON.parse(payload.toString()) as { readonly online: boolean }
      states.push(online)
    })
    await watcher.subscribeAsync('spBv1.0/STATE/vitalchain', { qos: 1 })
    const source = sparkplugSource({
      url: broker.url,
      hostId: 'vitalchain',
      sensors: [
        {
          sensor: 'bed-1',
          group: 'ward-3',
          node: 'edge',
          device: 'monitor',
          metrics: {
            'Vitals/Heart Rate': { name: '8867-4', unit: '/min' },
            'Vitals/Temperature': { name: '8310-5', unit: 'Cel' },
            'Vitals/Rhythm': { name: 'rhythm', urgent: true },
            Template: { name: 'template' }
          }
        }
      ]
    })
    const gateway = await ward.start(t, ['bed-1'], source)
    await until('the gateway listens', () => ward.events.some(({ type }) => type === 'connected'))
    await until('it says so to edge nodes', () => states.includes(true))
    const edge = await EdgeNode.open(t, broker.url)
    const stored = () => gateway.status().sensors[0]?.stored

    await edge.birth()
    await until('its first values are stored', () => stored() === 3)
    await edge.publish('DDATA/edge/monitor', 'ddata')
    await until('data by aliases is stored', () => stored() === 5)
    t.equal(edge.rebirths, 0)

    // A value of no type that a reading has does not spoil the others; nor does what is no protobuf.
    await edge.publish('DDATA/edge/monitor', 'types', 3)
    await until('it is counted', () => gateway.status().sources[0]?.refused['ERR_SPARKPLUG'] === 1)
    await edge.publish('DDATA/edge/monitor', '12ff')
    await until('and that', () => gateway.status().sources[0]?.refused['ERR_GATEWAY_PAYLOAD'] === 1)

    // A message is lost: the node is asked for its birth, and what comes again with that is not recorded again.
    await edge.publish('DDATA/edge/monitor', 'ddata', 9)
    await until('the birth came', () => edge.rebirths === 1)
    await until('it is known', () => gateway.status().sensors[0]!.repeated >= 5)
    t.equal(stored(), 5)
    t.match(gateway.status().sources[0]?.refused, { ERR_SPARKPLUG_GAP: 1 })
    t.match(
      ward.events.filter(({ type }) => type === 'rebirth'),
      [{ type: 'rebirth', node: 'ward-3/edge', source: 'sparkplug' }]
    )

    await gateway.drained()
    const recorded = await ward.recorded(gateway, 'bed-1')
    t.ok(recorded.every(({ statement }) => statement.flags === 2 && statement.clock === undefined))
    t.match(
      recorded
        .flatMap(({ readings }) => readings)
        .toSorted((a, b) => a.name.localeCompare(b.name) || a.time - b.time),
      [
        { name: '8310-5', unit: 'Cel', value: 36.75, time: TIME + 900 },
        { name: '8310-5', unit: 'Cel', value: 36.625, time: TIME + 1 },
        { name: '8867-4', unit: '/min', value: 72, time: TIME + 1 },
        { name: '8867-4', unit: '/min', value: 73, time: TIME + 1_000 },
        { name: 'rhythm', value: 'sinus', time: TIME + 1 }
      ].toSorted((a, b) => a.name.localeCompare(b.name) || a.time - b.time)
    )
    t.ok(
      recorded.some(({ statement }) => statement.lane === 1),
      'the urgent one in its own lane'
    )
    await gateway.stop()
    await until('edge nodes are told that it is gone', () => states.at(-1) === false)
  }
)

t.test(
  'a broker that starts again is found again, and edge nodes are asked who they are',
  skip,
  async t => {
    const broker = await startMosquitto(t)
    const ward = await GatewayNetwork.open(t)
    const metrics = { 'Vitals/Heart Rate': { name: '8867-4', unit: '/min' } }
    const source = sparkplugSource({
      url: broker.url,
      sensors: [{ sensor: 'bed-1', group: 'ward-3', node: 'edge', device: 'monitor', metrics }]
    })
    const gateway = await ward.start(t, ['bed-1'], source)
    const connections = () => ward.events.filter(({ type }) => type === 'connected').length
    await until('the gateway listens', () => connections() === 1)
    const edge = await EdgeNode.open(t, broker.url)
    await edge.birth()
    await until('the birth is stored', () => gateway.status().sensors[0]?.stored === 1)
    await broker.restart()
    await until('the gateway is back', () => connections() === 2)
    t.ok(ward.events.some(({ type }) => type === 'disconnected'))
    await edge.publish('DDATA/edge/monitor', 'ddata')
    await until('data is stored', () => gateway.status().sensors[0]?.stored === 2)
    await until('the node was asked', () => edge.rebirths === 1)
  }
)
