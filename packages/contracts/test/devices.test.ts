import {
  conflictTransaction,
  deviceId,
  statementFormat,
  statementId,
  transactionBody,
  type GapStatement,
  type ReadingStatement,
  type Signer
} from '@vitalchain/core'
import { getDevice, getLane, registerDeviceArgs, revokeDeviceArgs } from '@vitalchain/contracts'
import t from 'tap'
import { signer, World } from './fixture.ts'

/** A world with one registered device and a way to send statements that follow each other. */
async function ward(algorithm: 'ed25519' | 'es256' = 'ed25519'): Promise<{
  world: World
  device: Signer
  send: (fields?: Partial<ReadingStatement>) => Promise<Uint8Array>
}> {
  const world = new World()
  const device = signer('device', algorithm)
  await world.register(device)
  return {
    world,
    device,
    send: async fields => world.apply(await world.sign(device, world.readings(device, fields))).id
  }
}

t.test('a device registered by a member has its statements taken, in either algorithm', async t => {
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const { world, device, send } = await ward(algorithm)
    const first = await send()
    const second = await send({ seq: 1, previous: first })
    t.match(getLane(world.state, deviceId(device.publicKey), 0), { boot: 1, seq: 1, head: second })
    t.match(getDevice(world.state, deviceId(device.publicKey)), {
      model: 'monitor',
      registeredHeight: 1
    })
  }
})

t.test('a device that nobody registered is refused', async t => {
  const world = new World()
  const stranger = signer('stranger')
  const statement = await world.sign(stranger, world.readings(stranger))
  t.throws(() => world.apply(statement), { code: 'ERR_DEVICE_UNKNOWN' })
})

t.test('a device is registered once, and by a member only', async t => {
  const { world, device } = await ward()
  const args = registerDeviceArgs({
    publicKey: device.publicKey,
    model: 'again',
    firmware: undefined
  })
  const again = await world.call(world.operators[1]!, 'devices.register', args)
  t.throws(() => world.apply(again), { code: 'ERR_DEVICE_EXISTS' })
  const other = registerDeviceArgs({
    publicKey: signer('other').publicKey,
    model: 'x',
    firmware: undefined
  })
  const stranger = await world.call(signer('nobody'), 'devices.register', other)
  t.throws(() => world.apply(stranger), { code: 'ERR_AUTHOR_UNKNOWN' })
})

t.test('a key that is no key is not registered', async t => {
  const world = new World()
  const args = registerDeviceArgs({
    publicKey: { algorithm: 'ed25519', bytes: new Uint8Array(32) },
    model: 'x',
    firmware: undefined
  })
  const call = await world.call(world.operators[0]!, 'devices.register', args)
  t.throws(() => world.apply(call), { code: 'ERR_KEY_INVALID' })
})

t.test('nothing is taken of a revoked device, and only its owner revokes it', async t => {
  const { world, device, send } = await ward()
  const first = await send()
  const id = deviceId(device.publicKey)
  const foreign = await world.call(
    world.operators[1]!,
    'devices.revoke',
    revokeDeviceArgs({ device: id })
  )
  t.throws(() => world.apply(foreign), { code: 'ERR_NOT_THE_OWNER' })
  world.height = 9
  world.apply(
    await world.call(world.operators[0]!, 'devices.revoke', revokeDeviceArgs({ device: id }))
  )
  t.equal(getDevice(world.state, id)?.revokedHeight, 9)
  await t.rejects(send({ seq: 1, previous: first }), { code: 'ERR_DEVICE_REVOKED' })
  const again = await world.call(
    world.operators[0]!,
    'devices.revoke',
    revokeDeviceArgs({ device: id })
  )
  t.throws(() => world.apply(again), { code: 'ERR_DEVICE_REVOKED' })
})

t.test('a statement signed by another key is refused', async t => {
  const { world, device } = await ward()
  const other = signer('thief')
  const forged = await world.sign(other, world.readings(device))
  t.throws(() => world.apply(forged), { code: 'ERR_DEVICE_KEY' })
})

t.test('a statement for another network is refused', async t => {
  const { send } = await ward()
  await t.rejects(send({ network: new Uint8Array(32).fill(7) }), { code: 'ERR_OTHER_NETWORK' })
})

