import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { STATEMENT_FLAG } from '@vitalchain/core'
import {
  COMMIT_WAIT_MIN_MS,
  memoryOutbox,
  type DeviceConnection,
  type DeviceEvent,
  type DeviceTransport,
  type OutboxStore
} from '../src/index.ts'
import { FakeLedger, type Submitted } from './fake-ledger.ts'
import { FakeNode, type Fate } from './fake-node.ts'
import { bench, heartRates, seededRandom, type Bench } from './fixture.ts'
import { useNodeCrypto } from './node-crypto.ts'
import { virtualTimers } from './virtual-timers.ts'

useNodeCrypto()

const SINGLE = { batch: { readings: 1 } }

/** Bytes of a statement of one reading with its payload, about. */
const STATEMENT_BYTES = 520

/** Readings on the ledger and readings that a gap stands for, in the order of a lane's chain. */
function history(ledger: FakeLedger, lane: 0 | 1 = 0): (number | { readonly dropped: number })[] {
  const found: (number | { readonly dropped: number })[] = []
  for (const { statement } of ledger.chain) {
    if (statement.lane !== lane) continue
    if (statement.type === 'gap') found.push({ dropped: statement.count })
    if (statement.type === 'readings') found.push(statement.from)
  }
  return found
}

/** Numbers of the readings that are missing, in a lane in which everything is accounted for. */
function accounted(
  t: { same(a: unknown, b: unknown): unknown },
  ledger: FakeLedger,
  count: number
) {
  const times = heartRates(count).map(({ time }) => time)
  let at = 0
  const gaps: (readonly [from: number, count: number])[] = []
  for (const each of history(ledger)) {
    if (typeof each === 'number') t.same(each, times[at++])
    else {
      gaps.push([at, each.dropped])
      at += each.dropped
    }
  }
  t.same(at, count)
  t.same(ledger.conflicts, [])
  return gaps
}

/** What a node does that commits gaps and forgets readings. */
function gapsOnly(_: number, { statement }: Submitted): Fate | undefined {
  return statement.type === 'gap' ? undefined : 'drop'
}

t.test('a full outbox drops the oldest and leaves one signed gap in their place', async t => {
  let down = true
  const { ledger, device } = await bench(t, [{ unreachable: () => down }], {
    full: 'drop-oldest',
    outboxBytes: 20 * STATEMENT_BYTES,
    ...SINGLE
  })
  const events = device.events()
  const first = await device.record(heartRates(1))
  await device.record(heartRates(99, 1))
  await t.rejects(first[0]!.proved, { code: 'ERR_OUTBOX_DROPPED' })
  await t.rejects(first[0]!.accepted, { code: 'ERR_OUTBOX_DROPPED' })
  t.ok(device.waiting().length <= 24, `${device.waiting().length} wait`)
  const [gap] = device.waiting()
  t.equal(gap?.type, 'gap')
  down = false
  await device.drained()
  t.equal((await gap!.proved).proven.transaction.type, 'statement')
  t.equal(accounted(t, ledger, 100).length, 1)
  const told: DeviceEvent[] = []
  for await (const event of events) {
    told.push(event)
    if (event.type === 'proved') break
  }
  t.ok(told.some(({ type }) => type === 'dropped' || type === 'missed'))
})

t.test('what may have left the device is not dropped: it may be on the ledger', async t => {
  const timers = virtualTimers(t, { jump: false })
  const { ledger, device, nodes } = await bench(t, [{}], {
    timers,
    full: 'drop-oldest',
    outboxBytes: 40 * STATEMENT_BYTES,
    ...SINGLE
  })
  ledger.pause()
  await device.record(heartRates(1))
  await timers.settle()
  await device.record(heartRates(119, 1))
  await timers.settle()
  const sent = nodes[0]?.submissions ?? 0
  t.ok(sent > 0 && sent < 40)
  ledger.resume()
  await device.drained()
  const gaps = accounted(t, ledger, 120)
  t.equal(gaps.length, 1)
  t.ok(gaps[0]![0] >= sent, 'the gap begins behind what was sent')
})

