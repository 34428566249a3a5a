import { epochKey, decodeReadings, openPayload, type ReadingStatement } from '@vitalchain/core'
import t, { type Test } from 'tap'
import type { Device, DeviceEvent } from '../src/index.ts'
import type { Misbehaviour } from './fake-node.ts'
import { bench, heartRates, STREAM, type Bench } from './fixture.ts'
import { virtualTimers, type VirtualTimers } from './virtual-timers.ts'

const NOW = 1_800_000_000_000
const DAY = 86_400_000

/** A device whose clock is off by so much, among members whose clocks are off by so much each. */
async function clockBench(
  t: Test,
  deviceError: () => number,
  memberErrors: readonly (number | undefined)[] = [0, 200, -200, 0],
  timers: VirtualTimers = virtualTimers(t, { jump: false })
): Promise<Bench & { readonly truth: () => number }> {
  const truth = (): number => NOW + timers.elapsed()
  const time: Misbehaviour = {
    time: () => memberErrors.map(error => (error === undefined ? undefined : truth() + error))
  }
  const made = await bench(t, [time], {
    timers,
    now: () => truth() + deviceError(),
    batch: { readings: 10 }
  })
  return { ...made, truth }
}

async function next(device: Device, type: DeviceEvent['type']): Promise<DeviceEvent> {
  for await (const event of device.events()) if (event.type === type) return event
  throw new Error('the device stopped')
}

function statements({ ledger }: Bench): readonly ReadingStatement[] {
  return ledger.committed.map(({ statement }) => statement)
}

for (const [name, error] of [
  ['at 1970', -NOW],
  ['of three days ahead', 3 * DAY],
  ['that is right', 0]
] as const) {
  t.test(`a device with a clock ${name} commits, and says how far it is off`, async t => {
    const made = await clockBench(t, () => error)
    const { device } = made
    t.equal(device.clock(), undefined)
    await next(device, 'clock')
    t.same(device.clock(), { offset: -error, uncertainty: 1_000 })
    const readings = heartRates(10)
    await device.record(readings)
    await device.drained()
    const [statement] = statements(made)
    t.match(statement, {
      clock: { offset: -error, uncertainty: 1_000 },
      // As it was given: nothing corrects it.
      from: readings[0]!.time,
      to: readings[9]!.time
    })
    const key = epochKey(STREAM.secret, statement!.epoch)
    t.same(
      decodeReadings(openPayload(statement!, made.ledger.committed[0]!.payload, key)),
      readings
    )
  })
}

t.test(
  'a device that too few members answer commits all the same, and says that it does not know',
  async t => {
    const made = await clockBench(t, () => 3 * DAY, [0, 0, undefined, undefined])
    await made.device.record(heartRates(10))
    await made.device.drained()
    t.equal(statements(made)[0]?.clock, undefined)
    t.equal(made.device.clock(), undefined)
  }
)

t.test(
  'a clock that is set between readings cuts the batch: each part has its own error',
  async t => {
    let error = -NOW
    const made = await clockBench(t, () => error)
    const { device } = made
    await next(device, 'clock')
    const before = device.record(heartRates(4))
    error = 0
    const told = next(device, 'clock')
    const after = device.record(heartRates(3, 4))
    t.match(await told, { error: undefined })
    await next(device, 'clock')
    await device.flush()
    await Promise.all([before, after])
    await device.drained()
    t.same(
      statements(made).map(({ count, clock }) => [count, clock?.offset]),
      [
        [4, NOW],
        [3, 0]
      ]
    )
  }
)

t.test('readings from before the first session have the error that is learned in it', async t => {
  const made = await clockBench(t, () => 3 * DAY)
  const recorded = made.device.record(heartRates(5))
  await next(made.device, 'clock')
  await made.device.flush()
  await recorded
  await made.device.drained()
  t.equal(statements(made)[0]?.clock?.offset, -3 * DAY)
})

t.test('vital signs travel compressed unless a device is told not to', async t => {
  const readings = heartRates(600)
  const sizes: number[] = []
  for (const compress of [true, false]) {
    const { ledger, device } = await bench(t, [{}], { compress, batch: { readings: 600 } })
    await device.record(readings)
    await device.drained()
    const { payload, statement } = ledger.committed[0]!
    t.equal(payload[0], compress ? 2 : 1)
    const opened = openPayload(statement, payload, epochKey(STREAM.secret, statement.epoch))
    t.same(decodeReadings(opened), readings)
    sizes.push(payload.length)
  }
  t.ok(sizes[0]! * 2 < sizes[1]!, sizes.join(' and '))
})
