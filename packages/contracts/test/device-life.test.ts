import {
  claimId,
  claimSigner,
  conflictTransaction,
  deviceId,
  enrolTransaction,
  LANE,
  makeRotation,
  memberId,
  sha256,
  statementFormat,
  statementId,
  transactionBody,
  utf8,
  type DeviceDescription,
  type ReadingStatement,
  type Signer,
  type Statement
} from '@vitalchain/core'
import {
  acceptDeviceArgs,
  associateStreamArgs,
  callHead,
  claimDeviceArgs,
  dissociateStreamArgs,
  getClaim,
  getDevice,
  getLane,
  listDevices,
  offerDeviceArgs,
  rekeyDeviceArgs,
  retireDeviceArgs,
  revokeDeviceArgs,
  unclaimDeviceArgs,
  type ClaimDevice
} from '@vitalchain/contracts'
import t from 'tap'
import { signer, World } from './fixture.ts'

const ANNA = sha256(utf8('stream of Anna')).subarray(0, 16)
const BORIS = sha256(utf8('stream of Boris')).subarray(0, 16)

/** A monitor of the first hospital, with its next place in each lane. */
class Ward {
  readonly world = new World()
  readonly first: Signer = signer('monitor')
  readonly id: Uint8Array = deviceId(this.first.publicKey)
  /** What the next statement of a lane stands on. */
  readonly places: { boot: number; seq: number; previous: Uint8Array }[] = [0, 1].map(() => ({
    boot: 1,
    seq: 0,
    previous: new Uint8Array(32)
  }))

  static async open(): Promise<Ward> {
    const ward = new Ward()
    await ward.world.register(ward.first)
    return ward
  }

  place(
    lane: 0 | 1 = 0
  ): Pick<ReadingStatement, 'network' | 'device' | 'lane'> & Ward['places'][0] {
    return { network: this.world.network, device: this.id, lane, ...this.places[lane]! }
  }

  readings(fields: Partial<ReadingStatement> = {}): ReadingStatement {
    const { lane = 0, ...rest } = fields
    return { ...this.world.readings(this.first), ...this.place(lane), ...rest }
  }

  binding(stream: Uint8Array | undefined, generation = 0, lane: 0 | 1 = 0): Statement {
    return { type: 'stream', ...this.place(lane), flags: 0, stream, generation }
  }

  /** Signs a statement and has it taken, or throws. */
  async take(statement: Statement, by: Signer = this.first): Promise<void> {
    const { id } = this.world.apply(await this.world.sign(by, statement))
    const { lane, boot, seq } = statement
    this.places[lane] = { boot, seq: seq + 1, previous: id }
  }

  /** The device starts again. */
  restart(): void {
    for (const place of this.places) {
      place.boot++
      place.seq = 0
    }
  }

  async call(hospital: number, method: string, args: Uint8Array): Promise<void> {
    this.world.apply(
      await this.world.call(this.world.operators[hospital]!, `devices.${method}`, args)
    )
  }
}

const claimKey = claimSigner(utf8('a claim to test '))
const claim = claimId(claimKey.publicKey)
const expected: ClaimDevice = {
  claimKey: claimKey.publicKey,
  model: 'monitor',
  firmware: undefined,
  metrics: ['heart rate', 'SpO2'],
  expires: 100
}
const described: DeviceDescription = {
  model: 'monitor',
  firmware: sha256(utf8('firmware 1')),
  metrics: ['SpO2']
}

async function claimed(fields: Partial<ClaimDevice> = {}): Promise<World> {
  const world = new World()
  const args = claimDeviceArgs({ ...expected, ...fields })
  world.apply(await world.call(world.operators[0]!, 'devices.claim', args))
  return world
}