t.test('a restarted device knows what may have left it before', async t => {
  const ledger = new FakeLedger()
  const timers = virtualTimers(t, { jump: false })
  const settings = {
    ledger,
    timers,
    outbox: memoryOutbox(),
    full: 'drop-oldest' as const,
    outboxBytes: 40 * STATEMENT_BYTES,
    ...SINGLE
  }
  ledger.pause()
  const first = await bench(t, [{}], settings)
  await first.device.record(heartRates(10))
  await timers.settle()
  t.ok(first.nodes[0]!.submissions > 0)
  await first.device.stop()
  // The node has the first statements and commits them while the device, back again, fills its outbox.
  const second = await bench(t, [{ unreachable: n => n === 0 }], { ...settings, boot: 2 })
  await second.device.record(heartRates(90, 10))
  ledger.resume()
  timers.skip(20_000)
  await second.device.drained()
  t.equal(accounted(t, ledger, 100).length, 1)
})

t.test('a gap that was sent stays, and later ones stand behind it', async t => {
  const timers = virtualTimers(t, { jump: false })
  let down = true
  const { ledger, device } = await bench(t, [{ unreachable: () => down }], {
    timers,
    full: 'drop-oldest',
    outboxBytes: 20 * STATEMENT_BYTES,
    ...SINGLE
  })
  await device.record(heartRates(60))
  ledger.pause()
  down = false
  timers.skip(20_000)
  await timers.settle()
  await device.record(heartRates(60, 60))
  await timers.settle()
  ledger.resume()
  await device.drained()
  t.ok(accounted(t, ledger, 120).length >= 2)
})

t.test('the urgent lane is not dropped for a full one of readings', async t => {
  let down = true
  const { ledger, device } = await bench(t, [{ unreachable: () => down }], {
    full: 'drop-oldest',
    outboxBytes: 20 * STATEMENT_BYTES,
    ...SINGLE
  })
  const [alarm] = await device.record(heartRates(1), { urgent: true })
  await device.record(heartRates(100))
  down = false
  await alarm?.proved
  await device.drained()
  t.equal(history(ledger, 1).length, 1)
  accounted(t, ledger, 100)
})

t.test(
  'a node that drops every third batch in silence: all are committed in order within 30 s',
  async t => {
    const { ledger, device, timers } = await bench(
      t,
      [{ submit: n => (n % 3 === 2 ? 'drop' : undefined) }, {}],
      SINGLE
    )
    await device.record(heartRates(60))
    await device.drained()
    t.same(accounted(t, ledger, 60), [])
    t.ok(timers.elapsed() < 30_000, `${timers.elapsed()} ms`)
  }
)

t.test('two nodes that get the same batches at once: each is on the ledger once', async t => {
  const timers = virtualTimers(t)
  const ledger = new FakeLedger()
  const { device, nodes } = await bench(t, [{}, {}], { ledger, timers, ...SINGLE })
  ledger.pause()
  await device.record(heartRates(20))
  // The first node holds them and says nothing for so long that the second one is given them too.
  for await (const event of device.events())
    if (event.type === 'connected' && timers.elapsed() > COMMIT_WAIT_MIN_MS) break
  await timers.settle()
  ledger.resume()
  await device.drained()
  t.ok(nodes.every(({ submissions }) => submissions >= 20))
  t.same(accounted(t, ledger, 20), [])
})

