import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { blockHash, toHex } from '@vitalchain/core'
import { encodeVoteState, FIRST_LEADERSHIP, type VoteState } from '@vitalchain/consensus'
import { buildBlock, createCheckedKeys, NETWORK } from '@vitalchain/consensus/simulator'
import { ClassicLevel } from 'classic-level'
import t from 'tap'
import { createNodeSigner } from '../../src/crypto/node-signer.ts'
import { openVoteSigner } from '../../src/consensus/vote-signer.ts'
import {
  createVoteState,
  openVoteStore,
  readVoteEntries,
  takeVoteState,
  voteStoreOf,
  type PreparedBodies
} from '../../src/consensus/vote-store.ts'

const key = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)

t.test('a vote store is whole for the key that began there, and for no other', async t => {
  const location = `${t.testdir({})}/votes`
  const store = await openVoteStore(location)
  t.equal(await store.of(key).beginning(), undefined, 'an empty one is whole for nobody')
  await store.of(key).begin(1)
  await store.close()
  const again = await openVoteStore(location)
  t.same(await again.of(key).beginning(), { height: 1 }, 'also after a restart')
  t.equal(await again.of(other).beginning(), undefined, 'a copy does not serve another key')
  await again.close()
})

t.test('two keys of one member are kept apart: one replaces the other without a gap', async t => {
  const store = await openVoteStore('memory')
  const state = { height: 5, view: 2, sent: {}, prepared: undefined }
  await store.of(key).begin(1)
  await store.of(key).write(state)
  await store.of(other).begin(1)
  t.same(await store.of(key).read(), state)
  t.equal(await store.of(other).read(), undefined)
  await store.of(key).distrust()
  t.same(await store.of(other).beginning(), { height: 1 })
  await store.close()
})

t.test('what is distrusted, and what was before a beginning, is gone', async t => {
  const store = await openVoteStore('memory')
  const votes = store.of(key)
  await votes.begin(1)
  await votes.write({ height: 5, view: 2, sent: {}, prepared: undefined })
  await votes.distrust()
  t.same([await votes.beginning(), await votes.read()], [undefined, undefined])
  await votes.begin(9)
  t.same([await votes.beginning(), await votes.read()], [{ height: 9 }, undefined])
  await store.close()
})

t.test('a key that is noted as new begins once, and never again from that note', async t => {
  const dir = t.testdir({})
  await createVoteState(dir, key)
  const store = await openVoteStore(voteStoreOf(dir))
  await takeVoteState(dir, other, store.of(other))
  t.equal(await store.of(other).beginning(), undefined)
  await takeVoteState(dir, key, store.of(key))
  t.same(await store.of(key).beginning(), { height: 1 })
  t.same(await readdir(`${dir}/new-keys`), [], 'the note is used up')
  await store.of(key).distrust()
  await takeVoteState(dir, key, store.of(key))
  t.equal(await store.of(key).beginning(), undefined)
  await store.close()
})

t.test('a note that outlived a kill does not forget what was signed since', async t => {
  const dir = t.testdir({})
  await createVoteState(dir, key)
  const store = await openVoteStore(voteStoreOf(dir))
  const state = { height: 5, view: 2, sent: {}, prepared: undefined }
  await store.of(key).begin(1)
  await store.of(key).write(state)
  await takeVoteState(dir, key, store.of(key))
  t.same(await store.of(key).read(), state)
  await store.close()
})

t.test('an override is owed until it is noted as recorded', async t => {
  const store = await openVoteStore('memory')
  const votes = store.of(key)
  t.equal(await votes.owesOverride(), false)
  await votes.setOverrideOwed(true)
  await votes.begin(4)
  t.equal(await votes.owesOverride(), true)
  await votes.setOverrideOwed(false)
  t.equal(await votes.owesOverride(), false)
  await store.close()
})

/** A vote state that holds a block as prepared, and the bodies of that block. */
function preparedState(height = 5): { state: VoteState; bodies: PreparedBodies } {
  const context = {
    height,
    parentHash: NETWORK,
    parentTime: 0,
    parentCertificate: undefined,
    validators: createCheckedKeys(4).validators,
    leadership: FIRST_LEADERSHIP
  }
  const block = buildBlock(context, { view: 0, proposer: 1, time: 1 }, [1])
  const hash = blockHash(block.header)
  const place = { height, view: 0, blockHash: hash }
  const signatures = [new Uint8Array(64)]
  const certificate = { phase: 'prepare' as const, ...place, signers: [0], signatures }
  return {
    state: { height, view: 0, sent: {}, prepared: { block, certificate } },
    bodies: { blockHash: hash, transactions: [new Uint8Array(300).fill(7)] }
  }
}