t.test('a claim enrols one device, which belongs to who made the claim', async t => {
  const world = await claimed()
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const device = signer('new device', algorithm)
    const enrol = await enrolTransaction(world.network, claimKey, device, described)
    const id = deviceId(device.publicKey)
    if (algorithm === 'ed25519') {
      world.height = 100
      world.apply(enrol)
      t.match(getDevice(world.state, id), {
        owner: memberId(world.operators[0]!.publicKey),
        ...described,
        claim,
        registeredHeight: 100
      })
      t.strictSame(getClaim(world.state, claim)?.ended, { height: 100, device: id })
      t.strictSame(
        [...listDevices(world.state, memberId(world.operators[0]!.publicKey))].map(each => each.id),
        [id]
      )
    } else {
      t.throws(() => world.apply(enrol), { code: 'ERR_AUTHOR_UNKNOWN' }, 'once')
    }
  }
  t.equal(callHead(world.state, claim), undefined, 'its account ended with it')
  const again = await world.call(world.operators[0]!, 'devices.claim', claimDeviceArgs(expected))
  t.throws(() => world.apply(again), { code: 'ERR_CLAIM_EXISTS' }, 'nor is it made again')
})

t.test('a claim may do nothing but enrol', async t => {
  const world = await claimed()
  const call = await world.call(
    claimKey,
    'devices.revoke',
    revokeDeviceArgs({ device: claim }),
    undefined,
    claim
  )
  t.throws(() => world.apply(call), { code: 'ERR_NOT_A_MEMBER' })
})

t.test('a claim ends with its height, or when it is withdrawn by who made it', async t => {
  const world = await claimed()
  const enrol = await enrolTransaction(world.network, claimKey, signer('late'), described)
  world.height = 101
  t.throws(() => world.apply(enrol), { code: 'ERR_CLAIM_EXPIRED' })
  world.height = 50
  const unclaim = unclaimDeviceArgs({ claim })
  const foreign = await world.call(world.operators[1]!, 'devices.unclaim', unclaim)
  t.throws(() => world.apply(foreign), { code: 'ERR_NOT_THE_OWNER' })
  world.apply(await world.call(world.operators[0]!, 'devices.unclaim', unclaim))
  t.throws(() => world.apply(enrol), { code: 'ERR_AUTHOR_UNKNOWN' })
  const again = await world.call(world.operators[0]!, 'devices.unclaim', unclaim)
  t.throws(() => world.apply(again), { code: 'ERR_CLAIM_UNKNOWN' })
  for (const expires of [50, 50 + 1_000_001]) {
    const args = claimDeviceArgs({ ...expected, claimKey: signer('other').publicKey, expires })
    const call = await world.call(world.operators[0]!, 'devices.claim', args)
    t.throws(() => world.apply(call), { code: 'ERR_CLAIM_EXPIRED' })
  }
})

t.test('a device that is not what the operator expects is not admitted', async t => {
  const world = await claimed({ firmware: described.firmware })
  const device = signer('other model')
  for (const wrong of [
    { model: 'pump' },
    { firmware: sha256(utf8('firmware 2')) },
    { firmware: undefined },
    { metrics: ['SpO2', 'glucose'] }
  ]) {
    const enrol = await enrolTransaction(world.network, claimKey, device, {
      ...described,
      ...wrong
    })
    t.throws(() => world.apply(enrol), { code: 'ERR_CLAIM_MISMATCH' })
  }
  world.apply(await enrolTransaction(world.network, claimKey, device, described))
})

t.test('who has the claim but not the device key enrols nothing', async t => {
  const world = await claimed()
  const { publicKey } = signer('victim')
  const pretender: Signer = { publicKey, sign: message => signer('thief').sign(message) }
  const enrol = await enrolTransaction(world.network, claimKey, pretender, described)
  t.throws(() => world.apply(enrol), { code: 'ERR_KEY_PROOF' })
})

