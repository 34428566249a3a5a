import { faultTolerance, quorum } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import {
  FIRST_LEADERSHIP,
  advanceLeadership,
  eligibleLeaders,
  leaderOf,
  type Leadership
} from '@vitalchain/consensus'
import { createCheckedKeys } from '@vitalchain/consensus/simulator'

/** The leaderships of a chain whose height h was decided in view `views[h - 1]`. */
function grow(
  n: number,
  views: readonly number[]
): { leadership: Leadership; eligible: readonly number[] } {
  const { validators } = createCheckedKeys(n)
  const leadership = views.reduce(
    (before, _, index) =>
      advanceLeadership(before, index + 1, validators, index === 0 ? undefined : views[index - 1]),
    FIRST_LEADERSHIP
  )
  return { leadership, eligible: eligibleLeaders(validators, leadership) }
}

t.test('any two quorums share more than f validators, and the honest ones make one', async t => {
  for (let n = 1; n <= 100; n += 1) {
    const [q, f] = [quorum(n), faultTolerance(n)]
    if (2 * q - n < f + 1 || n - f < q) t.fail(`n = ${n}`)
  }
  t.same(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 25, 50].map(quorum),
    [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 9, 11, 17, 34]
  )
})

t.test('leaders take turns by height and view', async t => {
  t.same(
    [1, 2, 3, 4, 5].map(height => leaderOf(4, [0, 1, 2, 3], height, 0)),
    [1, 2, 3, 0, 1]
  )
  t.same(
    [0, 1, 2, 3, 4].map(view => leaderOf(4, [0, 1, 2, 3], 1, view)),
    [1, 2, 3, 0, 1]
  )
  t.same(
    [0, 1, 2].map(view => leaderOf(4, [0, 2, 3], 6, view)),
    [0, 2, 3],
    'less the excluded'
  )
  t.same(
    [3, 4, 5, 6].map(view => leaderOf(4, [0, 2, 3], 6, view)),
    [1, 2, 3, 0],
    'then all of them'
  )
})

t.test(
  'every validator leads within n further views once the eligible ones had theirs',
  async t => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 30 }),
        fc.nat(1_000_000),
        fc.nat(1_000),
        (n, height, start) => {
          const eligible = Array.from({ length: n - faultTolerance(n) }, (_, index) => index)
          const leaders = Array.from({ length: n }, (_, k) =>
            leaderOf(n, eligible, height, n + start + k)
          )
          return new Set(leaders).size === n
        }
      )
    )
    t.pass()
  }
)

t.test(
  'a leader whose view failed is left out from the height after the one that tells it',
  async t => {
    // Height 3 was decided in view 1: validator 3 failed at it. Block 4 holds that certificate.
    t.same(grow(4, [0, 0, 1]).eligible, [0, 1, 2, 3])
    t.same(grow(4, [0, 0, 1, 0]).eligible, [0, 1, 2])
  }
)

t.test('at most f are left out: the most recent ones', async t => {
  const { leadership, eligible } = grow(4, [0, 0, 1, 1, 0])
  t.equal(leadership.failures.length, 2)
  t.equal(eligible.length, 3)
  // Height 4 was led by 0 in view 0; its failure is the newer one.
  t.same(eligible, [1, 2, 3])
})

t.test('a failure is forgiven after twice as many heights as validators', async t => {
  t.equal(grow(4, [0, 0, 1, ...Array.from({ length: 8 }, () => 0)]).eligible.length, 4)
  t.equal(grow(4, [0, 0, 1, ...Array.from({ length: 6 }, () => 0)]).eligible.length, 3)
})

t.test('when every leader failed, nobody is singled out', async t => {
  t.same(grow(4, [0, 0, 4, 0]).eligible, [0, 1, 2, 3])
})

t.test(
  'two dead validators of seven stay excluded, whatever the order in which they failed',
  async t => {
    const n = 7
    const { validators } = createCheckedKeys(n)
    const dead = new Set([2, 5])
    let leadership = FIRST_LEADERSHIP
    let decided: number | undefined
    const failedViews: number[] = []
    for (let height = 1; height <= 200; height += 1) {
      const eligible = eligibleLeaders(validators, leadership)
      let view = 0
      while (dead.has(leaderOf(n, eligible, height, view))) view += 1
      failedViews.push(view)
      leadership = advanceLeadership(leadership, height, validators, decided)
      decided = view
    }
    const late = failedViews.slice(20).reduce((sum, view) => sum + view, 0)
    // Each costs a view or two when its exclusion runs out, every 14 heights or so; without exclusion it were 51.
    t.ok(late <= 40, `${late} failed views in 180 heights`)
    t.ok(leadership.failures.length <= n)
  }
)
