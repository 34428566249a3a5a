import { blockHash } from '@vitalchain/core'
import { advanceLeadership, type HeightContext } from '@vitalchain/consensus'
import t from 'tap'
import { Bench } from './support.ts'

const BLOCK = new Bench().block(1)
const HASH = blockHash(BLOCK.header)

/** The second height, whose set has lost the first validator: the others' indices are one lower. */
function second(): HeightContext {
  const { context } = new Bench()
  return {
    ...context,
    height: 2,
    parentHash: HASH,
    parentTime: BLOCK.header.time,
    parentCertificate: new Bench().certificate('commit', HASH),
    validators: context.validators.slice(1),
    leadership: advanceLeadership(context.leadership, 1, context.validators, undefined)
  }
}

t.test(
  'what was kept for the next height is held against who brought it, when indices moved',
  async t => {
    const bench = new Bench(4, 1).start()
    // Index 2 of this set is validator 3 in the next: it must not answer for what validator 2 sent.
    const forged = { ...bench.vote('prepare', 2, HASH, 0, 2), signature: new Uint8Array(64) }
    bench.hear(forged, 2)
    bench.give({ type: 'committed', context: second() })
    t.match(
      bench.did('event').filter(({ name }) => name === 'rejected'),
      [{ reason: 'signature', from: 1 }]
    )
  }
)

t.test('what somebody brought who left is held against nobody', async t => {
  const bench = new Bench(4, 3).start()
  const forged = { ...bench.vote('prepare', 0, HASH, 0, 2), signature: new Uint8Array(64) }
  bench.hear(forged, 0)
  bench.give({ type: 'committed', context: second() })
  const [rejected] = bench.did('event').filter(({ name }) => name === 'rejected')
  t.equal(rejected !== undefined && 'from' in rejected ? rejected.from : 'nothing', undefined)
})

t.test('a replica follows at the height after its own removal and signs nothing', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true })
  bench.give({ type: 'committed', context: second() })
  t.equal(bench.round.self, undefined)
  t.same(bench.did('sign'), [])
  t.same(bench.did('build'), [])
})

t.test(
  'a replica that hears of the next height only from a set it does not know catches up',
  async t => {
    const bench = new Bench(4, 1).start()
    const stranger = { ...bench.vote('prepare', 2, HASH, 0, 2), sender: 4 }
    bench.hear(stranger)
    t.match(bench.did('sync'), [{ height: 1 }])
    bench.hear(stranger)
    t.same(bench.did('sync'), [], 'but not at each message')
    t.equal(bench.round.context.height, 1)
  }
)
