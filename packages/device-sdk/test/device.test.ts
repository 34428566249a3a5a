import {
  createSigner,
  decodeReadings,
  decodeTransaction,
  epochKey,
  equalBytes,
  openPayload,
  PAYLOAD_BYTES_MAX,
  verifyReceipt,
  type LaneHead,
  type Reading,
  type Signer
} from '@vitalchain/core'
import t from 'tap'
import { createDevice, EPOCH_MS, EVENTS_MAX, memoryOutbox, type DeviceEvent } from '../src/index.ts'
import { FakeLedger, seed } from './fake-ledger.ts'
import { FakeNode } from './fake-node.ts'
import { bench, heartRates, STREAM } from './fixture.ts'
import { virtualTimers } from './virtual-timers.ts'

for (const algorithm of ['ed25519', 'es256'] as const) {
  t.test(
    `readings of an ${algorithm} device come back proved, and open with the stream's key`,
    async t => {
      const { ledger, device } = await bench(t, [{}], { algorithm })
      const readings = heartRates(3)
      const recorded = device.record(readings)
      await device.flush()
      const [submission, ...others] = await recorded
      t.equal(others.length, 0)
      await submission?.accepted
      await submission?.committed
      const proof = await submission!.proved
      const proven = verifyReceipt(proof.receipt, { genesis: ledger.network })
      if (proven.transaction.type !== 'statement') throw new Error('expected a statement')
      const { statement, id } = proven.transaction
      if (statement.type !== 'readings') throw new Error('expected readings')
      t.same(id, submission?.id)
      t.same(
        { from: statement.from, to: statement.to, count: statement.count, clock: statement.clock },
        { from: readings[0]!.time, to: readings[2]!.time, count: 3, clock: undefined }
      )
      const key = epochKey(STREAM.secret, statement.epoch)
      t.same(decodeReadings(openPayload(statement, ledger.committed[0]!.payload, key)), readings)
    }
  )
}

t.test('one signature covers a batch, and a rest waits for flush', async t => {
  let signatures = 0
  const inner = createSigner('ed25519', seed('device'))
  const signer: Signer = {
    publicKey: inner.publicKey,
    sign: message => {
      signatures++
      return inner.sign(message)
    }
  }
  const timers = virtualTimers(t, { jump: false })
  const { ledger, device } = await bench(t, [{}], { signer, timers })
  const recorded = device.record(heartRates(150))
  await timers.settle()
  t.equal(ledger.committed.length, 2)
  await device.flush()
  t.same(
    (await recorded).map(({ count, place }) => [count, place.seq]),
    [
      [60, 0],
      [60, 1],
      [30, 2]
    ]
  )
  await device.drained()
  t.equal(signatures, 3 + 1, 'three statements and the session')
})

t.test('a batch that does not fill is signed when its time is up', async t => {
  const timers = virtualTimers(t, { jump: false })
  const { ledger, device } = await bench(t, [{}], { timers, batch: { ms: 5_000 } })
  const first = device.record(heartRates(1))
  const second = device.record(heartRates(1, 1))
  timers.skip(4_999)
  await timers.settle()
  t.equal(ledger.committed.length, 0)
  timers.skip(1)
  t.equal((await first)[0], (await second)[0], 'one statement holds both')
  await device.drained()
  t.equal(ledger.committed.length, 1)
})

t.test('a batch whose payload would be too large is split, and no reading is lost', async t => {
  const { ledger, device } = await bench(t, [{}], { batch: { readings: 40 } })
  const notes: Reading[] = Array.from({ length: 40 }, (_, k) => ({
    name: 'note',
    time: k,
    value: `${k}`.padEnd(4_000, 'x')
  }))
  const submissions = await device.record(notes)
  t.ok(submissions.length > 1)
  await device.drained()
  t.ok(ledger.committed.every(({ payload }) => payload.length <= PAYLOAD_BYTES_MAX))
  const opened = ledger.committed.flatMap(({ statement, payload }) =>
    decodeReadings(openPayload(statement, payload, epochKey(STREAM.secret, statement.epoch)))
  )
  t.same(opened, notes)
})

t.test('a reading that no statement can hold fails its own call only', async t => {
  const { device } = await bench(t)
  const good = device.record(heartRates(1))
  await t.rejects(device.record([{ name: 'x', time: 0, value: Number.NaN }]), { code: 'ERR_SENML' })
  t.same(await device.record([]), [])
  await device.flush()
  await (
    await good
  )[0]?.proved
})

