import { blockHash } from '@vitalchain/core'
import t from 'tap'
import {
  decodeMessage,
  encodeMessage,
  type AnswerMessage,
  type Message,
  type PastVote,
  type VoteState
} from '@vitalchain/consensus'
import { randomScenario, runScenario } from '@vitalchain/consensus/simulator'
import { Bench } from './support.ts'

const NONCE = new Uint8Array(32).fill(7)

/** Names of the events after the last input. */
function events(bench: Bench): string[] {
  return bench.did('event').map(event => event.name)
}

/** Whom the replica asked with its last input. */
function asked(bench: Bench): (readonly number[])[] {
  return bench
    .did('send')
    .flatMap(({ to, message }) => (message.type === 'inquiry' && to !== 'all' ? [to] : []))
}

function answer(
  bench: Bench,
  from: number,
  rest: Partial<Omit<AnswerMessage, 'type'>> = {}
): Bench {
  const message: AnswerMessage = {
    type: 'answer',
    nonce: NONCE,
    height: bench.round.context.height - 1,
    complete: true,
    vote: undefined,
    ...rest
  }
  return bench.hear(decodeMessage(encodeMessage(message)), from)
}

/** The block below `height` is durable now. */
function commit(bench: Bench, height: number, signers: readonly number[] = [1, 2, 3]): Bench {
  const place = { height: height - 1, view: 0, blockHash: new Uint8Array(32).fill(height) }
  return bench.give({
    type: 'committed',
    context: {
      ...bench.context,
      height,
      parentCertificate: { phase: 'commit', ...place, signers, signatures: [] }
    }
  })
}

/** A PREPARE of this replica that its vote state does not hold, as others heard it. */
function lostVote(bench: Bench, height: number, view = 0): PastVote {
  const hash = blockHash(bench.block(1, 0, 77).header)
  const { signature } = bench.vote('prepare', bench.self, hash, view, height)
  return { height, view, content: { type: 'prepare', blockHash: hash }, signature }
}

/** What a replica wrote when it prepared the first proposal, and the replica. */
function prepared(): { readonly before: Bench; readonly record: VoteState } {
  const before = new Bench(4, 0).start()
  before.hear(before.proposal()).approve().sign()
  const { record } = before.state
  if (record === undefined) throw new Error('nothing was signed')
  return { before, record }
}

function isVoting(bench: Bench): boolean {
  return bench.state.voting && bench.state.inquiry === undefined
}

t.test(
  'a validator that starts asks all others, and votes once a quorum with it answered',
  async t => {
    const bench = new Bench(4, 0).give({
      type: 'start',
      context: new Bench(4, 0).context,
      nonce: NONCE
    })
    t.same(asked(bench), [[1, 2, 3]])
    bench.hear(bench.proposal())
    t.same(bench.did('validate'), [], 'a proposal waits')
    answer(bench, 1)
    t.equal(isVoting(bench), false)
    t.same(bench.state.viewTimer, undefined, 'and no view ends')
    answer(bench, 1)
    t.equal(isVoting(bench), false, 'nobody counts twice')
    answer(bench, 2)
    t.equal(isVoting(bench), true)
    t.match(bench.approve().did('sign')[0]?.votes, [{ message: { type: 'prepare' } }])
  }
)

t.test('who is alone, and who has one other, needs no more than that', async t => {
  const alone = new Bench(1, 0)
  alone.give({ type: 'start', context: alone.context, nonce: NONCE })
  t.equal(isVoting(alone), true)
  for (const n of [2, 3]) {
    const bench = new Bench(n, 0)
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    t.equal(isVoting(bench), false)
    t.equal(isVoting(answer(bench, 1)), true)
  }
})

t.test(
  'an answer to another start, of no validator, or of its own index counts for nothing',
  async t => {
    const bench = new Bench(4, 0)
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    answer(bench, 1, { nonce: new Uint8Array(32) })
    answer(bench, 0)
    answer(bench, 4)
    const { height } = bench.context
    const message: Message = {
      type: 'answer',
      nonce: NONCE,
      height,
      complete: true,
      vote: undefined
    }
    bench.give({ type: 'message', from: undefined, message })
    t.equal(bench.state.inquiry?.answers.size, 0)
  }
)

