import t from 'tap'
import { PAYLOAD_BYTES_MAX, sha256, u32be, useCryptoBackend, utf8 } from '@vitalchain/core'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import {
  openPayloadStore,
  PAYLOAD_QUEUE_BYTES_MAX,
  type Payload
} from '../../src/store/payload-store.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { TABLES } from '../../src/store/tables.ts'
import { flipRecords } from './raw.ts'

// As in a node: thousands of payloads are hashed.
useCryptoBackend(nodeCryptoBackend)

const AT = { time: 1_000, height: 7 }

function payloadOf(number: number, size = 100): Payload {
  const bytes = new Uint8Array(size).fill(number & 0xff)
  bytes.set(u32be(number))
  return { digest: sha256(bytes), bytes, retention: number % 2 }
}

/** A store that counts writes, and writes only when told. */
async function slowStore(): Promise<{ store: Store; writes: number[]; next: () => void }> {
  const inner = await openStore('memory')
  const writes: number[] = []
  let release: (() => void) | undefined
  const store: Store = {
    location: inner.location,
    get: (table, key) => inner.get(table, key),
    snapshot: () => inner.snapshot(),
    note: (write, dropBefore) => inner.note(write, dropBefore),
    range: (table, bounds) => inner.range(table, bounds),
    entries: table => inner.entries(table),
    close: () => inner.close(),
    async write(batch) {
      writes.push(batch.length)
      await new Promise<void>(resolve => (release = resolve))
      await inner.write(batch)
    }
  }
  return { store, writes, next: () => release?.() }
}

t.test('a payload is there with its meta once it is put', async t => {
  const store = await openStore('memory')
  t.teardown(() => store.close())
  const payloads = await openPayloadStore(store)
  const payload = payloadOf(1)
  t.equal(payloads.has(payload.digest), false)
  await payloads.put(payload, AT)
  t.equal(payloads.has(payload.digest), true)
  t.same(payloads.get(payload.digest), payload.bytes)
  t.same(payloads.meta(payload.digest), {
    retention: 1,
    storedTime: 1_000,
    storedHeight: 7,
    size: 100
  })
  await payloads.delete(payload.digest)
  t.equal(payloads.has(payload.digest), false)
  t.equal(payloads.get(payload.digest), undefined)
  t.equal(payloads.meta(payload.digest), undefined)
})

t.test('bytes that are not those of the digest are refused, and too many', async t => {
  const store = await openStore('memory')
  t.teardown(() => store.close())
  const payloads = await openPayloadStore(store)
  const { digest } = payloadOf(1)
  await t.rejects(payloads.put({ digest, bytes: utf8('other'), retention: 0 }, AT), {
    code: 'ERR_PAYLOAD'
  })
  await t.rejects(payloads.put(payloadOf(1, PAYLOAD_BYTES_MAX + 1), AT), { code: 'ERR_PAYLOAD' })
  await payloads.put(payloadOf(1, PAYLOAD_BYTES_MAX), AT)
})

t.test('payloads that come while the disk is busy share one write', async t => {
  const { store, writes, next } = await slowStore()
  t.teardown(() => store.close())
  const payloads = await openPayloadStore(store)
  const first = payloads.put(payloadOf(0), AT)
  await Promise.resolve()
  await Promise.resolve()
  t.equal(writes.length, 1)
  const others = [1, 2, 3, 4, 5].map(number => payloads.put(payloadOf(number), AT))
  t.equal(payloads.has(payloadOf(0).digest), false, 'what is not durable does not count as there')
  let flushed = false
  const flush = payloads.flush().then(() => (flushed = true))
  next()
  await first
  t.equal(payloads.has(payloadOf(0).digest), true)
  t.equal(flushed, false)
  while (writes.length < 2) await Promise.resolve()
  next()
  await Promise.all([...others, flush])
  t.same(writes, [3, 15])
  t.equal(payloads.has(payloadOf(5).digest), true)
})

