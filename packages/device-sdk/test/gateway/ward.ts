import { decodeReadings, epochKey, openPayload, sha256, utf8, type Reading } from '@vitalchain/core'
import type { Test } from 'tap'
import {
  createGateway,
  type Gateway,
  type GatewayEvent,
  type GatewayInit,
  type GatewayIntake,
  type GatewaySource
} from '../../src/gateway/index.ts'
import { FakeLedger } from '../fake-ledger.ts'
import { FakeNode } from '../fake-node.ts'

export const SECRET: Uint8Array = sha256(utf8('secret of a gateway'))
export const ARRIVAL = 1_700_000_000_000

/** The stream of a sensor. */
export function streamOf(name: string) {
  const secret = sha256(utf8(`stream of ${name}`))
  return { id: secret.slice(0, 16), generation: 1, secret }
}

/** A source that a test is. */
export class Hand implements GatewaySource {
  readonly name = 'hand'
  intake: GatewayIntake | undefined
  stopped = false

  async start(intake: GatewayIntake): Promise<void> {
    this.intake = intake
  }

  async stop(): Promise<void> {
    this.stopped = true
  }
}

/** A gateway on a fake ledger. */
export interface GatewayWard {
  readonly ledger: FakeLedger
  readonly gateway: Gateway
  readonly hand: Hand
  readonly events: GatewayEvent[]
}

/** A started gateway with its sensors registered, that stores at once. */
export async function gatewayWard(
  t: Test,
  {
    ledger = new FakeLedger(),
    directory = t.testdir({}),
    sensors = ['bed-1', 'bed-2'],
    sources = [],
    batchMs = 5,
    ...init
  }: Partial<Omit<GatewayInit, 'sensors'>> & {
    readonly ledger?: FakeLedger
    readonly sensors?: readonly string[]
    readonly batchMs?: number
  } = {}
): Promise<GatewayWard> {
  const hand = new Hand()
  const events: GatewayEvent[] = []
  const gateway = createGateway({
    genesis: ledger.genesis,
    secret: SECRET,
    sensors: sensors.map(name => ({
      name,
      stream: streamOf(name),
      batch: { readings: 1_000, ms: batchMs }
    })),
    sources: [hand, ...sources],
    transport: () => ['node 0', 'node 1'].map(name => new FakeNode(ledger, {}, name)),
    directory,
    now: () => ARRIVAL,
    onEvent: event => events.push(event),
    ...init
  })
  for (const { device, publicKey } of gateway.devices) ledger.register(device, publicKey)
  t.teardown(() => gateway.stop())
  await gateway.start()
  return { ledger, gateway, hand, events }
}

/** What of a sensor is on the ledger, opened: flags and readings of each statement. */
export function recorded(
  { ledger, gateway }: Pick<GatewayWard, 'ledger' | 'gateway'>,
  sensor: string
): readonly {
  readonly flags: number
  readonly lane: 0 | 1
  readonly readings: readonly Reading[]
}[] {
  const { id } = gateway.device(sensor)
  return ledger.committed
    .filter(({ statement }) => Buffer.from(statement.device).equals(id))
    .map(({ statement, payload }) => ({
      flags: statement.flags,
      lane: statement.lane,
      clock: statement.clock,
      readings: decodeReadings(
        openPayload(statement, payload, epochKey(streamOf(sensor).secret, statement.epoch))
      )
    }))
}
