import { connectAsync, type MqttClient } from 'mqtt'
import t, { type Test } from 'tap'
import { mqttSource, type GatewaySource } from '@vitalchain/device-sdk/gateway'
import { noMosquitto, startMosquitto } from '../listeners/mosquitto.ts'
import { until } from '../node/wait.ts'
import { GatewayNetwork } from './gateway-network.ts'

const missing = noMosquitto()
const skip = { skip: missing ?? false }
const BEDS = ['bed-1', 'bed-2']

/** Sensors that publish heart rates to a broker. */
function heartRates(url: string): GatewaySource {
  return mqttSource({
    url,
    clientId: 'gateway-of-ward-3',
    topics: [
      {
        topic: 'ward/3/+/hr',
        sensor: topic => topic.split('/')[2],
        name: '8867-4',
        unit: '/min'
      },
      { topic: 'ward/3/+/alarm', sensor: topic => topic.split('/')[2], name: 'alarm', urgent: true }
    ]
  })
}

/** A plain client, such as the sensors are, that waits for the broker as long as it is away. */
async function plainClient(t: Test, url: string): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 50, protocolVersion: 5 })
  t.teardown(() => client.end(true))
  return client
}

const isConnected = (ward: GatewayNetwork) => ward.events.some(({ type }) => type === 'connected')

t.test('plain MQTT: numbers and JSON are on the ledger, marked as a gateway’s', skip, async t => {
  const broker = await startMosquitto(t)
  const ward = await GatewayNetwork.open(t)
  const gateway = await ward.start(t, BEDS, heartRates(broker.url))
  await until('the gateway listens', () => isConnected(ward))
  const client = await plainClient(t, broker.url)
  await Promise.all([
    client.publishAsync('ward/3/bed-1/hr', '72', { qos: 1 }),
    client.publishAsync('ward/3/bed-1/hr', '{"value":73,"time":1700000000123}', { qos: 1 }),
    client.publishAsync('ward/3/bed-2/alarm', '{"value":"asystole"}', { qos: 1 }),
    client.publishAsync('ward/3/bed-1/hr', 'no number', { qos: 1 }),
    client.publishAsync('ward/3/nobody/hr', '1', { qos: 1 }),
    client.publishAsync('ward/3/bed-2/hr', '60', { qos: 0 })
  ])
  await until('all are stored', () => {
    const { sensors, sources } = gateway.status()
    return sensors[0]?.stored === 2 && sensors[1]?.stored === 2 && sources[0]?.refused !== undefined
  })
  await gateway.drained()
  const recorded = await ward.recorded(gateway, 'bed-1')
  t.match(
    recorded.toSorted((a, b) => a.statement.flags - b.statement.flags),
    [
      {
        statement: { flags: 2, clock: undefined },
        readings: [{ value: 73, time: 1_700_000_000_123 }]
      },
      { statement: { flags: 6 }, readings: [{ name: '8867-4', unit: '/min', value: 72 }] }
    ]
  )
  t.match(
    (await ward.recorded(gateway, 'bed-2'))
      .toSorted((a, b) => a.statement.lane - b.statement.lane)
      .map(({ statement }) => [statement.lane, statement.flags]),
    [
      [0, 6],
      [1, 6]
    ]
  )
  t.match(gateway.status().sources, [
    { isConnected: true, refused: { ERR_GATEWAY_PAYLOAD: 1, ERR_GATEWAY_SENSOR: 1 } }
  ])
})