t.test('a proof of another claim does not enrol', async t => {
  const world = await claimed()
  const device = signer('new device')
  const other = claimSigner(utf8('another claim ..'))
  // The device signs for the other claim; the call is signed by this one.
  const mixed: Signer = { publicKey: claimKey.publicKey, sign: message => claimKey.sign(message) }
  const replayed: Signer = {
    publicKey: device.publicKey,
    sign: async () => {
      const seen: Uint8Array[] = []
      const spy: Signer = {
        publicKey: device.publicKey,
        sign: async message => {
          const signature = await device.sign(message)
          seen.push(signature)
          return signature
        }
      }
      await enrolTransaction(world.network, other, spy, described)
      return seen[0]!
    }
  }
  const enrol = await enrolTransaction(world.network, mixed, replayed, described)
  t.throws(() => world.apply(enrol), { code: 'ERR_KEY_PROOF' })
})

t.test('a rotation moves one lane to a new key that signed it too', async t => {
  for (const algorithm of ['ed25519', 'es256'] as const) {
    const ward = await Ward.open()
    const next = signer('second key', algorithm)
    await ward.take(ward.readings())
    await ward.take(await makeRotation(ward.place(), 0, ward.first.publicKey, next))
    t.match(getLane(ward.world.state, ward.id, 0), { seq: 1, publicKey: next.publicKey })
    await t.rejects(ward.take(ward.readings()), { code: 'ERR_DEVICE_KEY' }, 'the old key is over')
    await ward.take(ward.readings(), next)
    await ward.take(ward.readings({ lane: 1 }))
    t.equal(getLane(ward.world.state, ward.id, 1)?.publicKey, undefined, 'the other lane goes on')
    await ward.take(await makeRotation(ward.place(1), 0, ward.first.publicKey, next))
    await ward.take(ward.readings({ lane: 1 }), next)
  }
})

t.test('a rotation opens a lane that had no statement', async t => {
  const ward = await Ward.open()
  const next = signer('second key')
  await ward.take(await makeRotation(ward.place(1), 0, ward.first.publicKey, next))
  await t.rejects(ward.take(ward.readings({ lane: 1 })), { code: 'ERR_DEVICE_KEY' })
  await ward.take(ward.readings({ lane: 1 }), next)
})

t.test('a rotation without the new key, to the same key, or to no key is refused', async t => {
  const ward = await Ward.open()
  const next = signer('second key')
  const { publicKey } = next
  const forged = await makeRotation(ward.place(), 0, ward.first.publicKey, {
    publicKey,
    sign: message => ward.first.sign(message)
  })
  await t.rejects(ward.take(forged), { code: 'ERR_KEY_PROOF' })
  const elsewhere = await makeRotation(ward.place(1), 0, ward.first.publicKey, next)
  await t.rejects(ward.take({ ...elsewhere, ...ward.place(0) }), { code: 'ERR_KEY_PROOF' })
  const same = await makeRotation(ward.place(), 0, ward.first.publicKey, ward.first)
  await t.rejects(ward.take(same), { code: 'ERR_NOTHING_CHANGES' })
  const noKey = { algorithm: 'ed25519' as const, bytes: new Uint8Array(32) }
  await t.rejects(ward.take({ ...elsewhere, ...ward.place(0), newKey: noKey }), {
    code: 'ERR_KEY_INVALID'
  })
})

t.test('a key that was rotated away cannot close its lane', async t => {
  const ward = await Ward.open()
  const next = signer('second key')
  await ward.take(await makeRotation(ward.place(), 0, ward.first.publicKey, next))
  const twins = await Promise.all(
    [1, 2].map(count => ward.world.sign(ward.first, ward.readings({ count })))
  )
  const conflict = conflictTransaction(transactionBody(twins[0]!), transactionBody(twins[1]!))
  t.throws(() => ward.world.apply(conflict), { code: 'ERR_DEVICE_KEY' })
  await ward.take(ward.readings(), next)
})