t.test('the bodies of a prepared block are kept for as long as a state names them', async t => {
  for (const location of ['memory', join(t.testdir(), 'votes')]) {
    let store = await openVoteStore(location)
    const reopen = async (): Promise<void> => {
      if (location === 'memory') return
      await store.close()
      store = await openVoteStore(location)
    }
    const { state, bodies } = preparedState()
    await store.of(key).begin(1)
    t.same(await store.readBodies(), [])
    await store.of(key).write(state, bodies)
    await reopen()
    t.same(await store.readBodies(), [bodies])
    await store.of(key).write({ ...state, view: 1 })
    await reopen()
    t.same(await store.readBodies(), [bodies], 'nobody gives them again after a restart')
    t.equal((await store.of(key).read())?.view, 1)
    const large = {
      ...bodies,
      transactions: Array.from({ length: 1_000 }, () => new Uint8Array(1_000))
    }
    await store.of(key).write({ ...state, view: 2 }, large)
    await reopen()
    t.same(await store.readBodies(), [large])
    await store.of(key).write({ height: 6, view: 0, sent: {}, prepared: undefined })
    t.same(await store.readBodies(), [])
    await store.writeBodies(bodies)
    await reopen()
    t.same(await store.readBodies(), [bodies], 'those of a signer elsewhere')
    await store.close()
  }
})

t.test('other bodies than of the block that the state names are not taken over', async t => {
  const store = await openVoteStore('memory')
  const { state, bodies } = preparedState()
  await store.of(key).begin(1)
  await store.of(key).write(state, bodies)
  await store.of(key).write(preparedState(6).state)
  t.same(await store.readBodies(), [])
  await store.close()
})

t.test('nothing is written before a beginning', async t => {
  for (const location of ['memory', join(t.testdir(), 'votes')]) {
    const store = await openVoteStore(location)
    const { state } = preparedState()
    await t.rejects(store.of(key).write(state), { code: 'ERR_STORE' })
    await store.of(key).begin(1)
    await store.of(key).distrust()
    t.equal(await store.of(key).isNew(), false)
    t.equal(await store.of(other).isNew(), true)
    await store.close()
  }
})

t.test('a damaged vote state is not begun anew by a note, and its key signs nothing', async t => {
  const dir = t.testdir()
  const signer = createNodeSigner(new Uint8Array(32).fill(9))
  const own = signer.publicKey.bytes
  const location = voteStoreOf(dir)
  let store = await openVoteStore(location)
  await store.of(own).begin(1)
  await store.of(own).write({ height: 5, view: 2, sent: {}, prepared: undefined })
  await store.close()
  const file = join(location, `vote-state-${toHex(own)}`)
  const bytes = await readFile(file)
  for (const [damage, what] of [
    [bytes.map((byte, at) => byte ^ (at % 64 === 58 ? 1 : 0)), 'both slots'],
    [bytes.subarray(0, 1_000), 'short'],
    [bytes.subarray(0, 0), 'empty']
  ] as const) {
    await writeFile(file, damage)
    await createVoteState(dir, own)
    store = await openVoteStore(location)
    await takeVoteState(dir, own, store.of(own))
    t.same(await readdir(join(dir, 'new-keys')), [], what)
    const opened = await openVoteSigner(signer, store)
    t.same([opened.first, opened.last], [undefined, undefined], what)
    const unsafe = { code: 'ERR_SIGN_UNSAFE' }
    const empty: VoteState = { height: 6, view: 0, sent: {}, prepared: undefined }
    await t.rejects(opened.sign([], empty, undefined), unsafe, what)
    await store.close()
    t.match(await readVoteEntries(location), [{ damaged: true }], what)
  }
  store = await openVoteStore(location)
  const opened = await openVoteSigner(signer, store)
  await opened.begin(9)
  await store.close()
  store = await openVoteStore(location)
  t.equal((await openVoteSigner(signer, store)).first, 9, 'it begins where it is told')
  await store.close()
})

t.test('a file of another key serves nobody', async t => {
  const location = join(t.testdir(), 'votes')
  let store = await openVoteStore(location)
  await store.of(key).begin(1)
  await store.close()
  const [from, to] = [key, other].map(each => join(location, `vote-state-${toHex(each)}`))
  await cp(from!, to!)
  store = await openVoteStore(location)
  t.equal(await store.of(other).beginning(), undefined)
  t.same(await store.of(key).beginning(), { height: 1 })
  await store.close()
})

t.test('a database without the file of a key that had begun: the key observes', async t => {
  const dir = t.testdir()
  const old = new ClassicLevel<string, Uint8Array>(voteStoreOf(dir), { valueEncoding: 'view' })
  const state = { height: 5, view: 2, sent: {}, prepared: undefined }
  await old.put(`vote-state/${toHex(key)}`, encodeVoteState(state))
  await old.put(`begun/${toHex(key)}`, new Uint8Array([1]))
  await old.close()
  await createVoteState(dir, key)
  let store = await openVoteStore(voteStoreOf(dir))
  await takeVoteState(dir, key, store.of(key))
  t.same([await store.of(key).beginning(), await store.of(key).isNew()], [undefined, false])
  await store.of(key).begin(7)
  await store.close()
  await rm(join(voteStoreOf(dir), `vote-state-${toHex(key)}`))
  store = await openVoteStore(voteStoreOf(dir))
  t.equal(await store.of(key).beginning(), undefined, 'the file alone was lost')
  await store.close()
})
