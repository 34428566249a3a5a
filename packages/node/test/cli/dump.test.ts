import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex, utf8 } from '@vitalchain/core'
import t from 'tap'
import { openVoteStore, voteStoreOf } from '../../src/consensus/vote-store.ts'
import { openStore } from '../../src/store/store.ts'
import { run } from './run.ts'
import { heartRates, stoppedNode } from './stopped-node.ts'

t.test('every record is a line of JSON', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const { exit, out } = await run('dump', '--data-dir', node.dataDir)
  t.equal(exit, 0)
  const lines = out.map(line => JSON.parse(line) as { store: string; key: string; value: string })
  const stores = new Set(lines.map(({ store }) => store))
  for (const store of ['meta', 'headers', 'transactions', 'state', 'ids', 'payloads', 'tiles'])
    t.ok(stores.has(store), store)
  t.ok(lines.every(({ key, value }) => /^[0-9a-f]*$/.test(key + value)))
  const genesis = lines.find(({ value }) => value === toHex(node.genesis))
  t.match(genesis, { store: 'meta', text: 'vitalchain/genesis' })

  const store = await openStore(join(node.dataDir, 'ledger'))
  let records = 0
  for await (const _ of store.entries()) records++
  await store.close()
  t.equal(lines.length, records)
})

t.test(
  'a search finds what is stored in clear, in values and keys, and nothing that is sealed',
  async t => {
    const secret = 'MARKER of a patient'
    const note = { name: 'note', time: 0, value: secret }
    const node = await stoppedNode(t.testdir(), [[note]])
    const search = (text: string): ReturnType<typeof run> =>
      run('dump', '--data-dir', node.dataDir, '--grep', text)
    t.match(await search('vitalchain/genesis'), { exit: 0, out: [/"store":"meta"/] })
    const inKeys = await search('devices/device/')
    t.equal(inKeys.exit, 0)
    t.match(JSON.parse(inKeys.out[0] ?? ''), { store: /state|nodes/ })
    t.same(await search(secret), { exit: 1, out: [], err: [] })
  }
)

t.test('what a key signed is shown, and whether it is damaged', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const key = new Uint8Array(32).fill(5)
  const votes = await openVoteStore(voteStoreOf(node.dataDir))
  await votes.of(key).begin(1)
  await votes.of(key).write({ height: 3, view: 0, sent: {}, prepared: undefined })
  await votes.close()
  const search = async (): Promise<unknown[]> =>
    (await run('dump', '--data-dir', node.dataDir, '--grep', 'vote-state')).out.map(
      line => JSON.parse(line) as unknown
    )
  const name = toHex(utf8(`vote-state-${toHex(key)}`))
  const found = await search()
  t.match(found, [{ store: 'votes', key: name, text: /vitalchain\/vote-state/ }])
  t.same(await search(), found, 'a look changes nothing')
  await truncate(join(voteStoreOf(node.dataDir), `vote-state-${toHex(key)}`), 100)
  t.match(await search(), [{ store: 'votes', key: name, damaged: true }])
})

t.test('the store of a running node is left alone', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const store = await openStore(join(node.dataDir, 'ledger'))
  t.teardown(() => store.close())
  const { exit, err } = await run('dump', '--data-dir', node.dataDir)
  t.equal(exit, 1)
  t.match(err[0], /another process uses .* \(ERR_DATA_DIR_IN_USE\)/)
})
