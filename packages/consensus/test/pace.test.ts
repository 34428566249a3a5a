import { blockHash } from '@vitalchain/core'
import t from 'tap'
import { DEFAULT_TIMERS, baseTimeout, resendInterval, viewTimeout } from '@vitalchain/consensus'
import { Bench, ZERO } from './support.ts'

t.test('timeouts double up to a limit and no view overflows them', async t => {
  const settings = DEFAULT_TIMERS
  t.same(
    [0, 1, 2, 3, 4, 5, 12, 13, 31, 32, 33, 64, 0xffff_ffff].map(view =>
      viewTimeout(view, 1, 62.5, settings)
    ),
    [250, 250, 250, 500, 500, 1_000, 8_000, 16_000, 16_000, 16_000, 16_000, 16_000, 16_000]
  )
  t.same(
    [0, 16, 17, 18, 19, 20, 28].map(view => viewTimeout(view, 16, 250, settings)),
    [1_000, 1_000, 1_000, 2_000, 2_000, 4_000, 60_000],
    'the first f + 1 leaders have the same time'
  )
  t.equal(viewTimeout(20, 1, 1_000, settings), 60_000)
  t.same(
    [0, 100, 1e9].map(latency => baseTimeout(latency, settings)),
    [250, 400, 4_000]
  )
  t.same(
    [0, 100, 1e9].map(latency => resendInterval(latency, settings)),
    [500, 800, 2_000]
  )
})

t.test('an idle replica runs no timer and sends nothing, whatever the time', async t => {
  const bench = new Bench(4, 0).start()
  t.same(bench.effects, [])
  t.same([bench.state.viewTimer, bench.state.resendTimer], [undefined, undefined])
  t.match(bench.give({ type: 'status' }).sent(), [
    { type: 'status', height: 0, view: 0, clock: bench.now }
  ])
  t.equal(bench.effects.length, 1)
})

t.test('the timer of view 0 runs while there is work, and stops when there is none', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true })
  const [timer] = bench.did('setTimer')
  t.equal(timer?.ms, 1_000)
  t.same(bench.give({ type: 'work', pending: false }).did('cancelTimer'), [
    { type: 'cancelTimer', id: timer!.id }
  ])
  t.same(
    bench.give({ type: 'timer', id: timer!.id }).effects,
    [],
    'one that fires nevertheless is ignored'
  )
})

t.test('a proposal starts the timer of view 0, or gives it one more timeout, once', async t => {
  const fresh = new Bench(4, 0).start()
  t.equal(fresh.hear(fresh.proposal()).did('setTimer').length, 1)
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true })
  const first = bench.state.viewTimer!.id
  bench.hear(bench.proposal())
  t.same(bench.did('cancelTimer'), [{ type: 'cancelTimer', id: first }])
  const second = bench.state.viewTimer!.id
  bench.hear(bench.proposal()).hear(bench.proposal({ block: bench.block(1, 0, 2) }))
  t.equal(bench.state.viewTimer!.id, second)
})

t.test(
  'the timer above view 0 waits for a quorum at this view or above, not exactly at it',
  async t => {
    const bench = new Bench(4, 0)
      .start()
      .give({ type: 'work', pending: true })
      .expire('view')
      .sign()
    t.equal(bench.round.view, 1)
    t.equal(bench.state.viewTimer, undefined, 'alone')
    bench.hear(bench.viewChange(3, 1))
    t.equal(bench.state.viewTimer, undefined, 'two of four')
    bench.hear(bench.viewChange(1, 7))
    t.match(
      bench.did('setTimer').filter(timer => timer.id.startsWith('view')),
      [{ ms: 1_000 }],
      'a quorum, one of it further on'
    )
  }
)

t.test('during an outage the view does not run away', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true }).expire('view').sign()
  for (let k = 0; k < 100; k += 1) bench.expire('resend')
  t.equal(bench.round.view, 1)
  t.match(bench.sent(), [{ type: 'view-change', view: 1 }])
})

t.test(
  'everything said in a view is said again, byte for byte, until the height is over',
  async t => {
    const bench = new Bench(4, 0).start()
    const hash = blockHash(bench.block(1).header)
    bench.hear(bench.proposal()).approve().sign()
    bench
      .hear(bench.vote('prepare', 1, hash))
      .hear(bench.vote('prepare', 2, hash))
      .sign()
    const said = [bench.round.sent.prepare!, bench.round.sent.commit!]
    for (let k = 0; k < 3; k += 1) t.same(bench.expire('resend').sent(), said)
    bench.hear(bench.vote('commit', 1, hash)).hear(bench.vote('commit', 2, hash))
    t.equal(bench.state.resendTimer, undefined)
  }
)

t.test(
  'resends come at intervals that differ between replicas and stay within a fifth',
  async t => {
    const delays = [0, 1, 2, 3].map(self => {
      const bench = new Bench(4, self).start()
      bench.give({ type: 'work', pending: true })
      if (self === 1) bench.give({ type: 'built', height: 1, view: 0, proposal: bench.block(1) })
      else bench.expire('view')
      return bench
        .sign()
        .did('setTimer')
        .find(timer => timer.id.startsWith('resend'))!.ms
    })
    t.ok(
      delays.every(ms => ms >= 1_600 && ms <= 2_400),
      String(delays)
    )
    t.ok(new Set(delays).size > 1)
  }
)

t.test('timeouts follow the measured time to commit', async t => {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  bench.now += 10
  for (const sender of [1, 2, 3]) bench.hear(bench.vote('commit', sender, hash))
  t.equal(bench.state.latency, 250 + (10 - 250) / 8)
})

t.test('a clock that jumps ahead by ten minutes hardly changes the timeouts', async t => {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  bench.now += 600_000
  for (const sender of [1, 2, 3]) bench.hear(bench.vote('commit', sender, hash))
  t.equal(bench.state.latency, 250 + (1_000 - 250) / 8, 'the longest time that a base can express')
})

t.test('a link that comes up gets the status and everything said, at once', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true }).expire('view').sign()
  bench.give({ type: 'connected', peer: 2 })
  t.match(bench.did('send'), [
    { to: [2], message: { type: 'status' } },
    { to: [2], message: { type: 'view-change', view: 1 } }
  ])
  t.equal(bench.did('send').length, 2)
})

t.test('a late proposal of the view starts nothing twice', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(bench.proposal()).approve().sign().hear(bench.proposal())
  t.same(bench.effects, [])
  t.same(bench.hear(bench.vote('prepare', 1, ZERO, 1)).did('sign'), [])
})
