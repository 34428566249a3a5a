import {
  evidenceTransaction,
  voteSignBytes,
  type Evidence,
  type SignedVote,
  contradiction
} from '@vitalchain/core'
import {
  evidenceAgainst,
  EVIDENCE_BLOCKS_MAX,
  EVIDENCE_KEPT_MAX,
  overrideOf,
  previewChange
} from '@vitalchain/contracts'
import t from 'tap'
import { signer } from './fixture.ts'
import { Council, described, hospital, keysOf } from './members-fixture.ts'

/** Two PREPAREs of a founder's key for one place. */
async function evidence(
  council: Council,
  validator: number,
  { height = 1, view = 0, by = `consensus ${validator}` } = {}
): Promise<Evidence> {
  const place = { network: council.network, recoveryEpoch: 0, height, validator }
  const vote = async (fill: number): Promise<SignedVote> => {
    const content = { type: 'prepare', blockHash: new Uint8Array(32).fill(fill) } as const
    const signature = await signer(by).sign(voteSignBytes({ ...place, view }, content))
    return { view, content, signature }
  }
  const found = contradiction(place, await vote(1), await vote(2))
  if (found === undefined) throw new RangeError('no contradiction')
  return found
}

t.test('a proof of two votes is recorded against the member, once a height and kind', async t => {
  const council = new Council()
  council.height = 7
  const first = await evidence(council, 2)
  council.apply(evidenceTransaction(first))
  t.same(evidenceAgainst(council.state, council.founder(2)), {
    count: 1,
    newest: [{ kind: 'duplicate', height: 1, recordedHeight: 7 }]
  })
  const again = evidenceTransaction(await evidence(council, 2, { view: 3 }))
  t.throws(() => council.apply(again), { code: 'ERR_EVIDENCE_KNOWN' })
  council.apply(evidenceTransaction(await evidence(council, 2, { height: 7 })))
  council.apply(evidenceTransaction(await evidence(council, 1)))
  t.equal(evidenceAgainst(council.state, council.founder(2)).count, 2)
  t.equal(evidenceAgainst(council.state, council.founder(1)).count, 1)
  t.equal(evidenceAgainst(council.state, council.founder(0)).count, 0)
})

t.test('evidence that proves nothing is refused', async t => {
  const council = new Council()
  for (const options of [{ by: 'consensus 3' }, { by: 'nobody' }]) {
    const forged = evidenceTransaction(await evidence(council, 2, options))
    t.throws(() => council.apply(forged), { code: 'ERR_NO_EVIDENCE' })
  }
  const nobody = evidenceTransaction(await evidence(council, 9, { by: 'consensus 2' }))
  t.throws(() => council.apply(nobody), { code: 'ERR_NO_EVIDENCE' })
  const elsewhere = evidenceTransaction({
    ...(await evidence(council, 2)),
    network: new Uint8Array(32)
  })
  t.throws(() => council.apply(elsewhere), { code: 'ERR_OTHER_NETWORK' })
  t.equal(evidenceAgainst(council.state, council.founder(2)).count, 0)
})

t.test('evidence is checked with the validators of its height', async t => {
  const council = new Council(5)
  council.height = 10
  await council.vote([0, 1, 2, 3], { type: 'remove', member: council.founder(1) })
  council.height = 12
  council.apply(evidenceTransaction(await evidence(council, 1, { height: 10 })))
  t.equal(evidenceAgainst(council.state, council.founder(1)).count, 1, 'of a former member')
  council.apply(evidenceTransaction(await evidence(council, 1, { height: 11, by: 'consensus 2' })))
  t.equal(evidenceAgainst(council.state, council.founder(2)).count, 1, 'its index is another now')
  const wrong = evidenceTransaction(await evidence(council, 1, { height: 12 }))
  t.throws(() => council.apply(wrong), { code: 'ERR_NO_EVIDENCE' })
})

t.test('evidence of replaced keys counts for the heights at which they voted', async t => {
  const council = new Council()
  const newcomer = hospital('Newcomer')
  council.height = 20
  await council.join(newcomer, [0, 1, 2])
  const next = hospital('Newcomer', 1)
  const change = { type: 'replace', member: newcomer.id, keys: keysOf(next) } as const
  await council.ready(next, await council.vote([0, 1, 2, 3], change), { by: newcomer })
  council.height += 5
  const old = { by: 'Newcomer consensus 0' }
  council.apply(evidenceTransaction(await evidence(council, 4, { height: 21, ...old })))
  const late = evidenceTransaction(await evidence(council, 4, { height: 22, ...old }))
  t.throws(() => council.apply(late), { code: 'ERR_NO_EVIDENCE' })
})

