import type { Reading } from '@vitalchain/core'
import type { Device, Submission } from '@vitalchain/device-sdk'
import t from 'tap'
import type { BatchLog } from '../../src/dev/batch-log.ts'
import { feedAtOnce, feedInTime, feedSimulated, type Feed } from '../../src/dev/feed.ts'

const never = new AbortController().signal

/** A device that makes a submission of each call, and a log that hands the proofs to the test. */
function fakeFeed(): Feed & { recorded: Reading[][]; proofs: (() => void)[]; flushes: number } {
  const recorded: Reading[][] = []
  const proofs: (() => void)[] = []
  const feed = {
    name: 'monitor-1',
    recorded,
    proofs,
    flushes: 0,
    onFault: (error: unknown) => {
      throw error
    },
    device: {
      async record(readings: readonly Reading[]): Promise<readonly Submission[]> {
        recorded.push([...readings])
        return [{} as Submission]
      },
      async flush() {
        feed.flushes++
      }
    } as unknown as Device,
    log: {
      add: (_device: string, _submission: Submission, onProof = () => undefined) =>
        void proofs.push(onProof)
    } as unknown as BatchLog
  }
  return feed
}

function readingsAt(...times: readonly number[]): Reading[] {
  return times.map(time => ({ name: '8867-4', time, value: 70 }))
}

t.test('a replay at once fills batches, and keeps only so many unproved', async t => {
  const feed = fakeFeed()
  const readings = readingsAt(...Array.from({ length: 2_450 }, (_, k) => k))
  const progress = { done: false }
  const feeding = feedAtOnce(feed, readings, 50, never).then(() => (progress.done = true))
  await new Promise(setImmediate)
  t.equal(feed.recorded.length, 2, '49 batches go in 24 windows or more')
  while (!progress.done) {
    feed.proofs.shift()?.()
    await new Promise(setImmediate)
    t.ok(feed.proofs.length <= 2)
  }
  await feeding
  t.same(feed.recorded.flat(), readings, 'in order, each once')
  t.ok(feed.recorded.every(batch => batch.length === 50))
  t.equal(feed.flushes, 0)
})

t.test('the last batch does not wait to fill, and a stop does not wait for proofs', async t => {
  const feed = fakeFeed()
  await feedAtOnce(feed, readingsAt(1, 2, 3), 5, never)
  t.equal(feed.flushes, 1)
  const stop = new AbortController()
  const feeding = feedAtOnce(feed, readingsAt(...Array(100).keys()), 1, stop.signal)
  await new Promise(setImmediate)
  stop.abort()
  await feeding
  t.ok(feed.recorded.length < 20)
})

t.test('a replay in time keeps the distances between readings', async t => {
  const feed = fakeFeed()
  const begin = performance.now()
  await feedInTime(feed, readingsAt(0, 0, 60_000, 120_000), 1_000, never)
  t.ok(performance.now() - begin >= 119, 'two minutes at a thousand times real time')
  t.same(
    feed.recorded.map(batch => batch.map(({ time }) => time)),
    [[0, 0], [60_000], [120_000]]
  )
  t.equal(feed.flushes, 1)
})

t.test('a simulated patient is recorded until the stop', async t => {
  const feed = fakeFeed()
  const stop = new AbortController()
  const feeding = feedSimulated(feed, 1, stop.signal)
  await new Promise(setImmediate)
  stop.abort()
  await feeding
  t.equal(feed.recorded.length, 1)
  t.ok((feed.recorded[0]?.length ?? 0) > 3)
})

t.test('readings that a device refuses are reported', async t => {
  const feed = fakeFeed()
  const refused = Promise.withResolvers<unknown>()
  const error = new Error('full')
  const device = { ...feed.device, record: () => Promise.reject(error) }
  await feedInTime({ ...feed, device, onFault: refused.resolve }, readingsAt(0), 1, never)
  t.equal(await refused.promise, error)
})
