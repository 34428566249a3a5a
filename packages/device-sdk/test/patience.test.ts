import t from 'tap'
import { COMMIT_WAIT_MAX_MS, COMMIT_WAIT_MIN_MS } from '../src/limits.ts'
import { Patience } from '../src/patience.ts'

t.test('a quick network is given the shortest time', async t => {
  const patience = new Patience()
  t.equal(patience.ms, COMMIT_WAIT_MIN_MS)
  patience.proved(50)
  t.equal(patience.ms, COMMIT_WAIT_MIN_MS)
})

t.test(
  'a slow network is given several times what its proofs took, and never more than the longest',
  async t => {
    const patience = new Patience()
    patience.proved(1_000)
    t.equal(patience.ms, 4_000)
    patience.proved(5_000)
    t.equal(patience.ms, COMMIT_WAIT_MAX_MS)
  }
)

t.test('a few quick proofs do not hide a slow one, and many do', async t => {
  const patience = new Patience()
  patience.proved(1_000)
  patience.proved(10)
  t.ok(patience.ms > 3_000)
  for (let k = 0; k < 30; k++) patience.proved(10)
  t.equal(patience.ms, COMMIT_WAIT_MIN_MS)
})

t.test('each wait in vain doubles the next, up to the longest, until a proof comes', async t => {
  const patience = new Patience()
  const waits: number[] = []
  for (let k = 0; k < 5; k++) {
    waits.push(patience.ms)
    patience.disappointed()
  }
  t.same(waits, [2_000, 4_000, 8_000, 10_000, 10_000])
  for (let k = 0; k < 2_000; k++) patience.disappointed()
  t.equal(patience.ms, COMMIT_WAIT_MAX_MS)
  patience.proved(100)
  t.equal(patience.ms, COMMIT_WAIT_MIN_MS)
})