t.test(
  'after a week without any node all drains in order, and the last alarm comes first',
  async t => {
    const timers = virtualTimers(t, { jump: false })
    const week = 7 * 86_400_000
    let down = true
    const { ledger, device } = await bench(
      t,
      [{ unreachable: () => down }, { unreachable: () => down }],
      { timers, batch: { readings: 100, ms: week } }
    )
    for (let day = 0; day < 7; day++) {
      await device.record(heartRates(2_000, day * 2_000))
      timers.skip(86_400_000)
      await timers.settle()
    }
    const [alarm] = await device.record(heartRates(1), { urgent: true })
    down = false
    timers.skip(20_000)
    await device.drained()
    t.equal(ledger.chain[0]?.id.join(), alarm?.id.join())
    const counts = ledger.committed.filter(({ statement }) => statement.lane === 0)
    t.equal(counts.length, 140)
    t.same(
      counts.map(({ statement }) => statement.seq),
      counts.map((_, k) => k)
    )
  }
)

t.test('an outbox that counts boots needs no count from the app', async t => {
  const ledger = new FakeLedger()
  const inner = memoryOutbox()
  let boots = 6
  const outbox: OutboxStore = {
    ...inner,
    load: async () => ({ ...(await inner.load()), boot: ++boots })
  }
  const run = async (): Promise<Bench> =>
    bench(t, [{}], { ledger, outbox, ...({ boot: undefined } as object), ...SINGLE })
  for (const count of [1, 2]) {
    const { device } = await run()
    await device.record(heartRates(1))
    await device.drained()
    await device.stop()
    t.equal(ledger.committed.length, count)
  }
  t.same(
    ledger.committed.map(({ statement: { boot } }) => boot),
    [7, 8]
  )
})

t.test('an outbox that cannot count needs one', async t => {
  await t.rejects(bench(t, [{}], { ...({ boot: undefined } as object) }), {
    code: 'ERR_DEVICE_INIT'
  })
})

t.test('a device that asked the ledger once goes on offline after its next start', async t => {
  const ledger = new FakeLedger()
  const outbox = memoryOutbox()
  const first = await bench(t, [{}], { ledger, outbox, resume: 'ledger', ...SINGLE })
  await first.device.record(heartRates(1))
  await first.device.drained()
  await first.device.stop()
  const { device } = await bench(t, [{ unreachable: () => true }], {
    ledger,
    outbox,
    boot: 2,
    resume: 'ledger',
    ...SINGLE
  })
  // The urgent lane never had a statement: the store knows that this is so.
  await device.record(heartRates(1), { urgent: true })
  await device.record(heartRates(1))
  t.equal(device.waiting().length, 2)
})

t.test('a device that loses its outbox behind a gap proves the gap and goes on', async t => {
  const ledger = new FakeLedger()
  let down = true
  const lost = await bench(t, [{ unreachable: () => down, submit: gapsOnly }], {
    ledger,
    full: 'drop-oldest',
    outboxBytes: 20 * STATEMENT_BYTES,
    ...SINGLE
  })
  await lost.device.record(heartRates(60))
  const [gap] = lost.device.waiting()
  down = false
  await gap?.proved
  await lost.device.stop()
  t.same(
    ledger.chain.map(({ statement }) => statement.type),
    ['gap']
  )
  const { device } = await bench(t, [{}], { ledger, resume: 'ledger', ...SINGLE })
  await device.record(heartRates(1, 500))
  await device.drained()
  t.match(ledger.chain.at(-1)?.statement, { type: 'readings', boot: 2, flags: 1 })
})

/** A device that lost its outbox learned from the ledger where it stands, and then the network is gone. */
async function afterLoss(t: Test, outbox: OutboxStore) {
  const ledger = new FakeLedger()
  const first = await bench(t, [{}], { ledger, ...SINGLE })
  await first.device.record(heartRates(1))
  await first.device.drained()
  await first.device.stop()
  // As many as a device asks that lost its outbox.
  const nodes = [new FakeNode(ledger), new FakeNode(ledger, {}, 'another')]
  const connections: DeviceConnection[] = []
  const transport: DeviceTransport = {
    name: 'for a while',
    async connect(options) {
      const node = nodes[connections.length]
      if (node === undefined) throw new Error('unreachable')
      const connection = await node.connect(options)
      connections.push(connection)
      return connection
    }
  }
  const init = {
    ledger,
    resume: 'ledger',
    full: 'drop-oldest',
    outboxBytes: 20 * STATEMENT_BYTES,
    ...SINGLE
  } as const
  const { device, timers } = await bench(t, [{}], { ...init, outbox, transport, boot: 2 })
  for (let turn = 0; turn < 20; turn++) await timers.settle()
  await connections[1]?.close()
  await timers.settle()
  return { ledger, device, timers, init }
}

