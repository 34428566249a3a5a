import t from 'tap'
import { setImmediate } from 'node:timers/promises'
import {
  BYTES_PER_POINT,
  costOf,
  FairShare,
  POINTS_MAX,
  POINTS_PER_BLOCK,
  POINTS_PER_SECOND,
  POINTS_PER_TURN
} from '../../src/consensus/fair-share.ts'

t.test('long messages cost more', async t => {
  t.same([0, 1, BYTES_PER_POINT, BYTES_PER_POINT + 1, 128 * 1024].map(costOf), [1, 1, 1, 2, 32])
})

t.test('a peer that sends without end delays the others by one turn and no more', async t => {
  const share = new FairShare()
  const { signal } = new AbortController()
  const order: string[] = []
  const send = async (peer: string, count: number): Promise<void> => {
    for (let k = 0; k < count; k++) {
      const wait = share.take(peer, 1, signal)
      if (wait !== undefined) await wait
      order.push(peer)
    }
  }
  const flood = send('flooder', 400)
  await Promise.all([send('a', 20), send('b', 20)])
  const before = order.slice(0, order.lastIndexOf('b') + 1)
  t.ok(before.filter(peer => peer === 'flooder').length <= 3 * POINTS_PER_TURN, before.join(' '))
  await flood
  t.equal(order.length, 440, 'nothing is dropped')
})

t.test('who sends too much for too long is held back to the rate', async t => {
  const clock = { now: 0 }
  const share = new FairShare(() => clock.now)
  const taken = (): number => {
    let count = 0
    while (share.spend('peer', 1)) count++
    return count
  }
  t.equal(taken(), POINTS_MAX)
  t.equal(taken(), 0)
  t.equal(share.spend('another', 1), true)
  clock.now += 1_000
  t.equal(taken(), POINTS_PER_SECOND)
  share.credit()
  t.equal(taken(), POINTS_PER_BLOCK, 'each block brings what a height needs')
  clock.now += 3_600_000
  t.equal(taken(), POINTS_MAX, 'an idle hour is not saved up')
})

t.test('a message that costs more than is there goes through, and is paid back', async t => {
  const clock = { now: 0 }
  const share = new FairShare(() => clock.now)
  for (let k = 0; k < POINTS_MAX - 1; k++) share.spend('peer', 1)
  t.equal(share.spend('peer', 32), true)
  clock.now += (31 / POINTS_PER_SECOND) * 1_000
  t.equal(share.spend('peer', 1), false)
  clock.now += 10
  t.equal(share.spend('peer', 1), true)
})

t.test('a waiting peer is let go when the node stops', async t => {
  const share = new FairShare(() => 0)
  const stop = new AbortController()
  while (share.spend('peer', 1));
  let ended = false
  const wait = share.take('peer', 1, stop.signal)?.finally(() => {
    ended = true
  })
  await setImmediate()
  t.equal(ended, false)
  stop.abort()
  await wait
  t.equal(ended, true)
})
