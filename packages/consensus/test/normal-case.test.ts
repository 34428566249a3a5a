import { blockHash } from '@vitalchain/core'
import t from 'tap'
import { Bench } from './support.ts'

const kinds = (messages: readonly { type: string }[]): string[] =>
  messages.map(message => message.type)

t.test('a leader with work builds, proposes and prepares with one signature request', async t => {
  const bench = new Bench(4, 1).start()
  t.same(bench.effects, [], 'an idle leader does nothing')
  bench.give({ type: 'work', pending: true })
  t.match(bench.did('build'), [{ height: 1, view: 0, allowEmpty: false, minTime: 1 }])
  bench.give({ type: 'built', height: 1, view: 0, proposal: bench.block(1) })
  t.same(bench.sent(), [], 'nothing leaves before it is durable')
  t.same(
    bench.did('sign')[0]!.votes.map(vote => vote.message.type),
    ['proposal', 'prepare']
  )
  t.same(kinds(bench.sign().sent()), ['proposal', 'prepare'])
})

t.test('a leader that finds nothing to build waits for work', async t => {
  const bench = new Bench(4, 1).start().give({ type: 'work', pending: true })
  bench.give({ type: 'built', height: 1, view: 0 })
  t.same(bench.did('build'), [], 'it does not ask again at once')
  t.equal(bench.state.viewTimer, undefined, 'and no timer runs')
  t.equal(bench.give({ type: 'work', pending: true }).did('build').length, 1)
})

t.test('a replica prepares a proposal only after the host found it valid', async t => {
  const bench = new Bench(4, 0).start()
  const proposal = bench.proposal()
  bench.hear(proposal)
  t.match(bench.did('validate'), [{ live: true, checkTime: true, from: [1] }])
  t.same(bench.did('sign'), [])
  bench.approve()
  t.match(bench.did('sign')[0]!.votes[0]!.message, { type: 'prepare', view: 0, sender: 0 })
  t.same(bench.sent(), [])
  t.same(kinds(bench.sign().sent()), ['prepare'])
})

t.test(
  'a replica commits when a quorum prepared, itself included, and keeps the proof first',
  async t => {
    const bench = new Bench(4, 0).start()
    const proposal = bench.proposal()
    const hash = blockHash(bench.block(1).header)
    bench
      .hear(bench.vote('prepare', 1, hash))
      .hear(bench.vote('prepare', 2, hash))
      .hear(bench.vote('prepare', 3, hash))
    t.same(bench.did('sign'), [], 'a quorum of others alone is no reason: the block is not held')
    bench.hear(proposal).approve().sign()
    const { votes, record } = bench.did('sign')[0]!
    t.match(votes[0]!.message, { type: 'commit', blockHash: hash })
    t.match(record.prepared?.certificate, {
      phase: 'prepare',
      height: 1,
      view: 0,
      blockHash: hash,
      signers: [0, 1, 2]
    })
    t.equal(record.sent.prepare?.type, 'prepare')
  }
)

t.test('two prepares are no quorum of four', async t => {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench
    .hear(bench.proposal())
    .approve()
    .sign()
    .hear(bench.vote('prepare', 1, hash))
  t.same(bench.did('sign'), [])
  t.equal(bench.hear(bench.vote('prepare', 3, hash)).did('sign').length, 1)
})

t.test('a quorum of commits decides, and the host gets exactly quorum-many signatures', async t => {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  bench.hear(bench.vote('commit', 3, hash)).hear(bench.vote('commit', 2, hash))
  t.same(bench.did('commit'), [])
  bench.hear(bench.vote('commit', 1, hash))
  const [commit] = bench.did('commit')
  t.same(commit?.certificate, bench.certificate('commit', hash))
  t.equal(bench.state.viewTimer, undefined)
  t.same(
    bench.hear(bench.vote('prepare', 1, hash)).effects,
    [],
    'nothing more is done at this height'
  )
})

t.test('a decision in a view that was left counts still', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true })
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  bench.expire('view').sign()
  t.equal(bench.round.view, 1)
  for (const sender of [1, 2, 3]) bench.hear(bench.vote('commit', sender, hash))
  t.equal(bench.did('commit').length, 1)
})

t.test(
  'a decided block that is not held is fetched from its signers, validated, then committed',
  async t => {
    const bench = new Bench(4, 0).start()
    const block = bench.block(1)
    const hash = blockHash(block.header)
    for (const sender of [1, 2, 3]) bench.hear(bench.vote('commit', sender, hash))
    t.match(bench.did('fetch'), [{ blockHash: hash, from: [1, 2, 3] }])
    t.same(
      bench.give({ type: 'fetched', proposal: bench.block(1, 0, 99) }).effects,
      [],
      'another block is not what was asked for'
    )
    bench.give({ type: 'fetched', proposal: block })
    t.match(bench.did('validate'), [{ live: false, checkTime: false }])
    bench.approve()
    t.match(bench.did('commit'), [{ blockHash: hash, proposal: block }])
  }
)

t.test('an invalid block makes a replica complain at once', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(bench.proposal()).approve(false)
  t.match(bench.did('sign')[0]!.votes[0]!.message, {
    type: 'view-change',
    view: 1,
    preparedView: -1
  })
})

