import { blockHash } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import {
  advanceLeadership,
  compareWatermarks,
  decodeVoteState,
  encodeVoteState,
  watermarkOf,
  withSigned,
  type VoteState
} from '@vitalchain/consensus'
import { Bench } from './support.ts'

/** A replica that prepared and committed at height 1, and what it wrote. */
function afterCommit(): { bench: Bench; written: VoteState } {
  const bench = new Bench(4, 0).start()
  const hash = blockHash(bench.block(1).header)
  bench.hear(bench.proposal()).approve().sign()
  bench.hear(bench.vote('prepare', 1, hash)).hear(bench.vote('prepare', 2, hash))
  const { record, votes } = bench.did('sign')[0]!
  const signed = votes.map(vote => vote.seal(bench.keys.sign(0, vote.signBytes)))
  bench.give({ type: 'signed', votes: signed })
  return { bench, written: withSigned(record, signed) }
}

t.test('a vote state comes back from its bytes as it was', async t => {
  const { written } = afterCommit()
  t.same(decodeVoteState(encodeVoteState(written)), written)
  t.same(Object.keys(written.sent), ['prepare', 'commit'])
  t.throws(() => decodeVoteState(encodeVoteState(written).subarray(1)), { name: 'VitalchainError' })
  t.throws(() => decodeVoteState(encodeVoteState({ ...written, view: 1 })), { code: 'ERR_SCHEMA' })
})

t.test(
  'after a restart the identical messages leave again, and nothing else is signed in their place',
  async t => {
    const { bench, written } = afterCommit()
    const again = new Bench(4, 0).start({ voteState: decodeVoteState(encodeVoteState(written)) })
    t.same(again.sent(), [bench.round.sent.prepare, bench.round.sent.commit])
    again.hear(again.proposal({ block: again.block(1, 0, 99) }))
    if (again.did('validate').length > 0) again.approve()
    t.same(again.did('sign'), [])
  }
)

t.test('after a restart the prepared block is still claimed, and still held', async t => {
  const { written } = afterCommit()
  const bench = new Bench(4, 0).start({ voteState: written })
  bench.hear(bench.viewChange(1, 1)).hear(bench.viewChange(2, 1))
  t.match(bench.did('sign')[0]!.votes[0]!.message, {
    type: 'view-change',
    view: 1,
    preparedView: 0
  })
  bench.sign()
  const { certificate, block } = written.prepared!
  const restarted = new Bench(4, 0).start({ voteState: bench.state.record! })
  t.same(restarted.round.prepared, { certificate, block })
  for (const sender of [1, 2, 3])
    restarted.hear(restarted.vote('commit', sender, certificate.blockHash))
  t.same(restarted.did('fetch'), [], 'its own copy is used')
  t.equal(restarted.approve().did('commit').length, 1)
})

t.test('a block that was prepared before a restart is not checked for its time again', async t => {
  const bench = new Bench(4, 0).start()
  bench.hear(bench.proposal()).approve().sign()
  const again = new Bench(4, 0).start({ voteState: bench.state.record! })
  t.match(again.hear(again.proposal()).did('validate'), [{ checkTime: false }])
})

t.test('a vote state above the chain forbids every vote until the chain has caught up', async t => {
  const { written } = afterCommit()
  const ahead: VoteState = { ...written, height: 9, sent: {}, prepared: undefined }
  const bench = new Bench(4, 0).start({ voteState: ahead }).give({ type: 'work', pending: true })
  bench.hear(bench.proposal())
  t.same([bench.did('validate'), bench.did('sign'), bench.state.viewTimer], [[], [], undefined])
})

t.test('a vote state of an earlier height is no obstacle', async t => {
  const { written } = afterCommit()
  const certificate = new Bench().certificate('commit', written.prepared!.certificate.blockHash)
  const context = {
    height: 2,
    parentHash: certificate.blockHash,
    parentTime: 5_000,
    parentCertificate: certificate
  }
  const bench = new Bench(4, 0, context).start({ voteState: written })
  t.same(bench.sent(), [])
  bench.hear(bench.proposal()).approve()
  t.match(bench.did('sign')[0]!.record, { height: 2, view: 0, prepared: undefined })
})

t.test('one request is open at a time: what is owed meanwhile waits for the answer', async t => {
  const bench = new Bench(4, 1).start().give({ type: 'work', pending: true })
  bench.give({ type: 'built', height: 1, view: 0, proposal: bench.block(1) })
  const [first] = bench.did('sign')
  bench.hear(bench.viewChange(2, 1)).hear(bench.viewChange(3, 1))
  t.same([bench.round.view, bench.did('sign')], [1, []])
  const votes = first!.votes.map(vote => vote.seal(bench.keys.sign(1, vote.signBytes)))
  bench.give({ type: 'signed', votes })
  t.same(
    bench.sent().map(message => message.type),
    ['proposal', 'prepare']
  )
  t.match(bench.did('sign'), [{ votes: [{ message: { type: 'view-change', view: 1 } }] }])
  t.same(
    bench.sign().give({ type: 'signed', votes }).effects,
    [],
    'an answer to nothing is ignored'
  )
})

t.test('a signature that comes back after the height is over is kept and not counted', async t => {
  const bench = new Bench(4, 0).start()
  const block = bench.block(1)
  const hash = blockHash(block.header)
  bench.hear(bench.proposal({ block })).approve()
  const { votes } = bench.did('sign')[0]!
  const certificate = bench.certificate('commit', hash)
  const { leadership, validators } = bench.context
  bench.give({
    type: 'committed',
    context: {
      height: 2,
      parentHash: hash,
      parentTime: block.header.time,
      parentCertificate: certificate,
      validators,
      leadership: advanceLeadership(leadership, 1, validators, undefined)
    }
  })
  bench.give({
    type: 'signed',
    votes: votes.map(vote => vote.seal(bench.keys.sign(0, vote.signBytes)))
  })
  t.same(bench.sent(), [])
  t.same(
    [bench.state.record?.height, bench.round.context.height, bench.round.prepares.size],
    [1, 2, 0]
  )
})

t.test('signatures of a replica ascend by height, view and step', async () => {
  const bench = new Bench()
  const hash = new Uint8Array(32)
  const ascending = [
    bench.proposal(),
    bench.vote('prepare', 1, hash),
    bench.vote('commit', 1, hash),
    bench.viewChange(1, 1),
    bench.vote('prepare', 1, hash, 1),
    bench.viewChange(1, 4),
    bench.vote('prepare', 1, hash, 0, 2)
  ].map(watermarkOf)
  fc.assert(
    fc.property(fc.nat(ascending.length - 1), fc.nat(ascending.length - 1), (a, b) => {
      return Math.sign(compareWatermarks(ascending[a]!, ascending[b]!)) === Math.sign(a - b)
    })
  )
})

t.test('a vote of the own key that is not in the vote state is reported', async t => {
  const bench = new Bench(4, 0).start()
  const foreign = bench.vote('prepare', 0, new Uint8Array(32).fill(3))
  t.match(bench.hear(foreign, 2).did('event'), [{ name: 'foreign-vote', view: 0 }])
  t.same(
    bench.hear({ ...foreign, signature: new Uint8Array(64) }, 2).effects,
    [],
    'unless it is forged'
  )
  const own = new Bench(4, 0).start()
  own.hear(own.proposal()).approve().sign()
  t.same(own.hear(own.round.sent.prepare!, 2).effects, [])
})
