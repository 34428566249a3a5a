import {
  CONTENT_FORMAT_SAMPLES,
  decodeSamples,
  epochKey,
  openPayload,
  PAYLOAD_BYTES_MAX,
  type SampledSignals
} from '@vitalchain/core'
import t from 'tap'
import { createDevice, memoryOutbox, SAMPLES_WAITING_MAX } from '../src/index.ts'
import type { FakeLedger } from './fake-ledger.ts'
import { bench, heartRates, seededRandom, STREAM } from './fixture.ts'

const START = 1_700_000_000_000

/** Two leads at 360 Hz that wander by a few steps from sample to sample. */
function ecg(count: number, first = 0): SampledSignals {
  const random = seededRandom(count)
  const wander = (): Int32Array => {
    let at = 1_000
    return Int32Array.from(random(count), byte => (at += (byte % 15) - 7))
  }
  const lead = { unit: 'mV', scale: { numerator: 1, denominator: 200 }, zero: 1_024 }
  return {
    start: START,
    first,
    rate: { numerator: 360, denominator: 1 },
    signals: [
      { name: 'MDC_ECG_LEAD_II', ...lead, samples: wander() },
      { name: 'MDC_ECG_LEAD_V5', ...lead, samples: wander() }
    ]
  }
}

/** What the ledger's samples open to, batch by batch. */
function opened({ committed }: FakeLedger): readonly SampledSignals[] {
  return committed
    .filter(({ statement }) => statement.contentFormat === CONTENT_FORMAT_SAMPLES)
    .map(({ statement, payload }) =>
      decodeSamples(openPayload(statement, payload, epochKey(STREAM.secret, statement.epoch)))
    )
}

t.test('sampled signals are proved, and open to the very samples', async t => {
  const { device, ledger } = await bench(t)
  const signals = ecg(3_600, 720)
  const [submission, ...more] = await device.recordSamples(signals)
  await submission?.proved
  t.equal(more.length, 0)
  t.match(submission, { count: 3_600, lane: 0, type: 'readings' })
  t.strictSame(opened(ledger), [signals])
  const [{ statement }] = ledger.committed as [(typeof ledger.committed)[0]]
  t.same([statement.from, statement.to], [START + 2_000, START + Math.floor((4_319 * 1_000) / 360)])
})

t.test('a long recording is cut into full payloads that go on without a hole', async t => {
  const { device, ledger } = await bench(t, [{}], { compress: false })
  const signals = ecg(100_000)
  const submissions = await device.recordSamples(signals)
  await device.drained()
  const parts = opened(ledger)
  t.equal(parts.length, submissions.length)
  t.equal(parts.length, 4)
  let next = 0
  for (const part of parts) {
    t.equal(part.first, next)
    next += part.signals[0]?.samples.length ?? 0
    t.equal(part.start, START)
  }
  for (const [k, { samples }] of signals.signals.entries())
    t.strictSame(
      Int32Array.from(parts.flatMap(part => [...(part.signals[k]?.samples ?? [])])),
      samples
    )
  for (const { payload } of ledger.committed.slice(0, -1))
    t.ok(payload.length > 0.8 * PAYLOAD_BYTES_MAX && payload.length <= PAYLOAD_BYTES_MAX)
})

t.test('samples and readings share a lane, and urgent samples overtake both', async t => {
  const { device, ledger } = await bench(t, [{}])
  ledger.pause()
  await device.recordSamples(ecg(10))
  const readings = device.record(heartRates(1))
  await device.flush()
  await readings
  await device.recordSamples(ecg(20), { urgent: true })
  t.same(
    device.waiting().map(({ lane, count }) => [lane, count]),
    [
      [0, 10],
      [0, 1],
      [1, 20]
    ]
  )
  ledger.resume()
  await device.drained()
  t.equal(ledger.committed.length, 3)
  t.equal(ledger.conflicts.length, 0)
})

t.test('samples that no statement can hold fail their own call only', async t => {
  const { device } = await bench(t)
  await t.rejects(device.recordSamples({ ...ecg(5), first: -1 }), { code: 'ERR_SAMPLES' })
  const [submission] = await device.recordSamples(ecg(5))
  await submission?.proved
})

t.test('while the outbox is full samples wait, and above a limit are refused', async t => {
  const { device, ledger } = await bench(t, [{}], { outboxBytes: 1_000 })
  ledger.pause()
  await device.recordSamples(ecg(2_000))
  const many = ecg(SAMPLES_WAITING_MAX / 2)
  const waiting = device.recordSamples(many)
  await t.rejects(device.recordSamples(ecg(1)), { code: 'ERR_OUTBOX_FULL', retryable: true })
  const stopping = device.stop()
  const submissions = await waiting
  await stopping
  t.equal(
    submissions.reduce((sum, { count }) => sum + count, 0),
    SAMPLES_WAITING_MAX / 2,
    'what was taken is stored when the device stops'
  )
})

t.test('a device that stops between two statements of a recording keeps their order', async t => {
  const outbox = memoryOutbox()
  const { device, ledger } = await bench(t, [{ unreachable: () => true }], { outbox })
  const recorded = device.recordSamples(ecg(70_000))
  await device.stop()
  await recorded
  const second = await bench(t, [{}], { outbox, ledger, boot: 2 })
  await second.device.drained()
  t.same(
    opened(ledger).map(({ first }) => first),
    opened(ledger)
      .map(({ first }) => first)
      .toSorted((a, b) => a - b)
  )
  t.equal(
    ledger.committed.reduce((sum, { statement }) => sum + statement.count, 0),
    70_000
  )
})

t.test('a device that was not started or was stopped records no samples', async t => {
  const { device, ledger, nodes } = await bench(t)
  await device.stop()
  await t.rejects(device.recordSamples(ecg(1)), { code: 'ERR_DEVICE_STOPPED' })
  const [transport] = nodes
  const { createSigner, sha256 } = await import('@vitalchain/core')
  const fresh = createDevice({
    signer: createSigner('ed25519', sha256(new Uint8Array(1))),
    genesis: ledger.genesis,
    stream: STREAM,
    transport: transport!,
    boot: 1
  })
  await t.rejects(fresh.recordSamples(ecg(1)), { code: 'ERR_DEVICE_NOT_STARTED' })
})