t.test('at its limit the queue says busy instead of growing', async t => {
  const { store, next } = await slowStore()
  t.teardown(() => store.close())
  const payloads = await openPayloadStore(store)
  const running = [payloads.put(payloadOf(0), AT)]
  await Promise.resolve()
  await Promise.resolve()
  const many = PAYLOAD_QUEUE_BYTES_MAX / PAYLOAD_BYTES_MAX
  const waiting = Array.from({ length: many }, (_, k) => payloadOf(1 + k, PAYLOAD_BYTES_MAX))
  running.push(...waiting.map(payload => payloads.put(payload, AT)))
  await t.rejects(payloads.put(payloadOf(0xffff), AT), { code: 'ERR_BUSY', retryable: true })
  next()
  await running[0]
  while (!waiting.every(({ digest }) => payloads.has(digest))) {
    next()
    await new Promise(resolve => setImmediate(resolve))
  }
  await Promise.all(running)
})

t.test('a failed write is told to those who waited for it, and the next one works', async t => {
  const inner = await openStore('memory')
  t.teardown(() => inner.close())
  let fail = true
  const store: Store = {
    location: inner.location,
    get: (table, key) => inner.get(table, key),
    snapshot: () => inner.snapshot(),
    note: (write, dropBefore) => inner.note(write, dropBefore),
    range: (table, bounds) => inner.range(table, bounds),
    entries: table => inner.entries(table),
    close: () => inner.close(),
    async write(batch) {
      if (fail) throw new Error('disk full')
      await inner.write(batch)
    }
  }
  const payloads = await openPayloadStore(store)
  await t.rejects(payloads.put(payloadOf(1), AT), { message: 'disk full' })
  t.equal(payloads.has(payloadOf(1).digest), false)
  fail = false
  await payloads.put(payloadOf(1), AT)
  t.equal(payloads.has(payloadOf(1).digest), true)
})

t.test('a damaged payload is never served, becomes wanted, and heals', async t => {
  const location = t.testdir()
  const payload = payloadOf(1)
  const store = await openStore(location)
  await (await openPayloadStore(store)).put(payload, AT)
  await store.close()
  await flipRecords(location, TABLES.payloads)

  const again = await openStore(location)
  const payloads = await openPayloadStore(again)
  t.equal(payloads.get(payload.digest), undefined)
  t.equal(payloads.has(payload.digest), false, 'at once')
  await payloads.flush()
  t.same(payloads.wanted(10), [{ digest: payload.digest, retention: 1 }])
  await again.close()

  const later = await openStore(location)
  t.teardown(() => later.close())
  const healed = await openPayloadStore(later)
  t.same(healed.wanted(10), [{ digest: payload.digest, retention: 1 }], 'after a restart too')
  await healed.put(payload, AT)
  t.same(healed.get(payload.digest), payload.bytes)
  t.same(healed.wanted(10), [])
})

t.test('a payload that is put again while it is deleted stays', async t => {
  const store = await openStore('memory')
  t.teardown(() => store.close())
  const payloads = await openPayloadStore(store)
  const payload = payloadOf(1)
  await payloads.put(payload, AT)
  await Promise.all([payloads.delete(payload.digest), payloads.put(payload, AT)])
  t.same(payloads.get(payload.digest), payload.bytes)
})

t.test('wanted payloads are asked for in turns, also when there are many', async t => {
  const store = await openStore('memory')
  t.teardown(() => store.close())
  const many = Array.from({ length: 5_000 }, (_, number) => payloadOf(number))
  await store.write(
    many.map(({ digest, retention }) => ({
      table: 'wanted',
      key: digest,
      value: Uint8Array.of(retention)
    }))
  )
  const payloads = await openPayloadStore(store)
  const [first, second] = [payloads.wanted(2), payloads.wanted(2)]
  t.equal(first.length, 2)
  t.notSame(first, second)

  let rounds = 0
  for (let left = many.length; left > 0 && rounds < 1_000; rounds += 1) {
    const wanted = payloads.wanted(500)
    const digests = new Set(wanted.map(({ digest }) => digest.join()))
    const found = many.filter(({ digest }) => digests.has(digest.join()))
    await Promise.all(found.map(payload => payloads.put(payload, AT)))
    left -= found.length
    await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(
    many.every(({ digest }) => payloads.has(digest)),
    'all are found in the end'
  )
  t.same(payloads.wanted(10), [])
})