t.test(
  'a lane is contiguous: what was taken, skipped or ahead is refused, each with its code',
  async t => {
    const { send } = await ward()
    await t.rejects(send({ seq: 1 }), { code: 'ERR_PLACE_SKIPPED' })
    const first = await send()
    await t.rejects(send(), { code: 'ERR_PLACE_TAKEN' })
    await t.rejects(send({ seq: 1, previous: new Uint8Array(32).fill(1) }), {
      code: 'ERR_CHAIN_AHEAD',
      retryable: true
    })
    await t.rejects(send({ seq: 2, previous: first }), { code: 'ERR_PLACE_SKIPPED' })
    await t.rejects(send({ boot: 0, seq: 5, previous: first }), { code: 'ERR_PLACE_TAKEN' })
    await t.rejects(send({ boot: 3, seq: 1, previous: first }), { code: 'ERR_PLACE_SKIPPED' })
    await send({ boot: 3, seq: 0, previous: first })
  }
)

t.test('lanes are chains of their own', async t => {
  const { world, device, send } = await ward()
  await send()
  await send({ lane: 1 })
  const id = deviceId(device.publicKey)
  t.equal(getLane(world.state, id, 0)?.seq, 0)
  t.equal(getLane(world.state, id, 1)?.seq, 0)
})

t.test('history can be lost only at the start of a boot of a lane that has one', async t => {
  const { send } = await ward()
  await t.rejects(send({ flags: 1 }), { code: 'ERR_PLACE_SKIPPED' })
  const first = await send()
  await send({ boot: 2, seq: 0, previous: first, flags: 1 })
})

t.test(
  'a gap takes the place of what was dropped, and the next statement follows the last dropped one',
  async t => {
    const { world, device, send } = await ward()
    const first = await send()
    const dropped = statementFormat.encode(world.readings(device, { boot: 2, seq: 4 }))
    const previous = statementId(dropped)
    const gap: GapStatement = {
      type: 'gap',
      network: world.network,
      device: deviceId(device.publicKey),
      lane: 0,
      boot: 1,
      seq: 1,
      previous: first,
      last: { boot: 2, seq: 4 },
      lastDropped: dropped,
      count: 700,
      reason: 1,
      time: 1_700_000_100_000
    }
    world.apply(await world.sign(device, gap))
    await t.rejects(send({ boot: 2, seq: 4, previous }), { code: 'ERR_PLACE_TAKEN' })
    await send({ boot: 2, seq: 5, previous })
  }
)

t.test('two statements for one place close the lane and undo nothing', async t => {
  const { world, device, send } = await ward()
  const first = await send()
  const [a, b] = await Promise.all(
    [60, 61].map(count =>
      world.sign(device, world.readings(device, { seq: 1, previous: first, count }))
    )
  )
  const evidence = conflictTransaction(transactionBody(a!), transactionBody(b!))
  t.same(
    evidence,
    conflictTransaction(transactionBody(b!), transactionBody(a!)),
    'one conflict has one form'
  )
  world.height = 5
  world.apply(evidence)
  t.match(getLane(world.state, deviceId(device.publicKey), 0), {
    seq: 0,
    quarantinedHeight: 5,
    head: first
  })
  t.throws(() => world.apply(a!), { code: 'ERR_CHAIN_QUARANTINED' })
  t.throws(() => world.apply(evidence), { code: 'ERR_CHAIN_QUARANTINED' })
  await send({ lane: 1 })
})

t.test('statements that do not contradict each other are no evidence', async t => {
  const { world, device } = await ward()
  const other = signer('other device')
  await world.register(other)
  const sign = async (by: Signer, fields: Partial<ReadingStatement>): Promise<Uint8Array> =>
    transactionBody(await world.sign(by, world.readings(by, fields)))
  const first = await sign(device, {})
  for (const second of [
    await sign(device, { seq: 1 }),
    await sign(device, { lane: 1 }),
    await sign(other, { count: 3 })
  ]) {
    t.throws(() => world.apply(conflictTransaction(first, second)), { code: 'ERR_NO_CONFLICT' })
  }
  t.throws(() => world.apply(conflictTransaction(first, first)), { code: 'ERR_SCHEMA' })
})

t.test("a member's devices share its payload bytes of the day", async t => {
  const world = new World(undefined, { payloadBytesPerMemberDay: 2_500 })
  const [one, two] = [signer('one'), signer('two')]
  await world.register(one)
  await world.register(two)
  const send = async (device: Signer, fields: Partial<ReadingStatement>): Promise<Uint8Array> =>
    world.apply(await world.sign(device, world.readings(device, fields))).id
  const first = await send(one, {})
  await send(two, {})
  await t.rejects(send(one, { seq: 1, previous: first }), { code: 'ERR_QUOTA', retryable: true })
  world.time += 86_400_000
  await send(one, { seq: 1, previous: first })
})

t.test('a retention class that the genesis does not have is refused', async t => {
  const { send } = await ward()
  await t.rejects(send({ retention: 1 }), { code: 'ERR_RETENTION' })
})
