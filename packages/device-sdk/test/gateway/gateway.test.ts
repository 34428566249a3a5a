import { createSigner, deviceId, STATEMENT_FLAG } from '@vitalchain/core'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  createGateway,
  sensorSigner,
  SENSOR_VALUES_MAX,
  type SensorMessage
} from '../../src/gateway/index.ts'
import { FakeLedger, seed } from '../fake-ledger.ts'
import { FakeNode } from '../fake-node.ts'
import { virtualTimers } from '../virtual-timers.ts'
import { ARRIVAL, gatewayWard, Hand, recorded, SECRET, streamOf } from './ward.ts'

const { gatewayAttested, arrivalTimes } = STATEMENT_FLAG
const rate = (value: number, time?: number) => ({
  name: '8867-4',
  unit: '/min',
  value,
  ...(time === undefined ? {} : { time })
})

t.test('each sensor is a device of its own, and every statement says who signed it', async t => {
  const ward = await gatewayWard(t)
  const { gateway, hand, ledger } = ward
  await Promise.all([
    hand.intake!.take({ sensor: 'bed-1', values: [rate(70)] }),
    hand.intake!.take({ sensor: 'bed-2', values: [rate(80)], urgent: true })
  ])
  await gateway.drained()
  t.match(recorded(ward, 'bed-1'), [{ lane: 0, flags: gatewayAttested | arrivalTimes }])
  t.match(recorded(ward, 'bed-2'), [{ lane: 1, readings: [{ ...rate(80), time: ARRIVAL }] }])
  t.ok(
    ledger.committed.every(({ statement }) => (statement.flags & gatewayAttested) !== 0),
    'attested'
  )
  t.match(gateway.status().sensors, [
    { name: 'bed-1', stored: 1, repeated: 0, refused: {}, lastAt: ARRIVAL, waiting: 0 },
    { name: 'bed-2', stored: 1 }
  ])
})

t.test('times of a sensor are kept as given, in statements that claim no clock', async t => {
  const ward = await gatewayWard(t)
  const { gateway, hand } = ward
  const values = [rate(70, 5), rate(71, ARRIVAL + 86_400_000), rate(72)]
  await hand.intake!.take({ sensor: 'bed-1', values })
  await gateway.drained()
  t.match(
    recorded(ward, 'bed-1').toSorted((a, b) => a.flags - b.flags),
    [
      { flags: gatewayAttested, clock: undefined, readings: values.slice(0, 2) },
      { flags: gatewayAttested | arrivalTimes, readings: [{ ...rate(72), time: ARRIVAL }] }
    ]
  )
})

t.test('the same secret gives the same keys, another network or name others', async t => {
  const { genesis } = new FakeLedger()
  const id = (name: string, secret = SECRET) =>
    deviceId(sensorSigner(secret, genesis, name).publicKey)
  t.same(id('bed-1'), id('bed-1'))
  t.notSame(id('bed-1'), id('bed-2'))
  t.notSame(id('bed-1'), id('bed-1', seed('another secret')))
  t.throws(() => sensorSigner(SECRET.subarray(1), genesis, 'bed-1'), { code: 'ERR_GATEWAY_INIT' })
  t.throws(() => sensorSigner(SECRET, genesis, '../bed'), { code: 'ERR_GATEWAY_INIT' })
})

t.test(
  'a message that comes again is recorded once, also while the first is under way',
  async t => {
    const ward = await gatewayWard(t)
    const { gateway, hand } = ward
    const message = { sensor: 'bed-1', values: [rate(70), rate(71, 1)], identity: 'one' }
    t.same(await Promise.all([hand.intake!.take(message), hand.intake!.take(message)]), [
      'stored',
      'repeated'
    ])
    t.equal(await hand.intake!.take(message), 'repeated')
    t.equal(await hand.intake!.take({ ...message, identity: 'two' }), 'stored')
    t.equal(await hand.intake!.take({ ...message, sensor: 'bed-2' }), 'stored')
    await gateway.drained()
    t.equal(recorded(ward, 'bed-1').flatMap(({ readings }) => readings).length, 4)
    t.match(gateway.status().sensors[0], { stored: 2, repeated: 2 })
  }
)

t.test('another start knows what came before it, and does not record it again', async t => {
  const directory = t.testdir({})
  const first = await gatewayWard(t, { directory })
  const message = { sensor: 'bed-1', values: [rate(70, 1)], identity: 'one' }
  await first.hand.intake!.take(message)
  await first.gateway.stop()
  const ward = await gatewayWard(t, { directory, ledger: first.ledger })
  t.equal(await ward.hand.intake!.take(message), 'repeated')
  t.equal(await ward.hand.intake!.take({ ...message, identity: 'two' }), 'stored')
  await ward.gateway.drained()
  t.equal(recorded(ward, 'bed-1').length, 2)
})