t.test(
  'a message that waits to be stored when its broker starts again is stored once',
  skip,
  async t => {
    const broker = await startMosquitto(t, undefined, { isDurable: true })
    const ward = await GatewayNetwork.open(t)
    // Batches that wait for an hour: nothing is stored.
    const slow = { readings: 60, ms: 3_600_000 }
    const first = await ward.start(t, ['bed-1'], heartRates(broker.url), { batch: slow })
    await until('the gateway listens', () => isConnected(ward))
    const client = await plainClient(t, broker.url)
    // Fewer than make the gateway store at once.
    for (let k = 0; k < 10; k++) await client.publishAsync('ward/3/bed-1/hr', `${k}`, { qos: 1 })
    await until('all came', () => first.status().sensors[0]?.lastAt !== undefined)
    t.equal(first.status().sensors[0]?.stored, 0)
    await broker.restart()
    // They come again, and are known.
    await until('it is back', () => ward.events.filter(e => e.type === 'connected').length === 2)
    await client.publishAsync('ward/3/bed-1/hr', '10', { qos: 1 })
    await until('it stored all', () => {
      void first.flush()
      return first.status().sensors[0]?.stored === 11
    })
    await first.drained()
    const values = async () =>
      (await ward.recorded(first, 'bed-1')).flatMap(({ readings }) => readings.map(r => r.value))
    t.same(
      await values(),
      Array.from({ length: 11 }, (_, k) => k)
    )
  }
)

for (const [why, options] of [
  ['the gateway stopped', { isOffline: true }],
  ['its disk was full', { isFull: true }]
] as const)
  t.test(`what was not on disk when ${why} was not acknowledged: it comes again`, skip, async t => {
    const broker = await startMosquitto(t)
    const ward = await GatewayNetwork.open(t)
    const broken = await ward.start(t, ['bed-1'], heartRates(broker.url), options)
    await until('the gateway listens', () => isConnected(ward))
    const client = await plainClient(t, broker.url)
    for (let k = 0; k < 10; k++) await client.publishAsync('ward/3/bed-1/hr', `${k}`, { qos: 1 })
    await until('some came', () => broken.status().sensors[0]?.lastAt !== undefined)
    if ('isFull' in options)
      await until(
        'they are counted',
        () => ward.events.filter(e => e.type === 'refused').length === 10
      )
    await broken.stop()
    t.equal(broken.status().sensors[0]?.stored, 0)
    const gateway = await ward.start(t, ['bed-1'], heartRates(broker.url))
    await until('all are stored', () => gateway.status().sensors[0]?.stored === 10)
    await gateway.drained()
    const recorded = await ward.recorded(gateway, 'bed-1')
    t.same(
      recorded.flatMap(({ readings }) => readings.map(({ value }) => value)),
      Array.from({ length: 10 }, (_, k) => k)
    )
  })

t.test(
  'a broker that starts again, and a gateway that was away, lose nothing and double nothing',
  skip,
  async t => {
    const broker = await startMosquitto(t, undefined, { isDurable: true })
    const ward = await GatewayNetwork.open(t)
    let gateway = await ward.start(t, BEDS, heartRates(broker.url))
    await until('the gateway listens', () => isConnected(ward))
    const client = await plainClient(t, broker.url)
    const acknowledged: number[] = []
    const publish = async (from: number, to: number) => {
      const all = Array.from({ length: to - from }, async (_, k) => {
        const number = from + k
        await client.publishAsync(
          `ward/3/${BEDS[number % 2]}/hr`,
          JSON.stringify({ value: number, time: number }),
          { qos: 1 }
        )
        acknowledged.push(number)
      })
      await Promise.all(all)
    }
    await publish(0, 200)
    const midstream = publish(200, 400)
    await broker.restart()
    await midstream
    await gateway.stop()
    await publish(400, 500)
    gateway = await ward.start(t, BEDS, heartRates(broker.url))
    await publish(500, 600)
    await until('everything is stored', () => {
      const counts = gateway.status().sensors
      return counts.every(({ waiting }) => waiting === 0) && acknowledged.length === 600
    })
    const all = async () => {
      await gateway.drained()
      const beds = await Promise.all(BEDS.map(bed => ward.recorded(gateway, bed)))
      return beds.flat().flatMap(({ readings }) => readings.map(({ value }) => Number(value)))
    }
    let values = await all()
    for (let turn = 0; turn < 20 && values.length < 600; turn++) {
      await gateway.flush()
      values = await all()
    }
    t.same(
      values.toSorted((a, b) => a - b),
      Array.from({ length: 600 }, (_, k) => k)
    )
    t.match(gateway.status().sources, [{ refused: {} }])
  }
)