t.test('an epoch lasts an hour of elapsed time at most', async t => {
  const { ledger, device, timers } = await bench(t, [{}], { stream: { ...STREAM, epoch: 5 } })
  for (const wait of [0, EPOCH_MS - 20_000, 20_000, 3 * EPOCH_MS]) {
    timers.skip(wait)
    await device.record(heartRates(60))
    await device.drained()
  }
  const [first, second, third, fourth] = ledger.committed.map(({ statement }) => statement.epoch)
  t.equal(first, 5)
  t.ok(second === 5 || second === 6, 'waiting for other timers takes time too')
  t.equal(third, 6)
  t.equal(fourth, 9)
})

t.test('a device that starts again sends what it kept, in a new boot and a new epoch', async t => {
  const outbox = memoryOutbox()
  const ledger = new FakeLedger()
  const offline = await bench(t, [{ unreachable: () => true }], { ledger, outbox })
  const before = await offline.device.record(heartRates(120))
  await offline.device.stop()
  await t.rejects(before[0]!.proved, { code: 'ERR_DEVICE_STOPPED', retryable: true })
  await t.rejects(bench(t, [{}], { ledger, outbox }), { code: 'ERR_BOOT' })

  const { device } = await bench(t, [{}], { ledger, outbox, boot: 2 })
  t.equal(device.waiting().length, 2)
  await device.record(heartRates(60, 120))
  await device.drained()
  t.same(
    ledger.committed.map(({ statement: { boot, seq, epoch } }) => [boot, seq, epoch]),
    [
      [1, 0, 0],
      [1, 1, 0],
      [2, 0, 1]
    ]
  )
})

t.test('what a stop finds unsigned is stored first', async t => {
  const outbox = memoryOutbox()
  const ledger = new FakeLedger()
  const { device } = await bench(t, [{ unreachable: () => true }], { ledger, outbox })
  const recorded = device.record(heartRates(1))
  await device.stop()
  t.equal((await recorded).length, 1)
  t.equal((await outbox.load()).lanes[0].entries.length, 1)
  await t.rejects(device.record(heartRates(1)), { code: 'ERR_DEVICE_STOPPED' })
  await device.stop()
})

t.test('a device that remembers its heads goes on from them', async t => {
  const ledger = new FakeLedger()
  const first = await bench(t, [{}], { ledger })
  await first.device.record(heartRates(60))
  await first.device.drained()
  await first.device.stop()
  const resume = { 0: ledger.head(first.device.id, 0)! }
  const { device } = await bench(t, [{}], { ledger, boot: 2, resume })
  await device.record(heartRates(60))
  await device.drained()
  t.same(ledger.committed.at(-1)?.statement.previous, resume[0].head)
  t.equal(ledger.committed.at(-1)?.statement.flags, 0)
})

t.test('a device that lost its outbox asks the ledger and says that history was lost', async t => {
  const ledger = new FakeLedger()
  const first = await bench(t, [{}], { ledger, boot: 4, stream: { ...STREAM, epoch: 3 } })
  await first.device.record(heartRates(60))
  await first.device.drained()
  await first.device.stop()
  const { device } = await bench(t, [{}], { ledger, boot: 1, resume: 'ledger' })
  await device.record(heartRates(60))
  await device.record(heartRates(1), { urgent: true })
  await device.drained()
  const [, readings, urgent] = ledger.committed.map(({ statement }) => statement)
  t.match(readings, {
    boot: 5,
    seq: 0,
    flags: 1,
    previous: first.ledger.committed[0]?.id,
    epoch: 4
  })
  t.match(urgent, { lane: 1, boot: 1, seq: 0, flags: 0, epoch: 4 })
})

t.test('a device that lost its outbox believes no head that no quorum signed', async t => {
  const ledger = new FakeLedger()
  const invented = { boot: 9, seq: 9, head: seed('invented') }
  const first = await bench(t, [{}], { ledger })
  await first.device.record(heartRates(60))
  await first.device.drained()
  const other = ledger.receipt(ledger.committed[0]!.id)!
  await first.device.stop()
  const liar = new FakeNode(ledger, { head: () => invented, receipt: () => other }, 'liar')
  const { device, nodes } = await bench(t, [{}], {
    ledger,
    resume: 'ledger',
    transport: [liar, new FakeNode(ledger), new FakeNode(ledger, {}, 'another')]
  })
  await device.record(heartRates(60))
  await device.drained()
  t.equal(nodes.length, 1)
  t.equal(liar.connections, 1)
  t.match(ledger.committed.at(-1)?.statement, { boot: 2, flags: 1 })
})

