import * as fc from 'fast-check'
import t from 'tap'
import {
  BACKOFF_MAX_MS,
  COMMIT_WAIT_MIN_MS,
  WINDOW_BYTES_MAX,
  WINDOW_STATEMENTS_MAX,
  type DeviceEvent
} from '../src/index.ts'
import { FakeLedger, seed } from './fake-ledger.ts'
import { FakeNode, type Fate } from './fake-node.ts'
import { bench, heartRates, seededRandom } from './fixture.ts'
import { virtualTimers } from './virtual-timers.ts'
import { useNodeCrypto } from './node-crypto.ts'

useNodeCrypto()

/** One statement for each reading: chains grow fast in a test. */
const SINGLE = { batch: { readings: 1 } }

function places(ledger: FakeLedger, lane: 0 | 1 = 0): number[] {
  return ledger.committed.flatMap(({ statement }) =>
    statement.lane === lane ? [statement.seq] : []
  )
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, k) => k)

t.test('a node that accepts and drops every third statement loses none', async t => {
  const { ledger, device, timers } = await bench(
    t,
    [{ submit: n => (n % 3 === 2 ? 'drop' : undefined) }, {}],
    SINGLE
  )
  await device.record(heartRates(20))
  await device.drained()
  t.same(places(ledger), upTo(20))
  t.ok(timers.elapsed() >= COMMIT_WAIT_MIN_MS, 'it waited before it went to the other node')
})

t.test(
  'a node that takes all and commits nothing is left as soon as a quick network allows it',
  async t => {
    let isolated = false
    const { device, timers } = await bench(
      t,
      [{ submit: () => (isolated ? 'drop' : undefined) }, {}],
      SINGLE
    )
    await device.record(heartRates(3))
    await device.drained()
    isolated = true
    const since = timers.elapsed()
    await device.record(heartRates(1))
    await device.drained()
    const took = timers.elapsed() - since
    t.ok(took >= COMMIT_WAIT_MIN_MS && took < COMMIT_WAIT_MIN_MS + 1_000, `${took} ms`)
  }
)

t.test('a node that drops every third is enough, if it is the only one', async t => {
  const { ledger, device } = await bench(
    t,
    [{ submit: n => (n % 3 === 2 ? 'drop' : undefined) }],
    SINGLE
  )
  await device.record(heartRates(12))
  await device.drained()
  t.same(places(ledger), upTo(12))
})

t.test('a node that hangs up costs nothing but time', async t => {
  const { ledger, device, nodes } = await bench(
    t,
    [{ submit: n => (n === 5 ? 'disconnect' : undefined) }],
    SINGLE
  )
  await device.record(heartRates(20))
  await device.drained()
  t.same(places(ledger), upTo(20))
  t.equal(nodes[0]?.connections, 2)
})

t.test(
  'a statement whose receipt was lost is not sent again, its receipt is asked for',
  async t => {
    const { ledger, device } = await bench(
      t,
      [{ submit: n => (n === 4 ? 'commit-and-disconnect' : undefined), silent: true }, {}],
      SINGLE
    )
    const submissions = await device.record(heartRates(10))
    await Promise.all(submissions.map(({ proved }) => proved))
    t.same(places(ledger), upTo(10))
    t.equal(ledger.repeated, 0)
  }
)

t.test(
  'a node that lags lets the device send again, and tells it what is committed already',
  async t => {
    const { ledger, device } = await bench(
      t,
      [{ submit: n => (n === 4 ? 'commit-and-disconnect' : undefined) }, { head: () => undefined }],
      SINGLE
    )
    await device.record(heartRates(10))
    await device.drained()
    t.same(places(ledger), upTo(10))
    t.ok(ledger.repeated > 0)
  }
)

t.test('a busy node is left for another one', async t => {
  const busy = { code: 'ERR_BUSY', retryable: true }
  const { device, nodes } = await bench(t, [{ submit: () => busy }, {}], SINGLE)
  await device.record(heartRates(3))
  await device.drained()
  t.equal(nodes[0]?.connections, 1)
  t.equal(nodes[1]?.connections, 1)
})

t.test('transports are tried in their order, and waits grow while none answers', async t => {
  let healed = false
  const { device, nodes, timers } = await bench(
    t,
    [{ unreachable: () => true }, { unreachable: () => !healed }],
    SINGLE
  )
  const [submission] = await device.record(heartRates(1))
  const failures = device.events()
  const times: number[] = []
  for await (const event of failures) {
    if (event.type === 'disconnected') times.push(timers.elapsed())
    if (times.length === 12) break
  }
  const waits = times.slice(1).map((time, k) => time - times[k]!)
  t.ok(waits[0]! < 2_000 && waits[3]! > waits[0]!)
  t.ok(waits.every(wait => wait <= BACKOFF_MAX_MS))
  t.ok(waits.at(-1)! >= BACKOFF_MAX_MS / 2)
  healed = true
  await submission?.proved
  t.ok(nodes[0]!.connections >= 6 && nodes[1]!.connections >= 6)
})

