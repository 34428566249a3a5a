import t from 'tap'
import { watchCatchUp } from '../../src/cli/catch-up-progress.ts'
import type { LedgerNode } from '../../src/types.ts'

t.test('a node that is behind says how far it is, and when it is there', async t => {
  const place = { own: 10, others: [12, undefined], time: 0 }
  const logged: unknown[] = []
  let painted: readonly string[] = []
  const watch = watchCatchUp({
    node: {
      status: () => ({ height: place.own }),
      members: () => place.others.map(height => ({ height }))
    } as unknown as LedgerNode,
    log: (event, values) => logged.push([event, values]),
    paint: lines => (painted = lines(120)),
    now: () => place.time
  })
  t.teardown(() => watch.stop())
  watch.look()
  t.same(logged, [], 'what is under way is no news')

  Object.assign(place, { others: [110, 60], time: 10_000 })
  watch.look()
  t.same(painted, ['fetching blocks [..............................] 0%, 0 s'])
  Object.assign(place, { own: 60, time: 12_000 })
  watch.look()
  t.match(painted[0], /\[#{15}\.{15}\] 50%, 2 s$/)
  Object.assign(place, { own: 85, time: 15_000 })
  watch.look()
  Object.assign(place, { own: 110, time: 16_000 })
  watch.look()
  t.same(painted, [])
  t.same(logged, [
    ['catching up', { height: 10, of: 110, seconds: 0 }],
    ['catching up', { height: 85, of: 110, seconds: 5 }],
    ['caught up', { height: 110, blocks: 100, ms: 6_000 }]
  ])
})
