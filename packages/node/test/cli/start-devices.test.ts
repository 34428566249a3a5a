import { equalBytes, networkId } from '@vitalchain/core'
import type { DeviceTransport } from '@vitalchain/device-sdk'
import { httpTransport } from '@vitalchain/device-sdk/http'
import { mqttTransport } from '@vitalchain/device-sdk/mqtt'
import { webSocketTransport } from '@vitalchain/device-sdk/websocket'
import t, { type Test } from 'tap'
import { runCli } from '../../src/cli/main.ts'
import { readOwnGenesis } from '../../src/cli/node-dir.ts'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { noMosquitto, startMosquitto } from '../listeners/mosquitto.ts'
import { run } from './run.ts'

/** Runs `start` until the test ends. */
async function start(
  t: Test,
  dataDir: string,
  ...options: readonly string[]
): Promise<{ readonly device: string; readonly stop: () => Promise<number> }> {
  const stopping = new AbortController()
  const ready = Promise.withResolvers<{ device: string }>()
  const ended = runCli(['start', '--data-dir', dataDir, ...options], {
    out: line => ready.resolve(JSON.parse(line) as { device: string }),
    err: () => undefined,
    stop: stopping.signal,
    inputEnd: () => new Promise(() => undefined)
  })
  const stop = (): Promise<number> => {
    stopping.abort()
    return ended
  }
  t.teardown(stop)
  const early = async (): Promise<never> => {
    throw new Error(`the node ended with ${await ended}`)
  }
  return { device: (await Promise.race([ready.promise, early()])).device, stop }
}

/** Whether the node behind a transport shows that it is the one of the address. */
async function greets(transport: DeviceTransport, network: Uint8Array): Promise<boolean> {
  const connection = await transport.connect({ signal: AbortSignal.timeout(10_000) })
  try {
    for await (const answer of connection.answers)
      return answer.type === 'hello' && equalBytes(answer.network, network)
    return false
  } finally {
    await connection.close()
  }
}

t.test('a node says at which address devices reach it, and they do', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir } = hospitals[0]!
  const network = networkId(await readOwnGenesis(dataDir))
  const { device, stop } = await start(t, dataDir)
  t.match(device, /^http:\/\/127\.0\.0\.1:\d+#[0-9a-f]{64}$/)
  t.ok(await greets(httpTransport({ addresses: [device] }), network))
  const socket = device.replace('http', 'ws')
  t.ok(await greets(webSocketTransport({ addresses: [socket] }), network))
  t.equal(await stop(), 0)
})

t.test('--mqtt brings a node to a broker', { skip: noMosquitto() ?? false }, async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir } = hospitals[0]!
  const network = networkId(await readOwnGenesis(dataDir))
  const broker = await startMosquitto(t)
  const { device, stop } = await start(t, dataDir, '--mqtt', broker.url)
  const addresses = [`${broker.url}${new URL(device).hash}`]
  const transport = mqttTransport({ network, device: new Uint8Array(32), addresses })
  t.ok(await greets(transport, network))
  t.equal(await stop(), 0)
  await t.rejects(greets(transport, network), { code: 'ERR_UNREACHABLE' })
})

t.test('a broker that no MQTT URL names is refused', async t => {
  const { hospitals } = await foundHospitals(t.testdir(), 1, () => undefined)
  const { dataDir } = hospitals[0]!
  const { exit, err } = await run('start', '--data-dir', dataDir, '--mqtt', 'http://broker.example')
  t.equal(exit, 1)
  t.match(err.at(-1), 'ERR_ADDRESS')
})
