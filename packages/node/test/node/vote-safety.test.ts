import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { overrideOf } from '@vitalchain/contracts'
import { ed25519PublicKey, equalBytes, sha256 } from '@vitalchain/core'
import t from 'tap'
import { serveSigner, type SignerServer } from '../../src/consensus/signer-server.ts'
import { openVoteSigner } from '../../src/consensus/vote-signer.ts'
import { openVoteStore } from '../../src/consensus/vote-store.ts'
import { createNodeSigner } from '../../src/crypto/node-signer.ts'
import { createLedgerNode } from '../../src/index.ts'
import { Hospitals } from './disk-hospitals.ts'
import { until } from './wait.ts'

t.test(
  'a validator with an empty directory votes again when it is safe, with the others up',
  async t => {
    const hospitals = new Hospitals(t)
    await hospitals.startNew(0, 1, 2, 3)
    await hospitals.commit(0)
    await hospitals.same(0, 1, 2, 3)
    await hospitals.lose(3)
    const lost = await hospitals.start(3)
    t.equal(lost.status().votes, false)
    await until(
      'it knows from where on',
      () => hospitals.logged(3, 'this node votes again at a later height') > 0
    )
    await hospitals.commit(1)
    t.equal(lost.status().votes, false, 'one block is too few')
    await hospitals.commit(2)
    await hospitals.commit(0)
    await until('it votes again', () => lost.status().votes)
    t.equal(overrideOf(lost.state, hospitals.member(3)), undefined)
    await hospitals.stop(0)
    await hospitals.commit(1)
    await hospitals.same(1, 2, 3)
    await hospitals.stop(3)
    t.equal((await hospitals.start(3)).ledger.head.height, hospitals.node(1).ledger.head.height)
    await until('its new votes are whole', () => hospitals.node(3).status().votes)
  }
)

t.test('votes that were put back from a copy are found old: it follows', async t => {
  const hospitals = new Hospitals(t)
  await hospitals.startNew(0, 1, 2, 3)
  await hospitals.commit(0)
  await hospitals.same(0, 1, 2, 3)
  await hospitals.stop(3)
  await cp(join(hospitals.dir(3), 'votes'), `${hospitals.dir(3)}-copy`, { recursive: true })
  await hospitals.start(3)
  await until('it votes', () => hospitals.node(3).status().votes)
  await hospitals.stop(2)
  // Nothing is decided without its signature now.
  await hospitals.commit(0)
  await hospitals.same(0, 1, 3)
  await hospitals.stop(3)
  await rm(join(hospitals.dir(3), 'votes'), { recursive: true })
  await cp(`${hospitals.dir(3)}-copy`, join(hospitals.dir(3), 'votes'), { recursive: true })
  const restored = await hospitals.start(3)
  const old = 'a vote of this key is missing here: this node follows and does not vote'
  await until('it is found out', () => hospitals.logged(3, old) > 0)
  t.equal(restored.status().votes, false)
  await hospitals.start(2)
  await hospitals.commit(1)
  t.equal(restored.status().votes, false)
  // Two heights above what the others told, which may be of before or behind the commit above. spec C-38
  for (let k = 0; k < 10 && !restored.status().votes; k++) {
    await hospitals.commit(k % 3)
    await hospitals.same(0, 1, 2, 3)
  }
  await until('it votes again', () => restored.status().votes)
})

