import { deviceStateKey, proposeArgs } from '@vitalchain/contracts'
import { deviceRequestFormat, fromHex, toHex } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { createAdminApi, createHttpApi, createRoleTokens } from '../../src/http/index.ts'
import { unitFormat } from '../../src/pool/unit.ts'
import { createTestNetwork, type TestNetwork } from '../../src/testing/test-network.ts'
import { TestDevice, testNetwork } from '../ledger/fixture.ts'
import {
  describedOperations,
  nameRoutes,
  type DescribedOperation,
  type FuzzSeeds
} from './api-fuzz.ts'
import { TOKEN, unitOf } from './service.ts'

/** A server that is fuzzed, with what it says of itself. */
export interface FuzzedServer {
  readonly app: FastifyInstance
  readonly operations: readonly DescribedOperation[]
  readonly seeds: FuzzSeeds
}

/** A node with some history, whose two servers take as many requests as come. */
export interface FuzzedService {
  readonly api: FuzzedServer
  readonly admin: FuzzedServer
  readonly network: TestNetwork
  /** What was logged of failed requests. */
  readonly failures: readonly string[]
  /** The URL of the API. */
  listen(): Promise<string>
  stop(): Promise<void>
}

/** Starts it. */
export async function startFuzzedService(): Promise<FuzzedService> {
  const network = await createTestNetwork({ validators: 1 })
  const node = network.nodes[0]!
  const failures: string[] = []
  const log = (event: string, values: object): void => {
    failures.push(`${event} ${JSON.stringify(values)}`)
  }
  const tokens = createRoleTokens(Date.now)
  const http = createHttpApi({
    node,
    token: TOKEN,
    tokens,
    clientRate: { perSecond: 1e9, burst: 1e9 },
    log
  })
  const admin = createAdminApi({
    node,
    token: TOKEN,
    tokens,
    log,
    rate: { perSecond: 1e9, burst: 1e9 }
  })
  const device = new TestDevice({ ...testNetwork(), id: node.network }, 'pump')
  await node.registerDevice({ publicKey: device.publicKey, model: 'Pump', firmware: undefined })
  const readings = []
  for (let k = 0; k < 5; k++) {
    const reading = await device.read()
    readings.push(reading)
    await node.submit(unitOf(reading))
    await node.committed(reading.candidate.transaction.id)
  }
  // Each follows the one before: those behind a missing one wait.
  const more = []
  for (let k = 0; k < 40; k++) more.push(await device.read())
  const credentials = [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`, 'Bearer unknown']
  for (const role of ['reader', 'monitor'] as const)
    credentials.push(`Bearer ${(await tokens.create({ name: role, role })).token}`)
  const spare: string[] = []
  for (let k = 0; k < 10; k++)
    spare.push((await tokens.create({ name: `spare ${k}`, role: 'monitor' })).id)
  const memberHex = toHex(node.ledger.validators()[0]!.member)
  const ids = readings.map(({ candidate }) => toHex(candidate.transaction.id))
  const seeds: FuzzSeeds = {
    credentials,
    values: {
      id: ids,
      'getLaneHead.id': [toHex(device.id)],
      'getDevice.id': [toHex(device.id)],
      'revokeToken.id': spare,
      'getCompleteness.id': [toHex(device.id)],
      'getCompleteness.from': ['0.0', '0.1'],
      'getCompleteness.to': ['0.3', '0.4'],
      'getCompleteness.pin': ['1', '3'],
      'getConsistency.from': ['1', '2', '3'],
      'getConsistency.to': ['3', '5', '6'],
      pin: ['1', '2', '3', '4'],
      digest: readings.map(({ digest }) => toHex(digest)),
      member: [memberHex],
      device: [toHex(device.id)],
      key: [toHex(deviceStateKey(device.id)), '00'],
      height: ['1', '2', '3'],
      path: ['000', '000.p/3', 'x001/000'],
      level: ['0', '1'],
      lane: ['0', '1'],
      'last-event-id': ['1.0', '2.0'],
      prefer: ['wait=0', 'respond-async'],
      kind: ['readings', 'call,gap']
    },
    bodies: {
      submitTransaction: [
        ...readings.map(reading => unitFormat.encode(unitOf(reading))),
        ...more.map(reading => unitFormat.encode(unitOf(reading)))
      ],
      askAsDevice: [
        deviceRequestFormat.encode({ type: 'greeting', request: 1, nonce: new Uint8Array(32) }),
        deviceRequestFormat.encode({ type: 'head', request: 2, lane: 0 }),
        deviceRequestFormat.encode({ type: 'submit', request: 3, ...unitOf(more[0]!) })
      ],
      openSession: [fromHex('d28443a10127a04401020304584000')],
      previewChange: [
        proposeArgs({ change: { type: 'remove', member: fromHex(memberHex) }, forced: false })
      ]
    }
  }
  const text = new TextEncoder()
  const adminSeeds: FuzzSeeds = {
    ...seeds,
    bodies: {
      createToken: [
        text.encode('{"name":"ward","role":"monitor","days":3}'),
        ...ids.map(id => text.encode(`{"name":"x${id.slice(0, 8)}","role":"reader"}`))
      ],
      putLogLevel: [text.encode('{"level":"info"}')]
    }
  }
  return {
    network,
    failures,
    api: await described(http.app, seeds),
    admin: await described(admin.app, adminSeeds),
    listen: () => http.listen({ port: 0 }),
    async stop() {
      await Promise.all([http.close(), admin.close()])
      await network.stop()
    }
  }
}

async function described(app: FastifyInstance, seeds: FuzzSeeds): Promise<FuzzedServer> {
  nameRoutes(app)
  await app.ready()
  const description: unknown = (await app.inject('/openapi.json')).json()
  return { app, operations: describedOperations(description), seeds }
}