t.test('a device that every node refuses for good stops and says why', async t => {
  for (const code of ['ERR_DEVICE_REVOKED', 'ERR_CHAIN_QUARANTINED', 'ERR_SIGNATURE']) {
    const fate = { code, retryable: false }
    const { device, ledger } = await bench(
      t,
      [{ submit: () => fate }, { submit: () => fate }],
      SINGLE
    )
    const events = device.events()
    const [submission] = await device.record(heartRates(3))
    await t.rejects(submission!.accepted, { code })
    await t.rejects(submission!.committed, { code })
    await t.rejects(submission!.proved, { code })
    await t.rejects(device.drained(), { code })
    await t.rejects(device.record(heartRates(1)), { code })
    for await (const event of events) if (event.type === 'lane-stopped') break
    t.equal(ledger.committed.length, 0)
    await device.record(heartRates(1), { urgent: true })
    await device.stop()
  }
})

t.test('a device that nobody registered stops', async t => {
  const session = { code: 'ERR_DEVICE_UNKNOWN', retryable: false }
  const { device } = await bench(t, [{ session }, { session }], { batch: { ms: 3_600_000 } })
  await t.rejects(device.record(heartRates(1)), { code: 'ERR_DEVICE_UNKNOWN' })
  await t.rejects(device.record(heartRates(1), { urgent: true }), { code: 'ERR_DEVICE_UNKNOWN' })
})

t.test('one lying node cannot stop a device', async t => {
  const fate = { code: 'ERR_DEVICE_REVOKED', retryable: false }
  const invented = { boot: 9, seq: 9, head: seed('invented') }
  for (const lie of [{ submit: () => fate }, { session: fate }, { head: () => invented }]) {
    const { ledger, device } = await bench(
      t,
      [lie, { submit: n => (n % 2 === 1 ? 'disconnect' : undefined) }],
      SINGLE
    )
    await device.record(heartRates(8))
    await device.drained()
    t.same(places(ledger), upTo(8))
  }
})

t.test('a lying node cannot stop a device that has nothing to send either', async t => {
  const ledger = new FakeLedger()
  const honest = new FakeNode(ledger, { unreachable: n => n === 0 })
  const session = { code: 'ERR_DEVICE_UNKNOWN', retryable: false }
  const liar = new FakeNode(ledger, { session }, 'liar')
  const { device } = await bench(t, [], { ledger, transport: [liar, honest], ...SINGLE })
  for await (const event of device.events()) if (event.type === 'connected') break
  await device.record(heartRates(1))
  await device.drained()
  t.equal(liar.connections, 2)
})

t.test('nodes of another network, and nodes that do not speak, are passed over', async t => {
  const { device, nodes } = await bench(t, [{ network: seed('other') }, { mute: true }, {}], SINGLE)
  const codes: string[] = []
  const events = device.events()
  await device.record(heartRates(1))
  await device.drained()
  for await (const event of events) {
    if (event.type === 'disconnected') codes.push(event.error.code)
    if (event.type === 'proved') break
  }
  t.same(codes, ['ERR_OTHER_NETWORK', 'ERR_HANDSHAKE_TIMEOUT'])
  t.equal(nodes[2]?.connections, 1)
})

t.test('a receipt that proves another statement proves nothing', async t => {
  const ledger = new FakeLedger()
  const other = await bench(t, [{}], { ledger, ...SINGLE })
  await other.device.record(heartRates(1), { urgent: true })
  await other.device.drained()
  await other.device.stop()
  const foreign = ledger.receipt(ledger.committed[0]!.id)!
  const { device } = await bench(t, [{ receipt: () => foreign }, {}], {
    ledger,
    boot: 2,
    resume: { 1: ledger.head(other.device.id, 1)! },
    ...SINGLE
  })
  await expectBadReceipt(t, device)
})

t.test('a receipt with a broken signature proves nothing', async t => {
  const { device } = await bench(
    t,
    [
      {
        receipt: real => {
          const forged = Uint8Array.from(real)
          forged[forged.length - 1]! ^= 1
          return forged
        }
      },
      {}
    ],
    SINGLE
  )
  await expectBadReceipt(t, device)
})

