import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSigner, deviceId, type Place } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { RememberingOutbox } from '../../src/gateway/seen.ts'
import { SeenJournal } from '../../src/gateway/seen-journal.ts'
import { SEEN_MAX } from '../../src/gateway/limits.ts'
import { createDevice, type OutboxEntry, type OutboxStore } from '../../src/index.ts'
import { fileOutbox } from '../../src/stores/node.ts'
import { FakeLedger, seed } from '../fake-ledger.ts'
import { FakeNode } from '../fake-node.ts'
import { heartRates, STREAM } from '../fixture.ts'

const signer = createSigner('ed25519', seed('device'))

/** A device of a gateway over an outbox that fails on demand, and what it remembers. */
async function open(
  t: Test,
  dir: string,
  ledger: FakeLedger,
  { failAppend = () => false }: { readonly failAppend?: (entry: OutboxEntry) => boolean } = {}
) {
  const file = fileOutbox(join(dir, 'outbox'))
  const store: OutboxStore = {
    load: () => file.load(),
    append: async entry => {
      if (failAppend(entry)) throw new Error('the power is gone')
      return file.append(entry)
    },
    read: record => file.read(record),
    remove: record => file.remove(record),
    mark: (...args: [0 | 1, Place | undefined]) => file.mark(...args),
    close: () => file.close()
  }
  const outbox = new RememberingOutbox(store, new SeenJournal(join(dir, 'seen')))
  const device = createDevice({
    signer,
    genesis: ledger.genesis,
    stream: STREAM,
    transport: new FakeNode(ledger),
    outbox,
    batch: { readings: 10, ms: 5 }
  })
  ledger.register(deviceId(signer.publicKey), signer.publicKey)
  t.teardown(() => device.stop())
  await device.start()
  const record = (key: string, readings: number): Promise<unknown> => {
    outbox.expect(0, key, readings - outbox.stored(key))
    return device.record(heartRates(readings).slice(outbox.stored(key)))
  }
  return { outbox, device, record }
}

t.test('a message is known from the moment that it is on disk', async t => {
  const dir = t.testdir({})
  const ledger = new FakeLedger()
  const { outbox, device, record } = await open(t, dir, ledger)
  const stored = record('a', 3)
  t.equal(outbox.stored('a'), 0)
  await stored
  t.equal(outbox.stored('a'), 3)
  await device.stop()
  const next = await open(t, dir, ledger)
  t.equal(next.outbox.stored('a'), 3)
  t.equal(next.outbox.stored('b'), 0)
})

t.test('a statement that the power cut kept from the disk is not taken for stored', async t => {
  const dir = t.testdir({})
  const ledger = new FakeLedger()
  let isCut = false
  const { device, record } = await open(t, dir, ledger, { failAppend: () => isCut })
  await record('a', 3)
  isCut = true
  await t.rejects(record('b', 3))
  await device.stop()
  t.match(await readFile(join(dir, 'seen'), 'utf8'), /"b"/, 'the journal has it already')
  const next = await open(t, dir, ledger)
  t.equal(next.outbox.stored('a'), 3)
  t.equal(next.outbox.stored('b'), 0)
  // The next start's statements must not make the old line true.
  await next.record('c', 3)
  await next.device.stop()
  const last = await open(t, dir, ledger)
  t.equal(last.outbox.stored('b'), 0)
  t.equal(last.outbox.stored('c'), 3)
})

t.test('of a message that a power cut split only the rest is recorded again', async t => {
  const dir = t.testdir({})
  const ledger = new FakeLedger()
  let appended = 0
  const first = await open(t, dir, ledger, { failAppend: () => ++appended > 2 })
  await t.rejects(first.record('a', 35))
  await first.device.stop()
  const next = await open(t, dir, ledger)
  t.equal(next.outbox.stored('a'), 20)
  await next.record('a', 35)
  t.equal(next.outbox.stored('a'), 35)
  await next.device.drained()
  t.equal(
    ledger.committed.reduce((sum, { statement }) => sum + statement.count, 0),
    35
  )
})

t.test(
  'a journal that was cut in the middle of a line, or is no journal, loses only that',
  async t => {
    const dir = t.testdir({})
    const ledger = new FakeLedger()
    const { device, record } = await open(t, dir, ledger)
    await record('a', 3)
    await record('b', 3)
    await device.stop()
    const text = await readFile(join(dir, 'seen'), 'utf8')
    await writeFile(join(dir, 'seen'), text.slice(0, -8))
    const next = await open(t, dir, ledger)
    t.equal(next.outbox.stored('a'), 3)
    t.equal(next.outbox.stored('b'), 0)
    await next.device.stop()
    await writeFile(join(dir, 'seen'), '\0\0{}\n[1,2]\n[[]]\n[0,1,0,[[1,2],["c",1]]]\n')
    const last = await open(t, dir, ledger)
    t.equal(last.outbox.stored('c'), 1)
  }
)

t.test('with its outbox a sensor loses what it knew, rather than a reading', async t => {
  const dir = t.testdir({})
  await writeFile(join(dir, 'seen'), '[0,0,0,[["a",3]]]\n[0,1,0,[["b",3]]]\n')
  const { outbox } = await open(t, dir, new FakeLedger())
  t.equal(outbox.stored('a') + outbox.stored('b'), 0)
})

t.test('only so many messages are remembered, the newest', async t => {
  const dir = t.testdir({})
  const ledger = new FakeLedger()
  const { outbox, record, device } = await open(t, dir, ledger)
  const all = Array.from({ length: SEEN_MAX + 10 }, (_, k) => record(`m${k}`, 1))
  await Promise.all(all)
  t.same([outbox.stored('m9'), outbox.stored('m10')], [0, 1])
  await device.stop()
  const next = await open(t, dir, ledger)
  t.same([next.outbox.stored('m9'), next.outbox.stored('m10')], [0, 1])
  t.equal(next.outbox.stored(`m${SEEN_MAX + 9}`), 1)
})
