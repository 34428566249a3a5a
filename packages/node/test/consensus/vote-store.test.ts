import { readdir } from 'node:fs/promises'
import t from 'tap'
import {
  createVoteState,
  openVoteStore,
  takeVoteState,
  voteStoreOf
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
