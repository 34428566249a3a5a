// A gateway for sensors that cannot sign: it takes their JSON over HTTP, signs in their name, and every batch says so.
// For plain MQTT and Sparkplug B put mqttSource and sparkplugSource among the sources.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestNetwork } from '@vitalchain/node'
import { createGateway, httpSource } from '@vitalchain/device-sdk/gateway'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { generateSecretKey, STATEMENT_FLAG } from '@vitalchain/core'

const network = await createTestNetwork()
const [node] = network.nodes
if (node === undefined) throw new Error('a test network has nodes')
const directory = await mkdtemp(join(tmpdir(), 'vitalchain-gateway-'))

// In earnest it is read from a file that only the gateway may read: the keys of all its sensors come from it.
const secret = generateSecretKey('ed25519')
const token = 'the-token-of-the-ward-s-sensors'
const sensors = ['bed-1', 'bed-2'].map(name => ({
  name,
  stream: {
    id: generateSecretKey('ed25519').subarray(0, 16),
    generation: 0,
    secret: generateSecretKey('ed25519')
  },
  batch: { readings: 3, ms: 1_000 }
}))
const source = httpSource({ port: 0, token })

const gateway = createGateway({
  genesis: network.genesis,
  secret,
  sensors,
  sources: [source],
  transport: () =>
    libp2pTransport({
      network: node.network,
      addresses: network.nodes.flatMap(each => each.addresses())
    }),
  directory
})
// Each sensor is a device of its own on the ledger.
for (const { publicKey } of gateway.devices)
  await node.registerDevice({ publicKey, model: 'plain sensor', firmware: undefined })
await gateway.start()

/** What a sensor does that knows nothing of ledgers. */
async function send(sensor: string, body: object): Promise<void> {
  const answer = await fetch(`${source.url}/v1/sensors/${sensor}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(body)
  })
  process.stdout.write(`${sensor}: ${answer.status} ${await answer.text()}\n`)
}

await Promise.all([
  // With a time of its own, which is kept as it is.
  send('bed-1', { name: '8867-4', unit: '/min', value: 72, time: '2026-01-01T08:00:00Z' }),
  // Without one: the time of arrival, and the statement says that.
  send('bed-2', { name: '59408-5', unit: '%', value: 97 })
])
await gateway.drained()

const { transactions } = node.status()
for await (const { leaf, transaction } of node.events()) {
  if (transaction.type === 'statement' && transaction.statement.type === 'readings') {
    const { flags, count } = transaction.statement
    const attested = (flags & STATEMENT_FLAG.gatewayAttested) !== 0
    const times = (flags & STATEMENT_FLAG.arrivalTimes) === 0 ? "the sensor's" : 'of arrival'
    process.stdout.write(`${count} reading, gateway-attested: ${attested}, times ${times}\n`)
  }
  if (leaf === transactions - 1) break
}

await gateway.stop()
await network.stop()
await rm(directory, { recursive: true })
