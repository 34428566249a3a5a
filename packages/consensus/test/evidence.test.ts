import t, { type Test } from 'tap'
import {
  blockHash,
  decodeTransaction,
  equalBytes,
  evidenceTransaction,
  verifyEvidence,
  type Evidence
} from '@vitalchain/core'
import { heightRecordFormat, type Message } from '@vitalchain/consensus'
import { Bench, SCOPE } from './support.ts'

const [X, Y] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]

/** The evidence after the last input; each must stand by itself, after a journey through its bytes. */
function evidence(t: Test, bench: Bench): Evidence[] {
  return bench.did('evidence').map(({ evidence: found }) => {
    const transaction = decodeTransaction(evidenceTransaction(found))
    if (transaction.type !== 'evidence') throw new Error('unreachable')
    t.same(transaction.evidence, found)
    const { validators } = bench.context
    const culprit = verifyEvidence(transaction.evidence, {
      ...SCOPE,
      validators,
      verify: bench.keys.verify
    })
    t.same(culprit.member, validators[found.validator]!.member)
    return found
  })
}

t.test('a view change that forgets a COMMIT is evidence, whichever was heard first', async t => {
  for (const commitFirst of [true, false]) {
    const bench = new Bench(7, 0).start()
    const commit = bench.vote('commit', 3, X, 2)
    const forgets = bench.viewChange(3, 4)
    bench.hear(commitFirst ? commit : forgets)
    t.same(bench.did('evidence'), [])
    bench.hear(commitFirst ? forgets : commit)
    t.match(evidence(t, bench), [{ kind: 'amnesia', validator: 3 }])
    bench.hear(bench.viewChange(3, 5))
    t.same(bench.did('evidence'), [], 'once')
  }
})

t.test('a view change that admits a COMMIT accuses nobody', async t => {
  for (const prepared of [X, Y]) {
    const bench = new Bench(4, 0).start()
    const view = prepared === X ? 1 : 2
    bench
      .hear(bench.vote('commit', 2, X, 1))
      .hear(bench.viewChange(2, 3, bench.certificate('prepare', prepared, view)))
    t.same(bench.did('evidence'), [], 'nor does a later certificate, whatever its block')
    t.equal(bench.round.viewChanges.size, 1)
  }
})

t.test('a view change that names another block of the view of its COMMIT is evidence', async t => {
  const bench = new Bench(4, 0).start()
  bench
    .hear(bench.vote('commit', 2, X, 2))
    .hear(bench.viewChange(2, 3, bench.certificate('prepare', Y, 2)))
  t.match(evidence(t, bench), [{ kind: 'amnesia', validator: 2 }])
})

t.test('a leader whose new view is not justified convicts itself', async t => {
  const bench = new Bench(4, 0).start()
  const prepared = new Map([[1, bench.certificate('prepare', X, 0)]])
  const unjustified = [
    bench.justification(1, [1, 2]),
    bench.justification(1, [1, 2, 3], prepared),
    { ...bench.justification(1, [1, 2, 3], prepared), prepared: undefined },
    { ...bench.justification(2, [1, 2, 3]) },
    undefined
  ]
  for (const justification of unjustified) {
    const fresh = new Bench(4, 0).start()
    fresh.hear(fresh.proposal({ view: 1, ...(justification && { justification }) }))
    t.match(evidence(t, fresh), [{ kind: 'invalid-new-view', validator: 2 }])
    t.same(fresh.refusals(), ['justification'])
    t.equal(fresh.round.view, 0)
  }
})

t.test('a new view whose signature covers something else accuses nobody', async t => {
  const bench = new Bench(4, 0).start()
  const good = bench.proposal({ view: 1, justification: bench.justification(1, [1, 2, 3]) })
  bench.hear({ ...good, justification: bench.justification(1, [1, 2]) } as typeof good)
  t.same([bench.refusals(), bench.did('evidence')], [['signature'], []])
  bench.hear(good)
  t.same([bench.refusals(), bench.did('evidence'), bench.round.view], [[], [], 1])
})

t.test('a claim in a justification is held against what its signer said itself', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(bench.vote('commit', 3, X, 0))
  bench.hear(bench.proposal({ view: 1, justification: bench.justification(1, [1, 2, 3]) }))
  t.match(evidence(t, bench), [{ kind: 'amnesia', validator: 3 }])
  t.equal(bench.round.view, 1, 'the justification is good all the same')

  const other = new Bench(4, 0).start()
  other.hear(other.viewChange(3, 1, other.certificate('prepare', X, 0)))
  other.hear(other.proposal({ view: 1, justification: other.justification(1, [1, 2, 3]) }))
  t.match(evidence(t, other), [
    { kind: 'duplicate', validator: 3, first: { content: { type: 'view-change' } } }
  ])
})