t.test('readings and a rotation at one place contradict each other', async t => {
  const ward = await Ward.open()
  const rotation = await makeRotation(ward.place(), 0, ward.first.publicKey, signer('second key'))
  const signed = await Promise.all(
    [rotation, ward.readings()].map(each => ward.world.sign(ward.first, each))
  )
  ward.world.apply(conflictTransaction(transactionBody(signed[0]!), transactionBody(signed[1]!)))
  t.equal(getLane(ward.world.state, ward.id, 0)?.quarantinedHeight, 1)
})

t.test(
  'the owner re-keys a device: both lanes take the new key and no closed one stays closed',
  async t => {
    const ward = await Ward.open()
    const { world, id } = ward
    await ward.take(ward.readings())
    await ward.take(
      await makeRotation(ward.place(1), 0, ward.first.publicKey, signer('second key'))
    )
    const twins = await Promise.all(
      [1, 2].map(count => world.sign(ward.first, ward.readings({ count })))
    )
    const conflict = conflictTransaction(transactionBody(twins[0]!), transactionBody(twins[1]!))
    world.apply(conflict)
    const third = signer('third key')
    const rekey = rekeyDeviceArgs({ device: id, publicKey: third.publicKey })
    await t.rejects(ward.call(1, 'rekey', rekey), { code: 'ERR_NOT_THE_OWNER' })
    const current = rekeyDeviceArgs({ device: id, publicKey: ward.first.publicKey })
    await t.rejects(ward.call(0, 'rekey', current), { code: 'ERR_NOTHING_CHANGES' })
    await ward.call(0, 'rekey', rekey)
    t.throws(() => world.apply(conflict), { code: 'ERR_DEVICE_KEY' }, 'old proof closes nothing')
    ward.restart()
    for (const lane of [0, 1] as const) {
      t.match(getLane(world.state, id, lane), {
        quarantinedHeight: undefined,
        publicKey: undefined
      })
      await t.rejects(ward.take(ward.readings({ lane })), { code: 'ERR_DEVICE_KEY' })
      await ward.take(ward.readings({ lane, flags: 1 }), third)
    }
  }
)

t.test('a lane closed before its first statement begins anew after a re-keying', async t => {
  const ward = await Ward.open()
  const twins = await Promise.all(
    [1, 2].map(count => ward.world.sign(ward.first, ward.readings({ count })))
  )
  ward.world.apply(conflictTransaction(transactionBody(twins[0]!), transactionBody(twins[1]!)))
  const next = signer('second key')
  await ward.call(0, 'rekey', rekeyDeviceArgs({ device: ward.id, publicKey: next.publicKey }))
  t.equal(getLane(ward.world.state, ward.id, 0), undefined)
  await ward.take(ward.readings(), next)
})

t.test(
  'a monitor that goes to the next patient never mixes streams, however late it all arrives',
  async t => {
    const ward = await Ward.open()
    const allow = (stream: Uint8Array): Promise<void> =>
      ward.call(0, 'associate', associateStreamArgs({ device: ward.id, stream, generation: 3 }))
    await allow(ANNA)
    await ward.take(ward.binding(ANNA, 3))
    await ward.take(ward.readings({ stream: ANNA, generation: 3 }))
    await t.rejects(ward.take(ward.readings({ stream: BORIS, generation: 3 })), {
      code: 'ERR_STREAM'
    })
    await t.rejects(ward.take(ward.readings({ stream: ANNA, generation: 4 })), {
      code: 'ERR_STREAM'
    })
    // The monitor is offline while the nurse moves it; the operator allows the next patient already.
    await t.rejects(ward.take(ward.binding(BORIS, 3)), { code: 'ERR_STREAM', retryable: true })
    await allow(BORIS)
    await t.rejects(ward.take(ward.readings({ stream: BORIS, generation: 3 })), {
      code: 'ERR_STREAM'
    })
    await ward.take(ward.readings({ stream: ANNA, generation: 3 }))
    await ward.take(ward.binding(undefined))
    for (const stream of [ANNA, BORIS])
      await t.rejects(ward.take(ward.readings({ stream, generation: 3 })), { code: 'ERR_STREAM' })
    await ward.take(ward.binding(BORIS, 3))
    await t.rejects(ward.take(ward.readings({ stream: ANNA, generation: 3 })), {
      code: 'ERR_STREAM'
    })
    await ward.take(ward.readings({ stream: BORIS, generation: 3 }))
    ward.restart()
    await ward.take(ward.readings({ stream: BORIS, generation: 3 }))
    t.match(getLane(ward.world.state, ward.id, 0)?.binding, { stream: BORIS, generation: 3 })
    // A lane that was never bound is as before.
    await ward.take(ward.readings({ lane: LANE.urgent, stream: ANNA }))
  }
)

