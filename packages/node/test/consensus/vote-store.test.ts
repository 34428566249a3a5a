import t from 'tap'
import { openVoteStore } from '../../src/consensus/vote-store.ts'

const key = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)

t.test('a vote store is whole for the key with which it began, and for no other', async t => {
  const location = `${t.testdir({})}/votes`
  const store = await openVoteStore(location)
  t.equal(await store.begin(key, true), true)
  t.equal(await store.begin(key, false), true, 'also once there are blocks')
  await store.close()
  const again = await openVoteStore(location)
  t.equal(await again.begin(key, false), true, 'and after a restart')
  t.equal(await again.begin(other, true), false, 'a copy does not serve another key')
  await again.close()
})

t.test('a vote store that is new where there are blocks already is not whole', async t => {
  const store = await openVoteStore('memory')
  t.equal(await store.begin(key, false), false)
  t.equal(await store.begin(key, false), false, 'nor does it become so')
  await store.close()
})