t.test('a PREPARE in a certificate is held against the PREPARE that was heard', async t => {
  for (const certificateFirst of [true, false]) {
    const bench = new Bench(4, 0).start()
    const vote = bench.vote('prepare', 3, Y, 0)
    const shows = bench.viewChange(2, 1, bench.certificate('prepare', X, 0))
    bench.hear(certificateFirst ? shows : vote).hear(certificateFirst ? vote : shows)
    t.match(evidence(t, bench), [
      { kind: 'duplicate', validator: 3, first: { content: { type: 'prepare' } } }
    ])
  }
})

t.test(
  'a commit certificate is held against the COMMITs and view changes heard before',
  async t => {
    const bench = new Bench(4, 0).start()
    bench.hear(bench.vote('commit', 1, Y, 0)).hear(bench.viewChange(2, 1))
    bench.hear({ type: 'decided', certificate: bench.certificate('commit', X, 0) }, 3)
    t.match(evidence(t, bench), [
      { kind: 'duplicate', validator: 1 },
      { kind: 'amnesia', validator: 2 }
    ])
    bench.give({ type: 'committed', context: { ...bench.context, height: 2, parentHash: X } })
    t.match(bench.did('record')[0]?.record.commits, [{ sender: 1, blockHash: Y }], 'and kept')
  }
)

t.test('two proposals of one block with different justifications are evidence', async t => {
  const bench = new Bench(4, 0).start()
  const block = bench.block(2, 1)
  const [one, two] = [
    [0, 1, 2],
    [1, 2, 3]
  ].map(senders =>
    bench.proposal({ view: 1, block, justification: bench.justification(1, senders) })
  )
  bench.hear(one!).hear(two!)
  t.match(evidence(t, bench), [
    { kind: 'duplicate', validator: 2, first: { content: { type: 'proposal' } } }
  ])
})

t.test('after a height what a fork would need is handed over, and only then', async t => {
  const next = (bench: Bench) => ({ ...bench.context, height: 2, parentHash: X })
  const calm = new Bench(4, 0).start()
  calm.hear({ type: 'decided', certificate: calm.certificate('commit', X) }, 1)
  calm.give({ type: 'committed', context: next(calm) })
  t.same(calm.did('record'), [], 'nothing, when the certificate says it all')

  const bench = new Bench(4, 0).start()
  const message = bench.proposal({ view: 1, justification: bench.justification(1, [1, 2, 3]) })
  const late = bench.vote('commit', 3, X, 0)
  bench.hear(late).hear(bench.viewChange(3, 1)).hear(message)
  if (message.type !== 'proposal') throw new Error('unreachable')
  const hash = blockHash(message.block.header)
  bench.hear({ type: 'decided', certificate: bench.certificate('commit', hash, 1) }, 1)
  bench.give({ type: 'committed', context: next(bench) })
  const { record } = bench.did('record')[0]!
  t.match(record, {
    height: 1,
    proposals: [{ view: 1, sender: 2, blockHash: hash, justification: message.justification }],
    commits: [{ view: 0, sender: 3, blockHash: X }],
    viewChanges: [{ view: 1, sender: 3, preparedView: -1 }]
  })
  t.same(heightRecordFormat.decode(heightRecordFormat.encode(record)), record)
})

t.test(
  'an honest leader that hears of two blocks prepared in one view convicts itself of nothing',
  t => {
    const bench = new Bench(4, 2)
    const blocks = [bench.block(1, 0, 1), bench.block(1, 0, 2)]
    const [one, two] = blocks.map(block => blockHash(block.header))
    const proposals: Message[] = []
    const serve = (): void => {
      for (const effect of bench.effects) {
        if (effect.type === 'send' && effect.message.type === 'proposal')
          proposals.push(effect.message)
        if (effect.type === 'sign') bench.sign()
        else if (effect.type === 'validate')
          bench.give({ type: 'validated', request: effect.request, valid: true })
        else if (effect.type === 'fetch') {
          const proposal = blocks.find(block =>
            equalBytes(blockHash(block.header), effect.blockHash)
          )
          bench.give({ type: 'fetched', proposal: proposal! })
        } else continue
        serve()
      }
    }
    bench.start()
    for (const message of [
      bench.viewChange(0, 1, bench.certificate('prepare', one!, 0, [0, 1, 2])),
      bench.viewChange(3, 1, bench.certificate('prepare', two!, 0, [0, 1, 3])),
      bench.viewChange(1, 1)
    ]) {
      bench.hear(message)
      serve()
    }
    t.equal(proposals.length, 1)
    const other = new Bench(4, 3).start().hear(proposals[0]!)
    t.same([other.refusals(), other.did('evidence'), other.round.view], [[], [], 1])
    t.end()
  }
)
