import { blockHash, type Certificate } from '@vitalchain/core'
import t from 'tap'
import type { SignedMessage } from '@vitalchain/consensus'
import { Bench, ZERO } from './support.ts'

/** A replica in view 1 of height 1, whose view change is signed. */
function inViewOne(self = 0): Bench {
  return new Bench(4, self).start().give({ type: 'work', pending: true }).expire('view').sign()
}

/** A view change with another certificate than the one it was made for. */
function withProof(message: SignedMessage, prepared: Certificate | undefined): SignedMessage {
  return message.type === 'view-change' ? { ...message, prepared } : message
}

const claimOf = (bench: Bench): unknown => bench.did('sign')[0]!.votes[0]!.message

t.test('a timeout leads to the next view with a view change that claims nothing', async t => {
  const bench = new Bench(4, 0).start().give({ type: 'work', pending: true }).expire('view')
  t.match(claimOf(bench), {
    type: 'view-change',
    view: 1,
    preparedView: -1,
    preparedHash: ZERO,
    prepared: undefined
  })
  t.same(bench.sent(), [])
  t.match(bench.sign().sent(), [{ type: 'view-change', view: 1 }])
})

t.test(
  'a replica that committed to a block says so, with the proof, in every later view',
  async t => {
    const bench = new Bench(4, 0).start()
    const hash = blockHash(bench.block(1).header)
    bench.hear(bench.proposal()).approve().sign()
    bench
      .hear(bench.vote('prepare', 1, hash))
      .hear(bench.vote('prepare', 2, hash))
      .sign()
    t.match(bench.sent(), [{ type: 'commit' }])
    bench.expire('view')
    const certificate = bench.certificate('prepare', hash, 0, [0, 1, 2])
    t.match(claimOf(bench), { view: 1, preparedView: 0, preparedHash: hash })
    t.strictSame(bench.did('sign')[0]?.record.prepared?.certificate, certificate)
    t.match(claimOf(bench), { prepared: { signers: [0, 1, 2] } })
  }
)

t.test('a view change that waits for an open signature carries what that one proved', async t => {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  bench.hear(bench.vote('prepare', 1, hash)).hear(bench.vote('prepare', 2, hash))
  const [commit] = bench.did('sign')
  bench.expire('view')
  t.same(bench.did('sign'), [], 'one request at a time')
  const { votes } = commit!
  bench.give({
    type: 'signed',
    votes: votes.map(vote => vote.seal(bench.keys.sign(0, vote.signBytes)))
  })
  t.match(bench.sent(), [{ type: 'commit', view: 0 }], 'what was signed is said')
  t.match(claimOf(bench), { type: 'view-change', view: 1, preparedView: 0 })
})

t.test('nothing is voted for in a view that was left', async t => {
  const bench = inViewOne()
  bench.hear(bench.proposal())
  t.same([bench.did('validate'), bench.did('sign')], [[], []])
})

t.test('a view change is refused unless its certificate proves its claim', async t => {
  const base = inViewOne()
  const hash = new Uint8Array(32).fill(5)
  const good = base.certificate('prepare', hash, 0)
  const [first, ...rest] = good.signatures
  const broken: Record<string, Certificate> = {
    'of commits': base.certificate('commit', hash, 0),
    'of two': base.certificate('prepare', hash, 0, [1, 2]),
    'of four': base.certificate('prepare', hash, 0, [0, 1, 2, 3]),
    'of one twice': base.certificate('prepare', hash, 0, [1, 1, 2]),
    'not in order': base.certificate('prepare', hash, 0, [2, 1, 3]),
    'of a stranger': { ...good, signers: [1, 2, 7] },
    'of another height': { ...good, height: 2 },
    'with a bad signature': { ...good, signatures: [first!.map(byte => byte ^ 1), ...rest] }
  }
  for (const [what, certificate] of Object.entries(broken)) {
    const bench = inViewOne()
    bench.hear(
      withProof(bench.viewChange(2, 2, { ...certificate, view: 0, blockHash: hash }), certificate)
    )
    t.same([bench.refusals(), bench.round.viewChanges.has(2)], [['prepared'], false], what)
  }
  const bench = inViewOne()
  const missing = withProof(bench.viewChange(2, 2, good), undefined)
  t.same(bench.hear(missing).refusals(), ['prepared'], 'without a certificate')
  const other = withProof(
    bench.viewChange(2, 2, good),
    bench.certificate('prepare', new Uint8Array(32).fill(6))
  )
  t.same(bench.hear(other).refusals(), ['prepared'], 'for another block')
  const later = bench.viewChange(2, 2, bench.certificate('prepare', hash, 2))
  t.same(bench.hear(later).refusals(), ['prepared'], 'of the view it goes to')
  t.same(bench.hear(bench.viewChange(2, 2, good)).refusals(), [])
  t.ok(bench.round.viewChanges.has(2), 'the good one is kept')
})

