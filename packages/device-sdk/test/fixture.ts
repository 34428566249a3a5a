import { createSigner, type Algorithm, type Reading } from '@vitalchain/core'
import type { Test } from 'tap'
import { createDevice, type Device, type DeviceInit } from '../src/index.ts'
import { FakeLedger, seed } from './fake-ledger.ts'
import { FakeNode, type Misbehaviour } from './fake-node.ts'
import { virtualTimers, type VirtualTimers } from './virtual-timers.ts'

export const STREAM = { id: new Uint8Array(16).fill(7), generation: 1, secret: seed('stream') }

/** A small generator of bytes (mulberry32), so that a run can be repeated. */
export function seededRandom(start: number): (bytes: number) => Uint8Array {
  let state = start
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return (x ^ (x >>> 14)) >>> 0
  }
  return bytes => Uint8Array.from({ length: bytes }, () => next() & 0xff)
}

/** Heart rates, one a second. */
export function heartRates(count: number, first: number = 0): Reading[] {
  return Array.from({ length: count }, (_, k) => ({
    name: '8867-4',
    unit: '/min',
    time: 1_700_000_000_000 + (first + k) * 1_000,
    value: 60 + ((first + k) % 40)
  }))
}

export interface Bench {
  readonly ledger: FakeLedger
  readonly nodes: readonly FakeNode[]
  readonly device: Device
  readonly timers: VirtualTimers
}

/** A started device among nodes that misbehave as told, with its key registered. */
export async function bench(
  t: Test,
  faults: readonly Misbehaviour[] = [{}],
  {
    algorithm = 'ed25519',
    ledger = new FakeLedger(),
    timers = virtualTimers(t),
    ...init
  }: Partial<DeviceInit> & {
    readonly algorithm?: Algorithm
    readonly ledger?: FakeLedger
    readonly timers?: VirtualTimers
  } = {}
): Promise<Bench> {
  const signer = init.signer ?? createSigner(algorithm, seed('device'))
  const nodes = faults.map((each, k) => new FakeNode(ledger, each, `node ${k}`))
  const device = createDevice({
    signer,
    genesis: ledger.genesis,
    stream: STREAM,
    transport: nodes,
    boot: 1,
    timers,
    // A clock that goes with the timers: one that does not is set all the time.
    now: () => 1_700_000_000_000 + timers.elapsed(),
    random: seededRandom(1),
    ...init
  })
  ledger.register(device.id, signer.publicKey)
  t.teardown(() => device.stop())
  await device.start()
  return { ledger, nodes, device, timers }
}