async function expectBadReceipt(
  t: { equal(a: unknown, b: unknown): unknown },
  device: Awaited<ReturnType<typeof bench>>['device']
): Promise<void> {
  const events = device.events()
  const [submission] = await device.record(heartRates(1))
  const { proven } = await submission!.proved
  t.equal(proven.transaction.id.join(), submission!.id.join())
  const seen: DeviceEvent[] = []
  for await (const event of events) {
    seen.push(event)
    if (event.type === 'proved') break
  }
  const lost = seen.find(event => event.type === 'disconnected')
  t.equal(lost?.type === 'disconnected' && lost.error.code, 'ERR_RECEIPT')
}

t.test('no more than a window of a lane is under way', async t => {
  const timers = virtualTimers(t, { jump: false })
  const { ledger, device, nodes } = await bench(t, [{}], { timers, ...SINGLE })
  ledger.pause()
  await device.record(heartRates(WINDOW_STATEMENTS_MAX + 30))
  await timers.settle()
  t.equal(nodes[0]?.submissions, WINDOW_STATEMENTS_MAX)
  await device.record(heartRates(1), { urgent: true })
  await timers.settle()
  t.equal(nodes[0]?.submissions, WINDOW_STATEMENTS_MAX + 1, 'the urgent lane has its own')
  ledger.resume()
  await device.drained()
  t.same(places(ledger), upTo(WINDOW_STATEMENTS_MAX + 30))
})

t.test('large statements fill a window sooner', async t => {
  const timers = virtualTimers(t, { jump: false })
  const { ledger, device, nodes } = await bench(t, [{}], {
    timers,
    compress: false,
    batch: { readings: 15 }
  })
  ledger.pause()
  const notes = Array.from({ length: 15 * 12 }, (_, k) => ({
    name: 'note',
    time: k,
    value: 'x'.repeat(4_000)
  }))
  const submissions = await device.record(notes)
  t.equal(submissions.length, 12)
  await timers.settle()
  t.equal(nodes[0]?.submissions, Math.floor(WINDOW_BYTES_MAX / 60_500))
  ledger.resume()
  await device.drained()
  t.same(places(ledger), upTo(12))
})

t.test('an alarm passes a backlog', async t => {
  const { ledger, device } = await bench(t, [{}], SINGLE)
  ledger.pause()
  await device.record(heartRates(130))
  const [alarm] = await device.record(heartRates(1), { urgent: true })
  ledger.resume()
  await alarm?.proved
  t.ok(device.waiting().length > 50)
  await device.drained()
})

t.test('record waits while the outbox is full, and nothing is dropped', async t => {
  const timers = virtualTimers(t, { jump: false })
  const { ledger, device } = await bench(t, [{}], { timers, outboxBytes: 4_000, ...SINGLE })
  ledger.pause()
  let stored = false
  const recorded = (async () => {
    await device.record(heartRates(30))
    stored = true
  })()
  await timers.settle()
  t.notOk(stored)
  const waiting = device.waiting().length
  t.ok(waiting > 3 && waiting < 30)
  await device.record(heartRates(1), { urgent: true })
  ledger.resume()
  await recorded
  await device.drained()
  t.same(places(ledger), upTo(30))
})

t.test('readings that wait have a limit too, and beyond it record says so', async t => {
  const { ledger, device } = await bench(t, [{ unreachable: () => true }], {
    outboxBytes: 1,
    batch: { readings: 8_000 }
  })
  const first = device.record(heartRates(70_000))
  first.catch(() => undefined)
  await t.rejects(device.record(heartRates(1)), { code: 'ERR_OUTBOX_FULL', retryable: true })
  t.equal(ledger.committed.length, 0)
})

t.test('whatever nodes do, each statement is committed once and in order', async t => {
  const fates: readonly (Fate | undefined)[] = [
    undefined,
    'drop',
    'disconnect',
    'commit-and-disconnect',
    { code: 'ERR_BUSY', retryable: true }
  ]
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 25 }), async (seed, count) => {
      const random = seededRandom(seed)
      const fault = {
        // Three of four are honest, so that a run ends soon.
        submit: () => fates[Math.max(0, (random(1)[0]! % 20) - 15)],
        receipt: (receipt: Uint8Array) => (random(1)[0]! % 10 === 0 ? undefined : receipt),
        unreachable: () => random(1)[0]! % 3 === 0
      }
      const { ledger, device } = await bench(t, [fault, fault], { random, ...SINGLE })
      const submissions = await device.record(heartRates(count))
      await device.record(heartRates(2), { urgent: true })
      const proofs = await Promise.all(submissions.map(({ proved }) => proved))
      await device.drained()
      await device.stop()
      t.same(places(ledger), upTo(count))
      t.same(places(ledger, 1), upTo(2))
      t.ok(
        proofs.every(({ proven }, k) => proven.transaction.id.join() === submissions[k]?.id.join())
      )
    }),
    { numRuns: 8, seed: 7 }
  )
})