t.test('evidence has its time', async t => {
  const council = new Council()
  const ahead = evidenceTransaction(await evidence(council, 2, { height: 2 }))
  t.throws(() => council.apply(ahead), { code: 'ERR_EVIDENCE_AHEAD', retryable: true })
  const far = evidenceTransaction(await evidence(council, 2, { height: 1_000 }))
  t.throws(() => council.apply(far), { code: 'ERR_EVIDENCE_AHEAD', retryable: false })
  council.height = 2 + EVIDENCE_BLOCKS_MAX
  council.apply(ahead)
  const old = evidenceTransaction(await evidence(council, 2))
  t.throws(() => council.apply(old), { code: 'ERR_EVIDENCE_OLD' })
})

t.test('a member that lies at every height does not fill the state', async t => {
  const council = new Council()
  council.height = 1_000
  for (let height = 1; height <= EVIDENCE_KEPT_MAX; height += 1)
    council.apply(evidenceTransaction(await evidence(council, 0, { height })))
  const more = evidenceTransaction(await evidence(council, 0, { height: 999 }))
  t.throws(() => council.apply(more), { code: 'ERR_EVIDENCE_ENOUGH' })
  council.height = 3 + EVIDENCE_BLOCKS_MAX
  council.apply(more)
  const { count, newest } = evidenceAgainst(council.state, council.founder(0))
  t.equal(count, EVIDENCE_KEPT_MAX + 1)
  t.equal(newest.length, EVIDENCE_KEPT_MAX)
  t.equal(newest.at(-1)?.height, 999)
})

t.test('a proof that can come again is not forgotten for one that cannot', async t => {
  const council = new Council()
  council.height = 1_000
  const lasting = evidenceTransaction(await evidence(council, 0, { height: 1_000 }))
  council.apply(lasting)
  for (let height = 1; height < EVIDENCE_KEPT_MAX; height += 1)
    council.apply(evidenceTransaction(await evidence(council, 0, { height })))
  council.height = 500 + EVIDENCE_BLOCKS_MAX
  council.apply(evidenceTransaction(await evidence(council, 0, { height: 600 })))
  t.throws(() => council.apply(lasting), { code: 'ERR_EVIDENCE_KNOWN' })
  const { count, newest } = evidenceAgainst(council.state, council.founder(0))
  t.same([count, newest.length], [EVIDENCE_KEPT_MAX + 1, EVIDENCE_KEPT_MAX])
  t.match(newest[1], { height: 2 }, 'the oldest of the others went')
})

t.test('evidence against a member is a warning when it wants other keys', async t => {
  const council = new Council()
  council.apply(evidenceTransaction(await evidence(council, 0)))
  const keys = keysOf(hospital('Fresh'))
  const change = { type: 'replace', member: council.founder(0), keys } as const
  const { refusals, warnings } = previewChange(council.state, council.genesis, change)
  t.match({ refusals, warnings }, { refusals: [], warnings: [{ code: 'evidence' }] })
  const { warnings: none } = previewChange(council.state, council.genesis, {
    type: 'add',
    member: described(hospital('Other'))
  })
  t.notOk(none.some(each => each.code === 'evidence'))
})

t.test('an override of the vote state is on the chain for all to see', async t => {
  const council = new Council()
  council.height = 5
  const key = council.genesis.members[0]!.consensusKey
  t.equal(overrideOf(council.state, council.founder(0)), undefined)
  await council.override(0, key, 'disk replaced, directory lost')
  council.height = 9
  await council.override(0, key, 'and again')
  t.same(overrideOf(council.state, council.founder(0)), {
    count: 2,
    height: 9,
    time: council.time,
    consensusKey: key,
    reason: 'and again'
  })
  await t.rejects(council.override(1, key, 'not mine'), { code: 'ERR_NOT_THE_KEY' })
  await t.rejects(council.override(0, key, 'x'.repeat(201)), { code: 'ERR_SCHEMA' })
  await t.rejects(council.override(hospital('x'), key, 'x'), { code: 'ERR_AUTHOR_UNKNOWN' })
})
