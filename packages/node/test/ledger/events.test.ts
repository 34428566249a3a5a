import t from 'tap'
import type { CommittedEvent, Ledger } from '../../src/ledger/ledger.ts'
import { formatCursor, parseCursor } from '../../src/ledger/events.ts'
import { commitNext, ledgerWithDevice, type TestDevice, type TestNetwork } from './fixture.ts'

async function commitReadings(
  network: TestNetwork,
  ledger: Ledger,
  device: TestDevice,
  count: number
): Promise<void> {
  const block = []
  for (let k = 0; k < count; k += 1) block.push((await device.read()).candidate)
  await commitNext(network, ledger, block)
}

/** The next events of a ledger behind a cursor, as many as asked for. */
async function take(ledger: Ledger, count: number, from?: string): Promise<CommittedEvent[]> {
  const taken: CommittedEvent[] = []
  for await (const event of ledger.events(from === undefined ? {} : { from })) {
    taken.push(event)
    if (taken.length === count) break
  }
  return taken
}

t.test('a cursor is a height and an index', async t => {
  t.same(parseCursor('12.3'), { height: 12, index: 3 })
  t.equal(formatCursor({ height: 12, index: 3 }), '12.3')
  for (const text of [
    '',
    '1',
    '1.',
    '.1',
    '1.2.3',
    '01.2',
    '1.-2',
    '1e3.1',
    '9999999999999999.0'
  ]) {
    t.throws(() => parseCursor(text), { code: 'ERR_CURSOR' }, text)
  }
})

t.test('events tell what was committed, in order', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  await commitReadings(network, ledger, device, 2)
  const events = await take(ledger, 3)
  t.same(
    events.map(({ cursor, height, index, leaf }) => [cursor, height, index, leaf]),
    [
      ['1.0', 1, 0, 0],
      ['2.0', 2, 0, 1],
      ['2.1', 2, 1, 2]
    ]
  )
  t.same(events[2]?.bytes, ledger.transaction(2))
  t.same(events[2]?.transaction, ledger.decodedTransaction(2))
  t.equal(events[2]?.time, ledger.header(2)?.time)
})

t.test('a reader that resumes from any cursor misses nothing and gets nothing twice', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  for (const count of [3, 1, 80, 2]) await commitReadings(network, ledger, device, count)
  // An empty block of a later view has no events and must not stop a reader.
  await commitNext(network, ledger, [], 1)
  await commitReadings(network, ledger, device, 2)
  const { size } = ledger.head.history
  const all = await take(ledger, size)
  t.same(
    all.map(({ leaf }) => leaf),
    Array.from({ length: size }, (_, leaf) => leaf)
  )
  for (const [at, { cursor }] of all.slice(0, -1).entries()) {
    const rest = await take(ledger, size - at - 1, cursor)
    t.same(
      rest.map(event => event.cursor),
      all.slice(at + 1).map(event => event.cursor),
      `from ${cursor}`
    )
  }
})

t.test('events go on live where the past ends', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const seen: string[] = []
  const stop = new AbortController()
  const reader = (async () => {
    for await (const { cursor } of ledger.events({ signal: stop.signal })) {
      seen.push(cursor)
      if (cursor === '4.1') stop.abort()
    }
  })()
  for (const count of [1, 2, 2]) await commitReadings(network, ledger, device, count)
  await reader
  t.same(seen, ['1.0', '2.0', '3.0', '3.1', '4.0', '4.1'])
})

t.test('a stream that waits ends when its signal aborts or the ledger closes', async t => {
  const { ledger } = await ledgerWithDevice()
  const stop = new AbortController()
  const [mine, other] = [
    ledger.events({ from: '1.0', signal: stop.signal }),
    ledger.events({ from: '1.0' })
  ].map(events => events[Symbol.asyncIterator]())
  const [one, two] = [mine!.next(), other!.next()]
  stop.abort()
  t.match(await one, { done: true })
  await ledger.close()
  t.match(await two, { done: true })
})

t.test('a cursor at which nothing stands is refused', async t => {
  const { ledger } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  for (const from of ['1.1', '2.0', 'x', '0.1']) {
    await t.rejects(take(ledger, 1, from), { code: 'ERR_CURSOR' }, from)
  }
  t.equal((await take(ledger, 1, '0.0'))[0]?.cursor, '1.0')
})