for (const what of ['a head of long ago', 'that there is none'])
  t.test(
    `a device that lost its outbox does not contradict itself when a node says ${what}`,
    async t => {
      const ledger = new FakeLedger()
      const heads: (LaneHead | undefined)[] = []
      for (const boot of [1, 2]) {
        const [last] = heads
        const resume = last === undefined ? {} : { resume: { 0: last } }
        const { device } = await bench(t, [{}], { ledger, boot, ...resume })
        await device.record(heartRates(60, boot * 60))
        await device.drained()
        heads.push(ledger.head(device.id, 0))
        await device.stop()
      }
      // It restarted, and has not caught up with the others yet.
      const stale = what === 'that there is none' ? undefined : heads[0]
      const late = new FakeNode(ledger, { head: (_, lane) => (lane === 0 ? stale : undefined) })
      const { device } = await bench(t, [{}], {
        ledger,
        resume: 'ledger',
        transport: [late, new FakeNode(ledger, {}, 'another')]
      })
      await device.record(heartRates(60, 180))
      await device.drained()
      t.same(ledger.conflicts, [])
      t.match(ledger.committed.at(-1)?.statement, { boot: 3, seq: 0, flags: 1 })
    }
  )

t.test(
  'a device whose history the ledger knows better stops rather than contradict itself',
  async t => {
    const ledger = new FakeLedger()
    const first = await bench(t, [{}], { ledger })
    await first.device.record(heartRates(60))
    await first.device.drained()
    await first.device.stop()
    const { device } = await bench(t, [{}, {}], { ledger })
    await t.rejects(
      device.record(heartRates(60, 60)).then(() => device.drained()),
      { code: 'ERR_HISTORY_LOST' }
    )
    t.equal(ledger.committed.length, 1)
  }
)

t.test('a failing signer stops its lane and says so', async t => {
  const inner = createSigner('ed25519', seed('device'))
  let broken = false
  const signer: Signer = {
    publicKey: inner.publicKey,
    sign: async message => {
      if (broken) throw new Error('the secure element does not answer')
      return inner.sign(message)
    }
  }
  const { device } = await bench(t, [{}], { signer })
  const events = device.events()
  await device.record(heartRates(60))
  await device.drained()
  broken = true
  await t.rejects(device.record(heartRates(60)), { message: 'the secure element does not answer' })
  await t.rejects(device.record(heartRates(1)), { message: 'the secure element does not answer' })
  await t.rejects(device.drained())
  for await (const event of events) {
    if (event.type !== 'lane-stopped') continue
    t.equal(event.lane, 0)
    break
  }
})

t.test('a place is not signed twice when the outbox fails', async t => {
  const store = memoryOutbox()
  const { device, ledger } = await bench(t, [{}], {
    outbox: { ...store, append: async () => Promise.reject(new Error('disk full')) }
  })
  await t.rejects(device.record(heartRates(60)), { message: 'disk full' })
  await t.rejects(device.record(heartRates(60)), { message: 'disk full' })
  t.equal(ledger.committed.length, 0)
})

t.test('an outbox that cannot forget is reported, and the proof stands', async t => {
  const store = memoryOutbox()
  const { device } = await bench(t, [{}], {
    outbox: { ...store, remove: async () => Promise.reject(new Error('disk full')) }
  })
  const events = device.events()
  const [submission] = await device.record(heartRates(60))
  await submission?.proved
  for await (const event of events) if (event.type === 'outbox-fault') break
})