t.test(
  'it asks again those that did not answer, says once who they are, and asks who connects',
  async t => {
    const bench = new Bench(4, 0)
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    answer(bench, 3).expire('resend')
    t.same(asked(bench), [[1, 2]])
    t.match(bench.did('event'), [
      { name: 'waits-for-answers', needed: 2, answered: [3], withoutVotes: [], silent: [1, 2] }
    ])
    bench.expire('resend')
    t.same([asked(bench), events(bench)], [[[1, 2]], []])
    t.same(asked(bench.give({ type: 'connected', peer: 2 })), [[2]])
    t.same(asked(bench.give({ type: 'connected', peer: 3 })), [])
    answer(bench, 2)
    t.equal(bench.state.resendTimer, undefined, 'then it is silent')
  }
)

t.test(
  'a status shows that the other end is linked too: it is asked, and answers at once',
  async t => {
    const bench = new Bench(4, 0)
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    const status: Message = {
      type: 'status',
      height: 0,
      headHash: new Uint8Array(32),
      view: 0,
      clock: 1,
      version: 1
    }
    t.same(asked(bench.hear(status, 2)), [[2]])
    answer(bench, 2)
    t.same(asked(bench.hear(status, 2)), [])
    const peer = new Bench(4, 2).start()
    const inquiry: Message = { type: 'inquiry', nonce: NONCE }
    t.equal(peer.hear(inquiry, 0).did('send').length, 1)
    peer.give({ type: 'connected', peer: 0 })
    t.equal(peer.hear(inquiry, 0).did('send').length, 1, 'the first answer went over a dead link')
  }
)

t.test('what is durable is sent again at once: its bytes are out already', async t => {
  const { before, record } = prepared()
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, voteState: record, nonce: NONCE })
  t.same(
    bench.sent().filter(each => each.type === 'prepare'),
    [before.round.sent.prepare]
  )
})

t.test('anybody answers at once with the newest vote that it heard, and seldom', async t => {
  const { before } = prepared()
  const prepare = before.round.sent.prepare
  if (prepare === undefined) throw new Error('nothing was signed')
  const peer = new Bench(4, 2)
  peer.give({ type: 'start', context: peer.context, nonce: NONCE }).hear(prepare)
  const inquiry: Message = { type: 'inquiry', nonce: NONCE }
  const [answered] = peer.hear(inquiry, 0).did('send')
  t.match(answered, {
    to: [0],
    message: {
      type: 'answer',
      nonce: NONCE,
      height: 0,
      complete: true,
      vote: { height: 1, view: 0, content: { type: 'prepare' }, signature: prepare.signature }
    }
  })
  t.same(peer.hear(inquiry, 0).did('send'), [], 'not twice in a moment')
  t.equal(peer.hear(inquiry, 1).did('send').length, 1, 'another is answered')
  peer.now += 100
  t.equal(peer.hear(inquiry, 0).did('send').length, 1)
  t.same(peer.give({ type: 'message', from: undefined, message: inquiry }).did('send'), [])
})

t.test('an answer tells how far the votes had come when the chain was put back', async t => {
  const record: VoteState = { height: 9, view: 0, sent: {}, prepared: undefined }
  const peer = new Bench(4, 2).start({ voteState: record })
  const [answered] = peer.hear({ type: 'inquiry', nonce: NONCE }, 0).did('send')
  t.match(answered?.message, { height: 8 })
})

t.test('own votes that others hold are no news to a vote state that is whole', async t => {
  const { record } = prepared()
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, voteState: record, nonce: NONCE })
  const { prepare } = record.sent
  if (prepare === undefined) throw new Error('nothing was signed')
  const { height, view, signature } = prepare
  const content = { type: 'prepare', blockHash: prepare.blockHash } as const
  answer(bench, 1, { vote: { height, view, content, signature } })
  t.equal(isVoting(answer(bench, 2)), true)
})

t.test('a vote state that lacks a vote which others hold is old: it counts as none', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, nonce: NONCE })
  answer(bench, 1, { vote: lostVote(bench, 1) })
  t.equal(bench.did('distrust').length, 1)
  t.match(bench.did('event'), [{ name: 'vote-state-old', height: 1, view: 0 }])
  answer(bench, 2)
  answer(bench, 3)
  t.equal(isVoting(bench), false)
  t.same(bench.hear(bench.proposal()).did('sign'), [])
})

t.test('another vote in the same place is one vote too many', async t => {
  const { record } = prepared()
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, voteState: record, nonce: NONCE })
  answer(bench, 1, { vote: lostVote(bench, 1) })
  t.same(events(bench), ['vote-state-old'])
  t.equal(bench.state.record, undefined)
  t.same(bench.round.sent, {}, 'what it held is not said again')
})

