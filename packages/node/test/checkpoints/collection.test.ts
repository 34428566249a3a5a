import { toHex, type ValidatorSet } from '@vitalchain/core'
import t from 'tap'
import {
  createShareCollection,
  SHARES_PER_MEMBER_MAX,
  SPLITS_MAX,
  type CertifiedTree,
  type ShareCollection
} from '../../src/checkpoints/collection.ts'
import { NETWORK, rootOf, shareOf, validator } from './history.ts'

const FOUR: ValidatorSet = [0, 1, 2, 3].map(k => validator(k))

/** A tree that a test lets grow, and a collection over it. */
function collect(
  size: number,
  sets: readonly { readonly from: number; readonly set: ValidatorSet }[] = [{ from: 1, set: FOUR }]
): { readonly tree: { size: number }; readonly shares: ShareCollection } {
  const tree = {
    network: NETWORK,
    size,
    rootAt: (at: number) => rootOf(at),
    signersAt: (at: number) => sets.findLast(({ from }) => from <= at)?.set ?? [],
    get next() {
      return this.signersAt(this.size + 1)
    },
    sets: () => sets.map(({ set }) => set)
  } satisfies CertifiedTree
  return { tree, shares: createShareCollection(tree) }
}

t.test('three of four shares make a checkpoint, two do not, and the fourth joins it', async t => {
  const { shares } = collect(9)
  t.equal(shares.add(await shareOf(0, 9)), 'taken')
  t.equal(shares.add(await shareOf(0, 9, { time: 2_000 })), 'known', 'one member counts once')
  t.equal(shares.add(await shareOf(1, 9)), 'taken')
  t.equal(shares.latest, undefined)
  t.equal(shares.newest.length, 2)
  t.equal(shares.add(await shareOf(2, 9)), 'taken')
  t.match(shares.latest, { size: 9, root: rootOf(9) })
  t.equal(shares.newest.length, 0)
  t.equal(shares.add(await shareOf(3, 9)), 'taken')
  t.equal(shares.latest?.shares.length, 4)
  t.equal(shares.add(await shareOf(3, 9)), 'known')
  t.equal(shares.add(await shareOf(3, 5)), 'old')
})

t.test('shares of different sizes do not add up', async t => {
  const { shares } = collect(9)
  for (const k of [0, 1, 2, 3]) t.equal(shares.add(await shareOf(k, 5 + k)), 'taken')
  t.equal(shares.latest, undefined)
})

t.test('a share of a size to come waits for it, and then counts or is found out', async t => {
  const { tree, shares } = collect(5)
  for (const k of [0, 1]) t.equal(shares.add(await shareOf(k, 7)), 'held')
  t.equal(shares.add(await shareOf(2, 7, { name: 'other' })), 'held')
  t.equal(shares.add(await shareOf(3, 7)), 'held')
  t.same(shares.due(), [])
  t.equal(shares.latest, undefined)
  tree.size = 7
  const due = shares.due()
  t.same(
    due.map(share => shares.add(share)),
    ['taken', 'taken', 'split', 'taken']
  )
  t.same(shares.due(), [])
  t.equal(shares.latest?.size, 7)
  t.equal(shares.latest?.shares.length, 3)
  t.equal(shares.splits.length, 1)
})

t.test(
  'a validator that signed another history is found out at any size, once for each',
  async t => {
    const { shares } = collect(40)
    for (const k of [0, 1, 2]) shares.add(await shareOf(k, 40))
    t.equal(shares.add(await shareOf(3, 12, { name: 'other' })), 'split', 'also one long ago')
    t.equal(shares.add(await shareOf(3, 12, { name: 'other' })), 'known')
    for (let size = 13; size < 40; size++) shares.add(await shareOf(3, size, { name: 'other' }))
    t.equal(shares.splits.length, SPLITS_MAX)
  }
)

t.test('what nobody signed is forged, and what a stranger signed does not count', async t => {
  const { shares } = collect(9)
  const good = await shareOf(0, 9)
  for (const field of ['cosignature', 'note', 'cose'] as const) {
    const wrong = Uint8Array.from(good[field])
    wrong[10]! ^= 1
    t.equal(shares.add({ ...good, [field]: wrong }), 'forged', field)
  }
  t.equal(shares.add({ ...good, time: good.time + 1 }), 'forged')
  t.equal(shares.add({ ...good, root: rootOf(8) }), 'forged')
  t.equal(shares.add({ ...good, size: 20 }), 'forged', 'of a size to come')
  t.equal(shares.add({ ...good, network: rootOf(1) }), 'forged')
  t.equal(shares.add({ ...good, size: 0 }), 'forged')
  t.equal(shares.add({ ...good, member: validator(1).member }), 'forged', "in another's name")
  t.equal(shares.add(await shareOf(7, 9)), 'stranger')
  t.equal(shares.latest, undefined)
  t.equal(shares.newest.length, 0)
})

t.test('keys count at the sizes at which they were in force', async t => {
  // From the seventh leaf on member 3 has another key, and member 4 is one.
  const later = [0, 1, 2].map(k => validator(k)).concat(validator(3, 30), validator(4))
  const { shares } = collect(9, [
    { from: 1, set: FOUR },
    { from: 7, set: later }
  ])
  t.equal(shares.add(await shareOf(3, 9)), 'stranger', 'its key of before: no forgery')
  t.equal(shares.add(await shareOf(3, 9, { key: 30 })), 'taken')
  t.equal(shares.add(await shareOf(3, 6, { key: 30 })), 'stranger')
  t.equal(shares.add(await shareOf(4, 6)), 'stranger')
  for (const k of [0, 1]) shares.add(await shareOf(k, 9))
  t.equal(shares.latest, undefined, 'three of five are no quorum')
  shares.add(await shareOf(4, 9))
  t.equal(shares.latest?.size, 9)
})

t.test('one that signs without end fills nothing but its own place', async t => {
  const { shares } = collect(60)
  for (let size = 1; size <= 60; size++) shares.add(await shareOf(0, size))
  for (let size = 61; size <= 120; size++) shares.add(await shareOf(0, size))
  t.equal(shares.newest.length, 1)
  t.equal(toHex(shares.newest[0]!.member), toHex(validator(0).member))
  for (const k of [1, 2]) shares.add(await shareOf(k, 60 - SHARES_PER_MEMBER_MAX + 1))
  t.equal(shares.latest?.size, 60 - SHARES_PER_MEMBER_MAX + 1, 'its newest few still count')
})
