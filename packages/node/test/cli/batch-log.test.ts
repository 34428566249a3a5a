import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex, verifyReceipt, VitalchainError } from '@vitalchain/core'
import type { Proof, Submission } from '@vitalchain/device-sdk'
import t from 'tap'
import { createBatchLog, type BatchLog } from '../../src/dev/batch-log.ts'
import { percentile } from '../../src/dev/percentile.ts'
import { progressLine, type Glance } from '../../src/dev/progress.ts'
import { heartRates, stoppedNode } from './stopped-node.ts'

interface Steps {
  readonly submission: Submission
  readonly accept: () => void
  readonly commit: () => void
  readonly prove: (proof: Proof) => void
  readonly fail: (error: Error) => void
}

/** A submission that a test moves on by hand. */
function submissionOf(count: number, seq: number): Steps {
  const [accepted, committed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const proved = Promise.withResolvers<Proof>()
  const id = new Uint8Array(32).fill(seq)
  return {
    submission: {
      type: 'readings',
      lane: 0,
      place: { boot: 0, seq },
      id,
      count,
      accepted: accepted.promise,
      committed: committed.promise,
      proved: proved.promise
    },
    accept: accepted.resolve,
    commit: committed.resolve,
    prove: proved.resolve,
    fail(error) {
      for (const each of [accepted, committed, proved]) each.reject(error)
    }
  }
}

const recentLatency: BatchLog['recentLatency'] = share => 83.2 * share

const never = new AbortController().signal

t.test(
  'a batch is counted at each step, and its receipt kept before it counts as proved',
  async t => {
    const dir = t.testdir({ receipts: {} })
    const node = await stoppedNode(join(dir, 'node'), [heartRates(70)])
    const proof = {
      receipt: node.receipt,
      proven: verifyReceipt(node.receipt, { genesis: node.genesis })
    }
    const faults: unknown[] = []
    const log = createBatchLog(join(dir, 'receipts'), error => faults.push(error))
    const batch = submissionOf(20, 4)
    const proved = Promise.withResolvers<void>()
    log.add('monitor-1', batch.submission, proved.resolve)
    log.add('monitor-1', batch.submission)
    t.match(log.counts, { recorded: 20, batches: 1, accepted: 0, committed: 0, proved: 0 })
    t.same(log.batches, [
      { id: toHex(batch.submission.id), count: 20, file: 'monitor-1-0-0-4.receipt' }
    ])
    t.equal(log.latency(0.5), undefined)

    batch.accept()
    await batch.submission.accepted
    t.match(log.counts, { accepted: 20, committed: 0 })
    const half = log.committed(10, never)
    const block = log.decided(({ height }) => height > 1, never)
    batch.commit()
    await half
    t.equal(log.counts.committed, 20)
    batch.prove(proof)
    t.same(await block, { height: 2, view: 0 })
    await proved.promise
    await log.settled()
    t.equal(log.counts.proved, 1)
    t.ok((log.latency(0.5) ?? -1) >= 0)
    const kept = await readFile(join(dir, 'receipts', 'monitor-1-0-0-4.receipt'))
    t.same(new Uint8Array(kept), node.receipt)
    t.same(faults, [])
  }
)

t.test('a batch that is given up is reported once', async t => {
  const faults: unknown[] = []
  const log = createBatchLog(undefined, error => faults.push(error))
  const batch = submissionOf(1, 0)
  log.add('monitor-1', batch.submission)
  const error = new VitalchainError('ERR_DEVICE_REVOKED', 'the device is revoked')
  batch.fail(error)
  await t.rejects(batch.submission.proved)
  await new Promise(setImmediate)
  t.same(faults, [error])
  t.same(log.batches, [], 'a run without an end keeps no list')
})

t.test('waiting ends with the signal', async t => {
  const log = createBatchLog(undefined, () => undefined)
  const end = new AbortController()
  const waits = [log.decided(() => true, end.signal), log.committed(1, end.signal)]
  end.abort()
  t.same(await Promise.all(waits), [undefined, undefined])
  t.equal(await log.decided(() => true, end.signal), undefined)
})

t.test('a progress line shows each hospital, the readings and the latency', async t => {
  const counts = { recorded: 9, accepted: 8, committed: 7, batches: 3, proved: 2 }
  const last = { height: 5, view: 1 }
  const glances: readonly Glance[] = [
    { state: 'up', last: { height: 6, view: 0 } },
    { state: 'down', last },
    { state: 'silent', last },
    { state: 'silent', last: undefined }
  ]
  t.equal(
    progressLine(glances, { counts, recentLatency }, 100),
    'H1 6/0  H2 down  H3 5/1 ?  H4 ? | readings 8 accepted, 7 committed of 100 | 2 batches proved | p50 42 ms'
  )
  t.equal(
    progressLine([], { counts, recentLatency: () => undefined }, undefined),
    ' | readings 8 accepted, 7 committed | 2 batches proved'
  )
})

t.test('percentiles are values that occurred', async t => {
  const values = [5, 1, 4, 2, 3]
  t.equal(percentile(values, 0.5), 3)
  t.equal(percentile(values, 0.99), 5)
  t.equal(percentile(values, 0), 1)
  t.equal(percentile([], 0.5), undefined)
  t.same(values, [5, 1, 4, 2, 3], 'left as they were')
})