t.test(
  'what the owner takes back cannot begin any more, and what began goes on to its end',
  async t => {
    const ward = await Ward.open()
    const stream = { device: ward.id, stream: ANNA }
    await t.rejects(ward.call(0, 'dissociate', dissociateStreamArgs(stream)), {
      code: 'ERR_NOTHING_CHANGES'
    })
    const foreign = associateStreamArgs({ ...stream, generation: 0 })
    await t.rejects(ward.call(1, 'associate', foreign), { code: 'ERR_NOT_THE_OWNER' })
    await ward.call(0, 'associate', associateStreamArgs({ ...stream, generation: 1 }))
    await t.rejects(ward.call(0, 'associate', associateStreamArgs({ ...stream, generation: 1 })), {
      code: 'ERR_NOTHING_CHANGES'
    })
    await t.rejects(ward.call(0, 'associate', foreign), { code: 'ERR_STREAM' }, 'generations go up')
    await ward.take(ward.binding(ANNA, 1))
    await ward.call(0, 'dissociate', dissociateStreamArgs(stream))
    await ward.take(ward.readings({ stream: ANNA, generation: 1 }))
    await t.rejects(ward.take(ward.binding(ANNA, 1, 1)), { code: 'ERR_STREAM', retryable: true })
    await ward.call(0, 'associate', associateStreamArgs({ ...stream, generation: 1 }))
    await ward.take(ward.binding(ANNA, 1, 1))
  }
)

t.test('a gap leaves a lane bound', async t => {
  const ward = await Ward.open()
  await ward.call(
    0,
    'associate',
    associateStreamArgs({ device: ward.id, stream: ANNA, generation: 0 })
  )
  await ward.take(ward.binding(ANNA))
  const lastDropped = statementFormat.encode(ward.readings({ stream: ANNA, boot: 1, seq: 7 }))
  await ward.take({
    type: 'gap',
    ...ward.place(),
    last: { boot: 1, seq: 7 },
    lastDropped,
    count: 5,
    reason: 1,
    time: 0
  })
  ward.places[0] = { boot: 1, seq: 8, previous: statementId(lastDropped) }
  await t.rejects(ward.take(ward.readings({ stream: BORIS })), { code: 'ERR_STREAM' })
  await ward.take(ward.readings({ stream: ANNA }))
})