/** Flags of readings and kinds of other statements, in the order of the chain. */
function said(ledger: FakeLedger): readonly unknown[] {
  return ledger.chain.map(({ statement }) =>
    statement.type === 'readings' ? statement.flags : statement.type
  )
}

t.test('a full outbox does not drop what says that history was lost', async t => {
  const outbox = memoryOutbox()
  const { ledger, device, init } = await afterLoss(t, outbox)
  await device.record(heartRates(99, 1))
  await device.stop()
  const next = await bench(t, [{}], { ...init, outbox, boot: 3 })
  await next.device.drained()
  t.same(said(ledger).slice(0, 3), [0, STATEMENT_FLAG.historyLost, 'gap'])
})

t.test('nor when the power goes right behind it', async t => {
  const inner = memoryOutbox()
  const cut: OutboxStore = {
    ...inner,
    async mark(lane, sent) {
      if (sent !== undefined) throw new Error('the power is gone')
      await inner.mark(lane, sent)
    }
  }
  const { ledger, device, timers, init } = await afterLoss(t, cut)
  device.record(heartRates(1, 1)).catch(() => undefined)
  await timers.settle()
  let isDown = true
  const next = await bench(t, [{ unreachable: () => isDown }], { ...init, outbox: inner, boot: 3 })
  await next.device.record(heartRates(98, 2))
  isDown = false
  await next.device.drained()
  t.same(said(ledger).slice(0, 3), [0, STATEMENT_FLAG.historyLost, 'gap'])
})

t.test('a statement that cannot be read back stops its lane and says so', async t => {
  const inner = memoryOutbox()
  const { device } = await bench(t, [{}], {
    outbox: { ...inner, read: async () => Promise.reject(new Error('bad sector')) },
    ...SINGLE
  })
  const events = device.events()
  await device.record(heartRates(1))
  for await (const event of events) {
    if (event.type !== 'lane-stopped') continue
    t.equal(event.error.message, 'bad sector')
    break
  }
})

t.test(
  'whatever nodes and restarts do, every reading is on the ledger once or in one gap',
  async t => {
    const fates: readonly (Fate | undefined)[] = [
      undefined,
      'drop',
      'disconnect',
      'commit-and-disconnect',
      { code: 'ERR_BUSY', retryable: true }
    ]
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 6, max: 30 }), async (seed, statements) => {
        const random = seededRandom(seed)
        const roll = (of: number): number => random(1)[0]! % of
        const fault = {
          submit: () => fates[Math.max(0, roll(20) - 15)],
          receipt: (receipt: Uint8Array) => (roll(10) === 0 ? undefined : receipt),
          unreachable: () => roll(3) > 0
        }
        const ledger = new FakeLedger()
        const outbox = memoryOutbox()
        let recorded = 0
        for (let boot = 1; boot <= 3; boot++) {
          const { device } = await bench(t, [fault, fault], {
            ledger,
            outbox,
            boot,
            random,
            full: 'drop-oldest',
            outboxBytes: statements * STATEMENT_BYTES,
            ...SINGLE
          })
          const count = 1 + roll(50)
          for (let left = count; left > 0;) {
            const some = Math.min(left, 1 + roll(20))
            await device.record(heartRates(some, recorded))
            recorded += some
            left -= some
          }
          if (boot === 3) await device.drained()
          await device.stop()
        }
        accounted(t, ledger, recorded)
      }),
      { numRuns: 8, seed: 11 }
    )
  }
)