t.test('a block that cannot be valid is refused without asking the host', async t => {
  const base = new Bench(4, 0)
  const good = base.block(1)
  const { header } = good
  const bad = {
    height: { ...header, height: 2 },
    network: { ...header, network: new Uint8Array(32) },
    'recovery epoch': { ...header, recoveryEpoch: 1 },
    parent: { ...header, previous: new Uint8Array(32).fill(9) },
    time: { ...header, time: 0 },
    'origin view': { ...header, originView: 1 },
    'origin proposer': { ...header, originProposer: 2 },
    'transaction count': { ...header, transactionCount: 2 },
    'previous certificate': { ...header, previousCertificateHash: new Uint8Array(32).fill(1) }
  }
  for (const [what, changed] of Object.entries(bad)) {
    const bench = new Bench(4, 0).start()
    bench.hear(bench.proposal({ block: { ...good, header: changed } }))
    t.same([bench.refusals(), bench.did('validate')], [['block'], []], what)
    t.match(bench.did('sign')[0]!.votes[0]!.message, { type: 'view-change', view: 1 }, what)
  }
  const empty = { ...good, header: { ...header, transactionCount: 0 }, transactions: [] }
  const bench = new Bench(4, 0).start()
  t.same(
    bench.hear(bench.proposal({ block: empty })).refusals(),
    ['block'],
    'an empty block in view 0'
  )
})

t.test(
  'a proposal by another than the leader, or with a bad signature, changes nothing',
  async t => {
    const bench = new Bench(4, 0).start()
    t.same(bench.hear(bench.proposal({ sender: 2, block: bench.block(2) })).refusals(), ['leader'])
    t.same(bench.hear({ ...bench.proposal(), signature: new Uint8Array(64) }).refusals(), [
      'signature'
    ])
    t.same(bench.hear({ ...bench.vote('prepare', 2, new Uint8Array(32)), sender: 9 }).refusals(), [
      'signer'
    ])
    t.same([bench.round.proposals.size, bench.round.view, bench.did('sign')], [0, 0, []])
  }
)

t.test('two proposals of one leader are evidence, once, and the first stays', async t => {
  const bench = new Bench(4, 0).start()
  const [first, second] = [bench.proposal(), bench.proposal({ block: bench.block(1, 0, 2) })]
  bench.hear(first).hear(second)
  const proposal = { view: 0, content: { type: 'proposal' } }
  t.match(bench.did('evidence'), [
    { evidence: { kind: 'duplicate', validator: 1, first: proposal, second: proposal } }
  ])
  t.same(bench.hear(second).did('evidence'), [])
  t.same(
    bench
      .hear({ ...bench.proposal({ block: bench.block(1, 0, 3) }), signature: new Uint8Array(64) })
      .did('evidence'),
    []
  )
  t.same(bench.round.proposals.get(0)?.message, first)
})

t.test(
  'two votes of one validator in one view are evidence, and only the first counts',
  async t => {
    for (const type of ['prepare', 'commit'] as const) {
      const bench = new Bench(4, 0).start()
      const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
      bench.hear(bench.vote(type, 2, a)).hear(bench.vote(type, 2, b))
      t.match(bench.did('evidence'), [
        {
          evidence: { kind: 'duplicate', validator: 2, first: { view: 0, content: { type } } }
        }
      ])
      const forged = { ...bench.vote(type, 3, b), signature: new Uint8Array(64) }
      t.same(
        bench
          .hear(bench.vote(type, 3, a))
          .hear(forged)
          .did('evidence'),
        [],
        'a forged second vote accuses nobody'
      )
    }
  }
)

t.test('a quorum with one vote of another network, epoch, height or kind is none', async t => {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  const prepare = bench.vote('prepare', 1, hash)
  t.same(
    bench.hear({ ...bench.vote('commit', 1, hash), signature: prepare.signature }).refusals(),
    ['signature']
  )
  t.same(bench.hear({ ...prepare, view: 1 }).refusals(), ['signature'])
  t.same(bench.hear({ ...prepare, sender: 2 }).refusals(), ['signature'])
})

t.test(
  'a leader may send one header with two lists: the right list is found once the block is certified',
  async t => {
    const bench = new Bench(4, 0).start()
    const block = bench.block(1)
    const hash = blockHash(block.header)
    const spoiled = { ...block, transactions: [new Uint8Array(32).fill(7)] }
    bench
      .hear(bench.proposal({ block: spoiled }))
      .approve(false)
      .sign()
    for (const sender of [1, 2, 3]) bench.hear(bench.vote('commit', sender, hash))
    t.match(bench.did('validate'), [{ live: false }], 'asked again without the demands of a vote')
    bench.approve(false)
    t.equal(bench.did('fetch').length, 1)
    bench.give({ type: 'fetched', proposal: block }).approve()
    t.same(bench.did('commit')[0]?.proposal, block)
  }
)

t.test('a certified block that the host refuses is reported, not committed', async t => {
  const bench = new Bench(4, 0).start()
  const block = bench.block(1)
  for (const sender of [1, 2, 3]) bench.hear(bench.vote('commit', sender, blockHash(block.header)))
  bench.give({ type: 'fetched', proposal: block }).approve(false)
  t.match(bench.did('event'), [{ name: 'diverged', code: 'ERR_TEST' }])
  t.same(bench.did('commit'), [])
})

t.test('an observer follows decisions and signs nothing', async t => {
  for (const observe of [true, false]) {
    const bench = new Bench(4, 0)
    if (!observe)
      bench.state = { ...bench.state, config: { ...bench.config, self: new Uint8Array(32) } }
    bench.start({ observe }).give({ type: 'work', pending: true })
    const block = bench.block(1)
    bench.hear(bench.proposal({ block }))
    t.same(bench.effects, [], 'a proposal is noted, no more')
    for (const sender of [1, 2, 3])
      bench.hear(bench.vote('commit', sender, blockHash(block.header)))
    bench.approve()
    t.equal(bench.did('commit').length, 1)
    t.same([bench.state.viewTimer, bench.state.resendTimer], [undefined, undefined])
  }
})