t.test(
  'two of four with empty directories stay stalled until an operator takes the risk, on the chain',
  async t => {
    const hospitals = new Hospitals(t)
    await hospitals.startNew(0, 1, 2, 3)
    await hospitals.commit(0)
    await hospitals.same(0, 1, 2, 3)
    for (const k of [2, 3]) await hospitals.lose(k)
    for (const k of [2, 3]) await hospitals.start(k)
    const waits = 'this node does not vote: too few others tell what they heard from it'
    await until('both say so', () => [2, 3].every(k => hospitals.logged(k, waits) > 0))
    const handed = hospitals.submit(0)
    await hospitals.same(0, 1, 2, 3)
    await until('nobody decides without them', () => hospitals.node(0).status().view > 0)
    for (const k of [2, 3]) t.match(hospitals.node(k).status(), { votes: false, height: 1 })

    await hospitals.stop(3)
    const resumed = await hospitals.start(3, { acceptDoubleSignRisk: true })
    await until('it votes', () => resumed.status().votes)
    await until('the override is on the chain', () => {
      const override = overrideOf(hospitals.node(0).state, hospitals.member(3))
      const key = ed25519PublicKey(hospitals.secrets(3).consensus)
      return (
        override !== undefined && override.count === 1 && equalBytes(override.consensusKey, key)
      )
    })
    t.equal(hospitals.node(2).status().votes, false, 'the other one goes on to observe')
    await handed
    for (const k of [0, 1, 3]) await hospitals.commit(k)
    await until('and votes when that is safe', () => hospitals.node(2).status().votes)
    t.equal(overrideOf(hospitals.node(0).state, hospitals.member(2)), undefined)

    await hospitals.stop(3)
    await hospitals.start(3, { acceptDoubleSignRisk: true })
    await until('it votes, with its votes', () => hospitals.node(3).status().votes)
    await hospitals.commit(0)
    await hospitals.commit(1)
    t.equal(
      overrideOf(hospitals.node(0).state, hospitals.member(3))?.count,
      1,
      'nothing was overridden'
    )
  }
)

t.test('the override needs the operator, and a key runs once on a machine', async t => {
  const hospitals = new Hospitals(t)
  await hospitals.startNew(0)
  const { transport, consensus } = hospitals.secrets(0)
  const genesis = hospitals.founded.document
  const other = t.testdir({ other: {} })
  const twin = createLedgerNode({ genesis, keys: { transport, consensus }, dataDir: `${other}/x` })
  await t.rejects(twin.start(), { code: 'ERR_KEY_IN_USE' })
  await hospitals.stop(0)
  await twin.start()
  t.equal(twin.status().votes, false, 'a key from elsewhere does not vote')
  await twin.stop()
  const risky = createLedgerNode({
    genesis,
    keys: { transport, consensus },
    dataDir: hospitals.dir(0),
    acceptDoubleSignRisk: true
  })
  await t.rejects(risky.start(), { code: 'ERR_NO_OPERATOR' })
})

t.test(
  'a node whose key is in another process follows without it, and votes when it is back',
  async t => {
    const hospitals = new Hospitals(t)
    const dir = await mkdtemp(join(tmpdir(), 'vc-signer-'))
    const store = await openVoteStore(join(dir, 'votes'))
    const key = createNodeSigner(hospitals.secrets(3).consensus)
    await store.of(key.publicKey.bytes).begin(1)
    const path = join(dir, 's')
    const serve = async (): Promise<SignerServer> =>
      serveSigner({
        signer: await openVoteSigner(key, store),
        scope: { network: sha256(hospitals.founded.document), recoveryEpoch: 0 },
        path,
        log: () => undefined
      })
    let server: SignerServer | undefined
    t.teardown(async () => {
      await server?.stop()
      await store.close()
      await rm(dir, { recursive: true, force: true })
    })
    await hospitals.startNew(0, 1, 2)
    const remote = await hospitals.start(3, { signer: path })
    await hospitals.commit(0)
    await hospitals.same(0, 1, 2, 3)
    t.equal(remote.status().votes, false, 'there is no signer yet')
    server = await serve()
    await until('it votes', () => remote.status().votes)
    await hospitals.stop(0)
    await hospitals.commit(1)
    await hospitals.same(1, 2, 3)
    await server.stop()
    await hospitals.start(0)
    await until('the first votes again', () => hospitals.node(0).status().votes)
    await hospitals.commit(1)
    await hospitals.same(0, 1, 2, 3)
    server = await serve()
    await hospitals.stop(0)
    await hospitals.commit(2)
    await hospitals.same(1, 2, 3)
  }
)
