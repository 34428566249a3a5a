import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import { encodeCbor } from '../../src/encoding/cbor.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { VALIDATORS_MAX } from '../../src/ledger/limits.ts'
import { faultTolerance, hashValidatorSet, quorum } from '../../src/ledger/validators.ts'
import { FOUNDERS, validatorsOf } from './small-ledger.ts'

t.test(
  'for 1 to 100 validators the quorum is the smallest that is safe, and honest validators alone reach it',
  async t => {
    for (let n = 1; n <= 100; n++) {
      // f by its definition: as many liars as possible with n >= 3f + 1.
      let f = 0
      while (3 * (f + 1) + 1 <= n) f += 1
      t.equal(faultTolerance(n), f, `f of ${n}`)
      const safe = (size: number): boolean => smallestOverlap(n, size) >= f + 1
      let smallest = 1
      while (!safe(smallest)) smallest += 1
      t.equal(quorum(n), smallest, `quorum of ${n}`)
      t.ok(n - f >= quorum(n), `${n} validators without the ${f} faulty ones are a quorum`)
    }
  }
)

/** Fewest validators that two sets of `size` out of n share: they are laid out from both ends. */
function smallestOverlap(n: number, size: number): number {
  let shared = 0
  for (let index = 0; index < n; index++) if (index < size && index >= n - size) shared += 1
  return shared
}

t.test('the quorum is the one of the published table', async t => {
  const table = [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 4],
    [6, 4],
    [7, 5],
    [8, 6],
    [9, 6],
    [10, 7],
    [13, 9],
    [16, 11],
    [25, 17],
    [50, 34]
  ] as const
  for (const [n, q] of table) t.equal(quorum(n), q, `${n} validators`)
})

t.test('the hash of a set depends on every key and on the order', async t => {
  const set = validatorsOf(FOUNDERS)
  t.equal(
    toHex(hashValidatorSet(set)),
    toHex(
      sha256(
        encodeCbor([
          'vitalchain/validators',
          set.map(each => [each.member, each.consensusKey, each.checkpointKey])
        ])
      )
    )
  )
  const other = new Uint8Array(32).fill(1)
  const variants = [
    set,
    set.toReversed(),
    set.slice(1),
    ...(['member', 'consensusKey', 'checkpointKey'] as const).map(field =>
      set.with(2, { ...set[2]!, [field]: other })
    )
  ]
  t.equal(new Set(variants.map(each => toHex(hashValidatorSet(each)))).size, variants.length)
  t.ok(VALIDATORS_MAX <= 100, 'the brute force above covers every size in use')
})