t.test(
  'what cannot be recorded is refused with a code and counted, and the rest goes on',
  async t => {
    const ward = await gatewayWard(t)
    const { gateway, hand } = ward
    const refused = async (code: string, message: SensorMessage) =>
      t.rejects(hand.intake!.take(message), { code }, code)
    await refused('ERR_GATEWAY_SENSOR', { sensor: 'bed-3', values: [rate(70)] })
    await refused('ERR_GATEWAY_SENSOR', { sensor: '__proto__', values: [rate(70)] })
    await refused('ERR_SENML', { sensor: 'bed-1', values: [rate(Infinity)] })
    await refused('ERR_SENML', { sensor: 'bed-1', values: [rate(70), { name: 'Ω', value: 1 }] })
    const many = Array.from({ length: SENSOR_VALUES_MAX + 1 }, () => rate(70))
    await refused('ERR_GATEWAY_PAYLOAD', { sensor: 'bed-1', values: many })
    t.equal(await hand.intake!.take({ sensor: 'bed-1', values: [rate(70)] }), 'stored')
    t.match(gateway.status().sensors[0], {
      stored: 1,
      refused: { ERR_SENML: 2, ERR_GATEWAY_PAYLOAD: 1 }
    })
  }
)

t.test('a sensor that sends without end is held to its rate, and only that one', async t => {
  const timers = virtualTimers(t)
  const ward = await gatewayWard(t, { timers })
  const { hand } = ward
  const values = Array.from({ length: 2_500 }, (_, k) => rate(k))
  const again = () => hand.intake!.take({ sensor: 'bed-1', values })
  const results = await Promise.allSettled([again(), again(), again(), again(), again()])
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected']
  )
  t.match(results[4], { reason: { code: 'ERR_GATEWAY_RATE', retryable: true } })
  t.equal(await hand.intake!.take({ sensor: 'bed-2', values }), 'stored')
  timers.skip(2_500)
  t.equal(await again(), 'stored')
})

t.test('a gateway that stops takes nothing more, and stores what it took', async t => {
  const ward = await gatewayWard(t, { sensors: ['slow'], batchMs: 3_600_000 })
  // By then it knows where it stands on the ledger.
  await ward.hand.intake!.take({ sensor: 'slow', values: [rate(0)], urgent: true })
  const taken = ward.hand.intake!.take({ sensor: 'slow', values: [rate(1, 1)], identity: 'a' })
  await ward.gateway.stop()
  t.equal(await taken, 'stored')
  t.ok(ward.hand.stopped)
  await t.rejects(ward.hand.intake!.take({ sensor: 'slow', values: [rate(1)] }), {
    code: 'ERR_DEVICE_STOPPED'
  })
  t.same(ward.gateway.status().sensors[0]?.refused, {}, 'it comes again')
  await t.rejects(ward.gateway.start(), { code: 'ERR_DEVICE_STARTED' })
})

t.test(
  'without a network a gateway that is new takes nothing yet, and stops all the same',
  async t => {
    const ledger = new FakeLedger()
    const ward = await gatewayWard(t, {
      ledger,
      transport: () => new FakeNode(ledger, { unreachable: () => true })
    })
    const taken = ward.hand.intake!.take({ sensor: 'bed-1', values: [rate(1)] })
    taken.catch(() => undefined)
    await ward.gateway.stop()
    await t.rejects(taken, { code: 'ERR_DEVICE_STOPPED' })
  }
)

t.test('a gateway whose source does not start closes everything that it opened', async t => {
  const ledger = new FakeLedger()
  const directory = t.testdir({})
  const init = {
    genesis: ledger.genesis,
    secret: SECRET,
    sensors: [{ name: 'a', stream: streamOf('a') }],
    transport: () => new FakeNode(ledger),
    directory
  }
  const broken = {
    name: 'broken',
    start: () => Promise.reject(new Error('no')),
    stop: async () => undefined
  }
  const gateway = createGateway({ ...init, sources: [broken] })
  await t.rejects(gateway.start(), { message: 'no' })
  t.same(await readdir(directory), ['a'])
  const next = createGateway({ ...init, sources: [new Hand()] })
  t.teardown(() => next.stop())
  await t.resolves(next.start(), 'the outbox is free')
  t.ok((await readdir(join(directory, 'a'))).includes('outbox'))
})

t.test('settings that cannot work are refused', async t => {
  const ledger = new FakeLedger()
  const sensor = { name: 'a', stream: streamOf('a') }
  const init = {
    genesis: ledger.genesis,
    secret: SECRET,
    sensors: [sensor],
    sources: [new Hand()],
    transport: () => new FakeNode(ledger),
    directory: '/nowhere'
  }
  const { secret: _secret, ...keyless } = init
  for (const broken of [
    keyless,
    { ...init, secret: new Uint8Array(31) },
    { ...init, sensors: [] },
    { ...init, sources: [] },
    { ...init, sources: [new Hand(), new Hand()] },
    { ...init, sensors: [sensor, { ...sensor, name: 'A' }] },
    { ...init, sensors: [{ ...sensor, name: 'a/b' }] },
    { ...init, sensors: [{ ...sensor, readingsPerSecond: 0 }] },
    { ...init, sensors: Array.from({ length: 1_025 }, (_, k) => ({ ...sensor, name: `s${k}` })) }
  ])
    t.throws(() => createGateway(broken), { code: 'ERR_GATEWAY_INIT' })
  const signer = createSigner('es256', seed('secure element'))
  const given = createGateway({ ...keyless, sensors: [{ ...sensor, signer }] })
  t.same(given.devices[0]?.device, deviceId(signer.publicKey))
})