t.test('a device changes hands when both sides sign, from a boot on', async t => {
  const ward = await Ward.open()
  const { world, id } = ward
  const [first, second] = world.operators.map(operator => memberId(operator.publicKey))
  await ward.call(0, 'associate', associateStreamArgs({ device: id, stream: ANNA, generation: 0 }))
  await ward.take(ward.binding(ANNA))
  await ward.take(ward.readings({ stream: ANNA }))
  const accept = acceptDeviceArgs({ device: id })
  await t.rejects(ward.call(1, 'accept', accept), { code: 'ERR_NO_OFFER' })
  const offer = offerDeviceArgs({ device: id, to: second, boot: 0 })
  await t.rejects(ward.call(1, 'offer', offer), { code: 'ERR_NOT_THE_OWNER' })
  await t.rejects(ward.call(0, 'offer', offerDeviceArgs({ device: id, to: first, boot: 0 })), {
    code: 'ERR_NOTHING_CHANGES'
  })
  await t.rejects(ward.call(0, 'offer', offerDeviceArgs({ device: id, to: id, boot: 0 })), {
    code: 'ERR_NOT_A_MEMBER'
  })
  await ward.call(0, 'offer', offer)
  await ward.call(0, 'offer', offerDeviceArgs({ device: id, to: undefined, boot: 0 }))
  await t.rejects(ward.call(1, 'accept', accept), { code: 'ERR_NO_OFFER' }, 'taken back')
  await ward.call(0, 'offer', offer)
  await t.rejects(ward.call(2, 'accept', accept), { code: 'ERR_NO_OFFER' })
  await ward.call(1, 'accept', accept)
  t.match(getDevice(world.state, id), { owner: second, formerOwner: first, ownerFromBoot: 2 })
  t.same([...listDevices(world.state, first!)], [])
  t.equal([...listDevices(world.state, second!)].length, 1)
  await t.rejects(ward.call(0, 'offer', offer), { code: 'ERR_NOT_THE_OWNER' })
  // What it recorded at the first hospital still arrives, and still is that hospital's.
  await ward.take(ward.readings({ stream: ANNA }))
  ward.restart()
  await t.rejects(
    ward.take(ward.readings({ stream: ANNA })),
    { code: 'ERR_STREAM' },
    "the first hospital's patient is not the second's"
  )
  await t.rejects(ward.take(ward.binding(ANNA)), { code: 'ERR_STREAM' })
  await ward.call(1, 'associate', associateStreamArgs({ device: id, stream: BORIS, generation: 0 }))
  await ward.take(ward.binding(BORIS))
  await ward.take(ward.readings({ stream: BORIS }))
  await ward.call(1, 'offer', offerDeviceArgs({ device: id, to: first, boot: 0 }))
  await ward.call(0, 'accept', accept)
  t.equal([...listDevices(world.state, first!)].length, 1, 'once, though it came twice')
})

t.test('what a device sends counts for who owned it at that boot', async t => {
  const world = new World(undefined, { payloadBytesPerMemberDay: 2_500 })
  const device = signer('monitor')
  const id = await world.register(device)
  const send = async (fields: Partial<ReadingStatement>): Promise<Uint8Array> =>
    world.apply(await world.sign(device, world.readings(device, fields))).id
  const first = await send({})
  const second = await send({ seq: 1, previous: first })
  const to = memberId(world.operators[1]!.publicKey)
  const call = async (hospital: number, method: string, args: Uint8Array): Promise<void> =>
    void world.apply(await world.call(world.operators[hospital]!, method, args))
  await call(0, 'devices.offer', offerDeviceArgs({ device: id, to, boot: 0 }))
  await call(1, 'devices.accept', acceptDeviceArgs({ device: id }))
  await t.rejects(send({ seq: 2, previous: second }), { code: 'ERR_QUOTA' })
  await send({ boot: 2, seq: 0, previous: second })
})

t.test(
  'nothing is taken of a retired device from its boot on; what it has still arrives',
  async t => {
    const ward = await Ward.open()
    const retire = retireDeviceArgs({ device: ward.id, boot: 2 })
    await t.rejects(ward.call(1, 'retire', retire), { code: 'ERR_NOT_THE_OWNER' })
    await ward.take(ward.readings())
    ward.world.height = 8
    await ward.call(0, 'retire', retire)
    t.strictSame(getDevice(ward.world.state, ward.id)?.retired, { height: 8, boot: 2 })
    await ward.take(ward.readings())
    ward.restart()
    await t.rejects(ward.take(ward.readings()), { code: 'ERR_DEVICE_RETIRED' })
    await t.rejects(ward.call(0, 'retire', retire), { code: 'ERR_DEVICE_RETIRED' })
    const rekey = rekeyDeviceArgs({ device: ward.id, publicKey: signer('second key').publicKey })
    await t.rejects(ward.call(0, 'rekey', rekey), { code: 'ERR_DEVICE_RETIRED' })
  }
)