t.test('one other view change moves nobody, f + 1 move to the lower of them', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(bench.viewChange(1, 900))
  t.equal(bench.round.view, 0)
  bench.hear(bench.viewChange(2, 3))
  t.equal(bench.round.view, 3)
  t.match(claimOf(bench), { type: 'view-change', view: 3 })
})

t.test('votes tell the view of their signer too', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(bench.vote('prepare', 1, ZERO, 8)).hear(bench.vote('prepare', 2, ZERO, 9))
  t.equal(bench.round.view, 8)
})

t.test(
  'only the highest view change of a validator is kept, and two in one view are evidence',
  async t => {
    const bench = inViewOne()
    bench.hear(bench.viewChange(2, 5)).hear(bench.viewChange(2, 4))
    t.equal(bench.round.viewChanges.get(2)?.view, 5)
    const other = bench.viewChange(2, 5, bench.certificate('prepare', new Uint8Array(32).fill(5)))
    t.match(bench.hear(other).did('evidence'), [
      {
        evidence: {
          kind: 'duplicate',
          validator: 2,
          first: { view: 5, content: { type: 'view-change' } }
        }
      }
    ])
  }
)

t.test('a new leader with a quorum of empty claims builds a block, which may be empty', async t => {
  const bench = inViewOne(2)
  bench.hear(bench.viewChange(0, 1))
  t.same(bench.did('build'), [])
  bench.hear(bench.viewChange(3, 1))
  t.match(bench.did('build'), [{ view: 1, allowEmpty: true }])
  const block = bench.block(2, 1)
  bench.give({ type: 'built', height: 1, view: 1, proposal: block }).sign()
  const [proposal] = bench.sent()
  t.match(proposal, { type: 'proposal', view: 1, block, justification: { prepared: undefined } })
  const receiver = inViewOne(0)
  t.match(receiver.hear(proposal!).did('validate'), [{ checkTime: true }], 'and others accept it')
})

t.test(
  'a new leader proposes the block of the highest certificate, unchanged, once it holds it',
  async t => {
    const leader = new Bench(4, 3).start()
    const block = leader.block(1)
    const hash = blockHash(block.header)
    const lower = leader.certificate('prepare', new Uint8Array(32).fill(1), 0)
    const higher = leader.certificate('prepare', hash, 1, [0, 1, 2])
    leader
      .hear(leader.viewChange(1, 2, lower))
      .hear(leader.viewChange(2, 2, higher))
      .sign()
    t.match(leader.did('fetch'), [{ blockHash: hash, from: [2, 0, 1] }])
    leader.give({ type: 'fetched', proposal: block })
    t.match(
      leader.did('validate'),
      [{ checkTime: false, live: true }],
      'a prepared block is not checked for its time'
    )
    leader.approve()
    leader.sign()
    const [proposal, prepare] = leader.sent()
    t.match(proposal, {
      type: 'proposal',
      view: 2,
      block,
      justification: { prepared: { view: 1 } }
    })
    t.match(prepare, { type: 'prepare', view: 2, blockHash: hash })
    const receiver = new Bench(4, 0).start()
    receiver.hear(proposal!)
    t.equal(receiver.round.view, 2, 'the proof leads a replica that missed all of it to the view')
    t.match(receiver.did('validate'), [{ checkTime: false }])
    receiver.approve()
    t.match(
      receiver.did('sign')[0]!.votes.map(vote => vote.message.type),
      ['prepare'],
      'and no view change is owed'
    )
  }
)

