import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { deviceId, sha256, toHex, utf8, type ReadingStatement } from '@vitalchain/core'
import { sensorSigner } from '@vitalchain/device-sdk/gateway'
import { connectAsync } from 'mqtt'
import t, { type Test } from 'tap'
import { createTestNetwork, type LedgerNode } from '../../src/index.ts'
import { startPlainProcesses } from '../plain-processes.ts'
import { noMosquitto, startMosquitto } from '../listeners/mosquitto.ts'
import { until } from '../node/wait.ts'
import type { ChildSettings } from './gateway-child.ts'

startPlainProcesses()

const MESSAGES = 400
const KILLS = 3
/** How long the last messages may take to be on the ledger, ms: seconds on a free machine. */
const DRAIN_MS = 60_000
/** Between the times of two messages, ms: so that a statement's times tell how many it holds. */
const STEP = 1_000

/** Starts a gateway in a process; resolves when it runs. `stored` calls back with every statement stored. */
async function spawnGateway(t: Test, settings: ChildSettings, stored: (count: number) => void) {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@vitalchain/source',
      fileURLToPath(new URL('gateway-child.ts', import.meta.url)),
      JSON.stringify(settings)
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.teardown(kill)
  const lines = createInterface({ input: child.stdout })
  const started = Promise.withResolvers<void>()
  lines.on('line', line => {
    if (line === 'started') started.resolve()
    else stored(Number(line))
  })
  child.once('exit', () => started.reject(new Error('the gateway ended')))
  await started.promise
  return { kill }
}

/** The statements of a device on the ledger, in its order. */
async function statements(node: LedgerNode, device: Uint8Array): Promise<ReadingStatement[]> {
  const found: ReadingStatement[] = []
  const end = new AbortController()
  const { transactions } = node.status()
  for await (const { leaf, transaction } of node.events({ signal: end.signal })) {
    if (
      transaction.type === 'statement' &&
      transaction.statement.type === 'readings' &&
      toHex(transaction.statement.device) === toHex(device)
    )
      found.push(transaction.statement)
    if (leaf === transactions - 1) end.abort()
  }
  return found
}

t.test(
  'a gateway that is killed in the middle, again and again, loses and doubles nothing that has a time',
  { skip: noMosquitto() ?? false },
  async t => {
    const broker = await startMosquitto(t)
    const network = await createTestNetwork()
    t.teardown(() => network.stop())
    const [node] = network.nodes
    const secret = sha256(utf8('secret of a killed gateway'))
    const { publicKey } = sensorSigner(secret, network.genesis, 'bed')
    await node!.registerDevice({ publicKey, model: 'plain sensor', firmware: undefined })
    const settings: ChildSettings = {
      genesis: toHex(network.genesis),
      network: toHex(node!.network),
      secret: toHex(secret),
      addresses: network.nodes.flatMap(each => each.addresses()),
      directory: t.testdir({}),
      url: broker.url,
      sensor: 'bed'
    }
    let stored = 0
    const start = () => spawnGateway(t, settings, count => (stored = count))
    let gateway = await start()
    const client = await connectAsync(broker.url)
    t.teardown(() => client.end(true))
    let next = 0
    const publish = async (count: number): Promise<void> => {
      for (const end = next + count; next < end; next++)
        await client.publishAsync('hr', JSON.stringify({ value: next, time: next * STEP }), {
          qos: 1
        })
    }
    for (let life = 0; life < KILLS; life++) {
      stored = 0
      const publishing = publish(MESSAGES / (KILLS + 1))
      await until('it stored some', () => stored > 20 * (life + 1))
      await gateway.kill()
      await publishing
      gateway = await start()
    }
    await publish(MESSAGES - next)
    const device = deviceId(publicKey)
    let found: ReadingStatement[] = []
    const counts = () => found.reduce((sum, { count }) => sum + count, 0)
    const end = Date.now() + DRAIN_MS
    while (counts() < MESSAGES && Date.now() < end) {
      await new Promise(resolve => setTimeout(resolve, 100))
      found = await statements(node!, device)
    }
    t.equal(counts(), MESSAGES, `of ${found.length} statements`)
    let expected = 0
    for (const { from, to, count, flags } of found) {
      t.equal(from, expected * STEP)
      t.equal(to, (expected + count - 1) * STEP)
      t.equal(flags, 2)
      expected += count
    }
    t.ok(new Set(found.map(({ boot }) => boot)).size > KILLS, 'in as many boots')
  }
)
