import { readFile } from 'node:fs/promises'
import { createSigner, deviceId, deviceRequestFormat, sha256, toHex, utf8 } from '@vitalchain/core'
import {
  correlation,
  mqttTransport,
  nodeTopics,
  type MqttOptions
} from '@vitalchain/device-sdk/mqtt'
import { connectAsync } from 'mqtt'
import t, { type Test } from 'tap'
import { MQTT_SESSIONS_MAX, openMqttBridge } from '../../src/listeners/mqtt.ts'
import type { TestNetwork } from '../../src/index.ts'
import { until } from '../node/wait.ts'
import { noMosquitto, startMosquitto, type Mosquitto } from './mosquitto.ts'
import {
  committed,
  openWard,
  readings,
  transportContract,
  type Reached
} from './transport-contract.ts'

const missing = noMosquitto()

/** Every node at one broker. */
function reachMqtt(onBroker: (broker: Mosquitto) => void = () => undefined) {
  return async (t: Test, network: TestNetwork): Promise<Reached> => {
    const broker = await startMosquitto(t)
    onBroker(broker)
    const open = (k: number) => openMqttBridge({ node: network.nodes[k]!, url: broker.url })
    const bridges = network.nodes.map((_, k) => open(k))
    t.teardown(() => Promise.all(bridges.map(bridge => bridge.close())))
    return {
      address: (node, key = network.nodes[node]!.transportKey) => `${broker.url}#${toHex(key)}`,
      transport: (addresses, device) =>
        mqttTransport({ network: network.nodes[0]!.network, device, addresses }),
      async cut(node) {
        const bridge = bridges[node]!
        bridges[node] = open(node)
        await bridge.close()
      }
    }
  }
}

if (missing === undefined) transportContract(t, reachMqtt())

t.test(
  'a Mosquitto that is killed and started again in the middle loses nothing and doubles nothing',
  { skip: missing ?? false },
  async t => {
    let broker: Mosquitto | undefined
    const ward = await openWard(
      t,
      reachMqtt(made => (broker = made))
    )
    const device = await ward.device(t, 'restart', [
      ward.reached.address(0),
      ward.reached.address(1)
    ])
    for (let round = 0; round < 3; round++) {
      const submissions = await device.record(readings(100, round * 100))
      await submissions[2]!.accepted
      await broker!.restart()
    }
    await device.drained()
    t.same(
      await committed(ward.network.nodes[3]!, device.id),
      Array.from({ length: 30 }, (_, k) => k)
    )
  }
)

t.test(
  'strangers without end do not end the session of a silent device',
  { skip: missing ?? false },
  async t => {
    let broker: Mosquitto | undefined
    const ward = await openWard(
      t,
      reachMqtt(made => (broker = made))
    )
    const device = await ward.device(t, 'silent', [ward.reached.address(0)])
    const events: string[] = []
    void (async () => {
      for await (const { type } of device.events()) events.push(type)
    })()
    await device.record(readings(10))
    await device.drained()
    const [node] = ward.network.nodes
    const topics = nodeTopics(node!.network, node!.transportKey)
    const stranger = await connectAsync(broker!.url, { protocolVersion: 5 })
    t.teardown(() => stranger.endAsync(true))
    const request = deviceRequestFormat.encode({
      type: 'greeting',
      request: 0,
      nonce: new Uint8Array(32)
    })
    const { deviceSessions } = node!.status()
    for (let k = 0; k < MQTT_SESSIONS_MAX + 50; k++) {
      const connection = sha256(utf8(`${k}`)).slice(0, 8)
      await stranger.publishAsync(topics.request(sha256(utf8('stranger'))), Buffer.from(request), {
        qos: 1,
        properties: { correlationData: Buffer.from(correlation(connection, 0)) }
      })
    }
    await until('they are served', () => node!.status().deviceSessions >= MQTT_SESSIONS_MAX)
    t.ok(node!.status().deviceSessions <= MQTT_SESSIONS_MAX + deviceSessions)
    await device.record(readings(10, 10))
    await device.drained()
    t.notOk(events.includes('disconnected'))
  }
)

/** How a client says who it is. */
function as(username: string, password: string): { readonly options: MqttOptions } {
  return { options: { username, password } }
}

/** The rules that the guide gives, for one node of one network. */
async function rulesOfGuide(network: Uint8Array, node: Uint8Array): Promise<string> {
  const guide = await readFile(
    new URL('../../../../docs/guides/transports.md', import.meta.url),
    'utf8'
  )
  const rules = /```\n(pattern write [^]*?)```/.exec(guide)?.[1]
  if (rules === undefined) throw new Error('the guide has no rules')
  return rules
    .replace('<network>', toHex(network.subarray(0, 8)))
    .replace('<node key>', toHex(node))
}

t.test(
  "with the guide's access rules a device reaches its node, and nobody does in its name",
  { skip: missing ?? false },
  async t => {
    const name = 'by the rules'
    const device = deviceId(createSigner('ed25519', sha256(utf8(name))).publicKey)
    const users = { [toHex(device)]: 'one', ['ab'.repeat(32)]: 'two', north: 'three' }
    let url = ''
    const ward = await openWard(t, async (t, network) => {
      const node = network.nodes[0]!
      const rules = await rulesOfGuide(node.network, node.transportKey)
      ;({ url } = await startMosquitto(t, { users, rules }))
      const bridge = openMqttBridge({ node, url, ...as('north', 'three') })
      t.teardown(() => bridge.close())
      return {
        address: () => `${url}#${toHex(node.transportKey)}`,
        transport: (addresses, device) =>
          mqttTransport({ network: node.network, device, addresses, ...as(toHex(device), 'one') }),
        cut: () => Promise.reject(new Error('not here'))
      }
    })
    const [node] = ward.network.nodes
    const addresses = [ward.reached.address(0)]
    const started = await ward.device(t, name, addresses)
    await started.record(readings(30))
    await started.drained()
    t.equal((await committed(node!, device)).length, 3)

    for (const [user, password] of [
      ['ab'.repeat(32), 'two'],
      [toHex(device), 'wrong']
    ] as const) {
      const init = { network: node!.network, device, addresses, ...as(user, password) }
      await t.rejects(
        (async () => {
          const connection = await mqttTransport(init).connect({
            signal: new AbortController().signal
          })
          await connection.answers[Symbol.asyncIterator]().next()
        })(),
        { code: /^ERR_(UNREACHABLE|CONNECTION_LOST)$/ }
      )
    }
  }
)
