import { blockHash } from '@vitalchain/core'
import t from 'tap'
import { advanceLeadership, type HeightContext } from '@vitalchain/consensus'
import { Bench } from './support.ts'

const BLOCK = new Bench().block(1)
const HASH = blockHash(BLOCK.header)
const CERTIFICATE = new Bench().certificate('commit', HASH)

/** The second height, on a certified first block. */
function second(): HeightContext {
  const { context } = new Bench()
  return {
    ...context,
    height: 2,
    parentHash: HASH,
    parentTime: BLOCK.header.time,
    parentCertificate: CERTIFICATE,
    leadership: advanceLeadership(context.leadership, 1, context.validators, undefined)
  }
}

t.test('a certificate alone ends the height of somebody who missed the votes', async t => {
  const bench = new Bench(4, 0).start().hear(new Bench().proposal()).approve()
  bench.hear({ type: 'decided', certificate: CERTIFICATE }, 3)
  t.match(bench.did('commit'), [{ blockHash: HASH, certificate: CERTIFICATE }])
})

t.test('a decided message that proves nothing is refused', async t => {
  const bench = new Bench()
  const forgeries = {
    prepares: bench.certificate('prepare', HASH),
    'too few': bench.certificate('commit', HASH, 0, [1, 2]),
    'too many': bench.certificate('commit', HASH, 0, [0, 1, 2, 3]),
    'one twice': bench.certificate('commit', HASH, 0, [1, 2, 2]),
    'another view': { ...CERTIFICATE, view: 1 },
    'another block': { ...CERTIFICATE, blockHash: new Uint8Array(32) }
  }
  for (const [what, certificate] of Object.entries(forgeries)) {
    const replica = new Bench(4, 0).start().hear({ type: 'decided', certificate }, 3)
    t.same([replica.refusals(), replica.did('fetch')], [['certificate'], []], what)
  }
})

t.test(
  'a peer that resends at a decided height is answered with the certificate, at most once in 200 ms',
  async t => {
    const bench = new Bench(4, 0, second()).start()
    const old = new Bench().vote('prepare', 2, HASH)
    t.same(
      bench.hear(old).effects,
      [],
      'votes that were under way when the height ended get no answer'
    )
    bench.now += 500
    t.match(bench.hear(old).did('send'), [
      { to: [2], message: { type: 'decided', certificate: CERTIFICATE } }
    ])
    t.same(bench.hear(old).effects, [])
    t.equal(bench.hear(old, 3).did('send').length, 1, 'another peer has its own answer')
    bench.now += 200
    t.equal(bench.hear(old).did('send').length, 1)
    t.same(bench.give({ type: 'message', message: old }).effects, [], 'gossip is not answered')
  }
)

t.test('messages of the next height wait for it and then count', async t => {
  const bench = new Bench(4, 0).start()
  const next = new Bench(4, 0, second())
  const proposal = next.proposal()
  bench.hear(proposal).hear(next.vote('prepare', 1, HASH))
  t.same(bench.did('validate'), [])
  bench.give({ type: 'committed', context: second() })
  t.match(bench.did('validate'), [{ proposal: { header: { height: 2 } } }])
  t.equal(bench.round.prepares.get(0)?.size, 1)
  t.equal(bench.state.next.size, 0)
})

t.test('somebody at the next height who stays there makes a replica catch up', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(new Bench(4, 0, second()).vote('prepare', 3, HASH))
  t.same(bench.did('sync'), [], 'a moment ahead is no reason')
  bench.now += 1_000
  t.match(bench.expire('resend').did('sync'), [{ from: 3, height: 1 }])
})

t.test(
  'heights far ahead are a hint where to catch up, at most one in 500 ms, and nothing is kept',
  async t => {
    const bench = new Bench(4, 0).start()
    const far = bench.vote('prepare', 2, HASH, 0, 900)
    t.match(bench.hear(far).did('sync'), [{ from: 2, height: 899 }])
    for (let height = 901; height < 1_000; height += 1) {
      t.same(bench.hear(bench.vote('prepare', 2, HASH, 0, height)).effects, [])
    }
    t.equal(bench.state.next.size, 0)
    bench.now += 500
    t.equal(
      bench.hear({ type: 'decided', certificate: { ...CERTIFICATE, height: 50 } }, 1).did('sync')
        .length,
      1
    )
  }
)

t.test('a status tells who is ahead and who is behind', async t => {
  const bench = new Bench(4, 0, second()).start()
  const status = { type: 'status', headHash: HASH, view: 0, clock: 0, version: 1 } as const
  bench.now += 1_000
  t.same(bench.hear({ ...status, height: 1 }, 3).effects, [], 'the same height')
  t.match(bench.hear({ ...status, height: 7 }, 3).did('sync'), [{ from: 3, height: 7 }])
  t.match(bench.hear({ ...status, height: 0 }, 2).sent(), [{ type: 'decided' }])
})

t.test('blocks that catching up brought end the height, and older news is ignored', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true })
  bench.expire('view').sign()
  bench.give({ type: 'work', pending: false }).give({ type: 'committed', context: second() })
  t.same([bench.round.context.height, bench.round.view, bench.round.sent], [2, 0, {}])
  t.same(bench.give({ type: 'committed', context: new Bench().context }).effects, [])
  t.equal(bench.round.context.height, 2)
})

t.test('the leader of the next height proposes as soon as the block below is durable', async t => {
  const bench = new Bench(4, 2).start().give({ type: 'work', pending: true })
  bench.give({ type: 'committed', context: second() })
  t.match(bench.did('build'), [{ height: 2, view: 0 }])
})