t.test('a secure element that returns a high S is understood', async t => {
  const inner = createSigner('es256', seed('device'))
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const signer: Signer = {
    publicKey: inner.publicKey,
    sign: async message => {
      const signature = await inner.sign(message)
      const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`)
      const high = (order - s).toString(16).padStart(64, '0')
      return new Uint8Array(Buffer.concat([signature.subarray(0, 32), Buffer.from(high, 'hex')]))
    }
  }
  const { device } = await bench(t, [{}], { signer })
  await device.record(heartRates(60))
  await device.drained()
})

async function collect(events: AsyncIterable<DeviceEvent>): Promise<DeviceEvent[]> {
  const seen: DeviceEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

t.test('events tell the way of a statement in order', async t => {
  const { device, nodes } = await bench(t)
  const events = device.events()
  const [submission] = await device.record(heartRates(60))
  const seen: string[] = []
  for await (const event of events) {
    seen.push(event.type)
    if (event.type === 'connected') t.same(event.node, nodes[0]?.key)
    if (event.type !== 'proved') continue
    t.equal(event.submission, submission)
    break
  }
  t.same(
    seen.filter(type => type !== 'connected'),
    ['stored', 'accepted', 'committed', 'proved']
  )
})

t.test('a reader of events that does not keep up is told what it missed', async t => {
  const { device } = await bench(t, [{}], { batch: { readings: 1 } })
  const events = device.events()
  await device.record(heartRates(100))
  await device.drained()
  await device.stop()
  const seen = await collect(events)
  t.match(seen[0], { type: 'missed' })
  const missed = seen[0]?.type === 'missed' ? seen[0].events : 0
  t.ok(missed >= 100 * 4 - EVENTS_MAX)
  t.equal(seen.length, 1 + EVENTS_MAX)
  t.same(await collect(device.events()), [], 'after the end there is nothing')
})

t.test('events end with their signal', async t => {
  const { device } = await bench(t)
  const end = new AbortController()
  const reading = collect(device.events({ signal: end.signal }))
  end.abort()
  await reading
})

t.test('nothing runs before start and nothing after stop', async t => {
  const timers = virtualTimers(t, { jump: false })
  const ledger = new FakeLedger()
  const node = new FakeNode(ledger)
  const signer = createSigner('ed25519', seed('device'))
  const make = () =>
    createDevice({
      signer,
      genesis: ledger.genesis,
      stream: STREAM,
      transport: node,
      boot: 1,
      timers
    })
  const device = make()
  ledger.register(device.id, signer.publicKey)
  await t.rejects(device.record(heartRates(1)), { code: 'ERR_DEVICE_NOT_STARTED' })
  t.equal(timers.pending, 0)
  t.equal(node.connections, 0)
  await device.start()
  await t.rejects(device.start(), { code: 'ERR_DEVICE_STARTED' })
  await timers.settle()
  t.equal(node.open, 1)
  await device.stop()
  t.equal(timers.pending, 0)
  t.equal(node.open, 0)
  t.equal(node.closed, 1)

  const aborted = make()
  const stop = new AbortController()
  await aborted.start({ signal: stop.signal })
  stop.abort()
  await aborted.stop()
  t.equal(timers.pending, 0)
  const never = make()
  await never.start({ signal: AbortSignal.abort() })
  await t.rejects(never.record(heartRates(1)), { code: 'ERR_DEVICE_STOPPED' })
  const unstarted = make()
  await unstarted.stop()
  await t.rejects(unstarted.start(), { code: 'ERR_DEVICE_STOPPED' })
})

t.test('waiting for an empty outbox can be given up', async t => {
  const { device } = await bench(t, [{ unreachable: () => true }])
  await device.record(heartRates(60))
  const patience = new AbortController()
  const drained = device.drained({ signal: patience.signal })
  patience.abort(new Error('no more patience'))
  await t.rejects(drained, { message: 'no more patience' })
})

t.test('settings that cannot work are refused at once', async t => {
  const ledger = new FakeLedger()
  const good = {
    signer: createSigner('ed25519', seed('device')),
    genesis: ledger.genesis,
    stream: STREAM,
    transport: new FakeNode(ledger),
    boot: 1
  }
  t.ok(createDevice(good))
  for (const bad of [
    { stream: { ...STREAM, id: new Uint8Array(15) } },
    { stream: { ...STREAM, secret: new Uint8Array(31) } },
    { stream: { ...STREAM, generation: -1 } },
    { stream: { ...STREAM, epoch: 0.5 } },
    { boot: 2 ** 32 },
    { retention: 1 },
    { transport: [] },
    { batch: { readings: 0 } },
    { batch: { ms: 0 } }
  ])
    t.throws(() => createDevice({ ...good, ...bad }), { code: 'ERR_DEVICE_INIT' })
  t.throws(() => createDevice({ ...good, genesis: new Uint8Array(3) }))
})

t.test('a device whose key was rotated keeps its identifier', async t => {
  const ledger = new FakeLedger()
  const id = seed('its first key')
  const { device } = await bench(t, [{}], { ledger, device: id })
  await device.record(heartRates(60))
  await device.drained()
  const decoded = decodeTransaction(ledger.committed[0]!.transaction)
  t.ok(decoded.type === 'statement' && equalBytes(decoded.statement.device, id))
})