t.test('so it is in the place of a vote that was followed by another', async t => {
  const { before, record: prepare } = prepared()
  const hash = prepare.sent.prepare?.blockHash
  if (hash === undefined) throw new Error('nothing was prepared')
  for (const from of [1, 2]) before.hear(before.vote('prepare', from, hash))
  before.sign()
  const { record } = before.state
  t.ok(record?.sent.commit)
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, voteState: record, nonce: NONCE })
  answer(bench, 1, { vote: lostVote(bench, 1) })
  t.same(events(bench), ['vote-state-old'])
})

t.test(
  'a lost vote of which an answer tells too late shows that the key is in use elsewhere',
  async t => {
    const bench = new Bench(4, 0)
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    answer(answer(bench, 1), 2)
    t.equal(isVoting(bench), true)
    answer(bench, 3)
    t.same(events(bench), [])
    answer(bench, 3, { vote: lostVote(bench, 1) })
    t.same(events(bench), ['foreign-vote'])
  }
)

t.test('a liar cannot make a vote state old: it needs a signature of the asker', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, nonce: NONCE })
  const vote = lostVote(bench, 1)
  answer(bench, 1, { vote: { ...vote, view: 1 } })
  answer(bench, 2, { vote: { ...vote, signature: new Uint8Array(64) } })
  t.equal(isVoting(bench), true)
})

t.test('a certificate with the own signature above the vote state makes it old too', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, nonce: NONCE })
  answer(bench, 1, { height: 3 })
  answer(bench, 2, { height: 3 })
  t.equal(isVoting(bench), false, 'it has to catch up first')
  commit(bench, 2)
  t.equal(bench.did('distrust').length, 0)
  commit(bench, 3, [0, 1, 2])
  t.equal(bench.did('distrust').length, 1)
})

t.test('so does one on its own disk, when it starts', async t => {
  const signed = new Bench(4, 0).certificate('commit', new Uint8Array(32).fill(1), 0, [0, 1, 2])
  const forged = { ...signed, signatures: signed.signatures.map(() => new Uint8Array(64)) }
  for (const [parentCertificate, old] of [
    [signed, 1],
    [forged, 0]
  ] as const) {
    const bench = new Bench(4, 0, { height: 2, parentCertificate })
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    t.equal(bench.did('distrust').length, old)
  }
})

t.test('what was signed before the vote state began is no news to it', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, nonce: NONCE, begunAt: 2 })
  answer(bench, 1, { height: 3, vote: lostVote(bench, 2) })
  t.equal(bench.did('distrust').length, 0)
  answer(bench, 2, { height: 3, vote: lostVote(bench, 3) })
  t.equal(bench.did('distrust').length, 1)
})

t.test(
  'a validator votes when it caught up with those that answered, and no liar holds it up',
  async t => {
    const bench = new Bench(7, 0)
    bench.give({ type: 'start', context: bench.context, nonce: NONCE })
    answer(bench, 6, { height: 1_000_000 })
    for (const from of [1, 2, 3, 4]) answer(bench, from, { height: 1 })
    t.equal(isVoting(commit(bench, 2, [1, 2, 3, 4, 5])), true)
  }
)

t.test(
  'without its votes a validator observes until two heights above those that a quorum of others had',
  async t => {
    const bench = new Bench(4, 0)
    bench.give({ type: 'start', context: bench.context, observe: true, nonce: NONCE })
    answer(bench, 1, { height: 4 })
    answer(bench, 2, { height: 5 })
    t.same(events(bench), [])
    answer(bench, 3, { height: 4 })
    t.match(bench.did('event'), [{ name: 'observes-until', height: 8 }])
    for (const height of [2, 3, 4, 5, 6, 7]) {
      commit(bench, height)
      t.same([isVoting(bench), bench.did('begin')], [false, []], `height ${height}`)
    }
    commit(bench, 8)
    t.same(bench.did('begin'), [{ type: 'begin', height: 8, override: false }])
    t.match(bench.did('event'), [{ name: 'votes-again', height: 8 }])
    t.equal(isVoting(bench), true)
  }
)

t.test(
  'it does not begin right above a block that bears its signature: the key may be in use',
  async t => {
    const bench = new Bench(4, 0)
    bench.give({ type: 'start', context: bench.context, observe: true, nonce: NONCE })
    for (const from of [1, 2, 3]) answer(bench, from, { height: 0 })
    commit(bench, 2)
    commit(bench, 3, [0, 1, 2])
    t.same(bench.did('begin'), [], 'it may be its own lost vote')
    commit(bench, 4, [1, 2, 3])
    t.equal(bench.did('begin').length, 1)
  }
)