t.test(
  'a leader does without a claim whose block nobody gives out, once the others are a quorum',
  async t => {
    const leader = new Bench(4, 3).start()
    const withheld = leader.certificate('prepare', new Uint8Array(32).fill(8), 1, [0, 1, 2])
    leader
      .hear(leader.viewChange(1, 2, withheld))
      .hear(leader.viewChange(2, 2))
      .sign()
    t.match(leader.did('fetch'), [{ from: [1, 0, 2] }], 'the one who claims it is asked first')
    leader.hear(leader.viewChange(0, 2))
    t.same(leader.did('build'), [], 'it is waited for')
    leader.expire('resend')
    t.match(leader.did('build'), [{ view: 2 }])
    leader.give({ type: 'built', height: 1, view: 2, proposal: leader.block(3, 2) }).sign()
    const [proposal] = leader.sent()
    t.same(new Bench(4, 0).start().hear(proposal!).refusals(), [])
  }
)

t.test('a proposal above view 0 is refused unless its proof is whole', async t => {
  const bench = new Bench(4, 0)
  const old = bench.block(1)
  const hash = blockHash(old.header)
  const prepared = bench.certificate('prepare', hash, 0)
  const withClaim = bench.justification(1, [1, 2, 3], new Map([[2, prepared]]))
  const none = bench.justification(1, [1, 2, 3])
  const fresh = bench.block(2, 1)
  const claims = none.claims
  const [a, b, c] = claims
  const cases = {
    'no proof': { block: fresh },
    'too few claims': { block: fresh, justification: { claims: [a!, b!], prepared: undefined } },
    'too many claims': { block: fresh, justification: bench.justification(1, [0, 1, 2, 3]) },
    'one signer twice': {
      block: fresh,
      justification: { claims: [a!, a!, c!], prepared: undefined }
    },
    'not in order': { block: fresh, justification: { claims: [b!, a!, c!], prepared: undefined } },
    'claims of another view': { block: fresh, justification: bench.justification(2, [1, 2, 3]) },
    'a forged claim': {
      block: fresh,
      justification: { claims: [a!, b!, { ...c!, signature: a!.signature }], prepared: undefined }
    },
    'a stranger': {
      block: fresh,
      justification: { claims: [a!, b!, { ...c!, sender: 6 }], prepared: undefined }
    },
    'a fresh block in spite of a certificate': { block: fresh, justification: withClaim },
    'the claim without its certificate': {
      block: old,
      justification: { ...withClaim, prepared: undefined }
    },
    'a certificate that nobody claimed': { block: old, justification: { ...none, prepared } },
    'a certificate of another view': {
      block: old,
      justification: { ...withClaim, prepared: { ...prepared, view: 1 } }
    },
    'another block than the certificate': {
      block: bench.block(1, 0, 77),
      justification: withClaim
    },
    'a certificate of too few': {
      block: old,
      justification: { ...withClaim, prepared: bench.certificate('prepare', hash, 0, [1, 2]) }
    }
  }
  for (const [what, options] of Object.entries(cases)) {
    const replica = new Bench(4, 0).start()
    replica.hear(bench.proposal({ view: 1, ...options }))
    t.same([replica.refusals(), replica.round.view], [['justification'], 0], what)
  }
  const good = new Bench(4, 0)
    .start()
    .hear(bench.proposal({ view: 1, block: old, justification: withClaim }))
  t.same([good.refusals(), good.round.view], [[], 1])
  const refreshed = new Bench(4, 0)
    .start()
    .hear(bench.proposal({ view: 1, block: fresh, justification: none }))
  t.same([refreshed.refusals(), refreshed.round.view], [[], 1])
})

t.test('a fresh block above view 0 must say where it was built', async t => {
  const bench = new Bench(4, 0).start()
  const justification = bench.justification(1, [1, 2, 3])
  bench.hear(bench.proposal({ view: 1, block: bench.block(1, 0), justification }))
  t.same(bench.refusals(), ['block'])
  t.match(claimOf(bench), { type: 'view-change', view: 2 })
})

t.test('certificates are verified once, not once for each validator that shows them', async t => {
  const bench = new Bench(7, 0).start()
  const prepared = bench.certificate('prepare', new Uint8Array(32).fill(4), 0, [1, 2, 3, 4, 5])
  bench.hear(bench.viewChange(1, 1, prepared))
  const once = bench.verifications
  bench.hear(bench.viewChange(2, 1, prepared))
  t.equal(bench.verifications - once, 1)
})