t.test('a vote of its key above the heights where a lost vote can stand is reported', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, observe: true, nonce: NONCE })
  for (const from of [1, 2, 3]) answer(bench, from, { height: 0 })
  commit(bench, 2)
  commit(bench, 3, [0, 1, 2])
  t.notMatch(events(bench), ['foreign-vote'])
  commit(bench, 4, [0, 1, 2])
  t.match(bench.did('event'), [{ name: 'foreign-vote', height: 3 }])
})

t.test('two of four without their votes observe for ever, and each names the other', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, observe: true, nonce: NONCE })
  answer(bench, 1, { height: 0, complete: false })
  answer(bench, 2, { height: 4 })
  answer(bench, 3, { height: 4 })
  for (const height of [2, 3, 4, 5]) commit(bench, height)
  bench.expire('resend')
  t.match(bench.did('event'), [
    { name: 'waits-for-answers', needed: 3, answered: [2, 3], withoutVotes: [1], silent: [] }
  ])
  for (let time = 0; time < 20; time += 1) bench.expire('resend')
  t.same([bench.did('begin'), isVoting(bench)], [[], false])
  t.equal(bench.hear({ type: 'inquiry', nonce: NONCE }, 1).sent().length, 1)
  t.match(bench.sent(), [{ complete: false }], 'and says that it has none itself')
})

t.test(
  'the override votes at once where the others are, in a view that it did not vote in before',
  async t => {
    const bench = new Bench(4, 0)
    const { context } = bench
    bench.give({ type: 'start', context, observe: true, nonce: NONCE, override: true })
    answer(bench, 1, { height: 1, complete: false, vote: lostVote(bench, 2, 3) })
    answer(bench, 2, { height: 1 })
    t.equal(isVoting(bench), false, 'it has to catch up first')
    commit(bench, 2)
    t.same(bench.did('begin'), [{ type: 'begin', height: 2, override: true }])
    t.match(bench.did('sign')[0]?.votes, [{ message: { type: 'view-change', height: 2, view: 4 } }])
    const order = bench.effects.map(effect => effect.type)
    t.ok(order.indexOf('begin') < order.indexOf('sign'))
  }
)

t.test('the override changes nothing where the vote state is whole', async t => {
  const { record } = prepared()
  const bench = new Bench(4, 0)
  const { context } = bench
  bench.give({ type: 'start', context, voteState: record, nonce: NONCE, override: true })
  answer(bench, 1)
  answer(bench, 2)
  t.equal(isVoting(bench), true)
  t.same([bench.did('begin'), bench.state.record], [[], record])
})

t.test('answers about other validators are worth nothing: it asks the new ones', async t => {
  const bench = new Bench(4, 0)
  bench.give({ type: 'start', context: bench.context, observe: true, nonce: NONCE })
  for (const from of [1, 2, 3]) answer(bench, from, { height: 0 })
  const { validators } = new Bench(5, 0).context
  const context = { ...bench.context, height: 2, validators }
  bench.give({ type: 'committed', context })
  t.same(asked(bench), [[1, 2, 3, 4]])
  for (const height of [3, 4]) bench.give({ type: 'committed', context: { ...context, height } })
  t.equal(isVoting(bench), false)
  for (const from of [1, 2, 3, 4]) answer(bench, from, { height: 0 })
  t.same(bench.did('begin'), [{ type: 'begin', height: 4, override: false }])
})

for (const [lie, height] of [
  ['far ahead', 1_000_000],
  ['nowhere', 0]
] as const) {
  t.test(
    `one of seven that says it is ${lie} neither stops nor misleads who lost its votes`,
    async t => {
      let again = 0
      for (let seed = 1; seed <= 6; seed += 1) {
        const outcome = runScenario(
          randomScenario(seed, {
            validators: 7,
            faulty: new Map(),
            lost: new Map([[2, 'empty']]),
            mutant: {
              name: 'liar',
              rule: 'none: what validator 1 answers is not true',
              within: 1,
              step: (step, state, input) =>
                input.type === 'message' && input.from === 1 && input.message.type === 'answer'
                  ? step(state, { ...input, message: { ...input.message, height } })
                  : step(state, input)
            }
          })
        )
        t.equal(outcome.violation, undefined, `seed ${seed}`)
        again += outcome.rules['C-38 votes again'] ?? 0
      }
      t.ok(again > 0, `${again} voted again`)
    }
  )
}
