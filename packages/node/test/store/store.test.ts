import { join } from 'node:path'
import t from 'tap'
import { toHex, utf8 } from '@vitalchain/core'
import { openStore, STORE_FORMAT, type Store, type StoreEntry } from '../../src/store/store.ts'
import { META, TABLES, type TableName } from '../../src/store/tables.ts'
import { changeRecords, flipRecords } from './raw.ts'

const KEY = utf8('key')
const VALUE = utf8('value')

const TABLE_NAMES: readonly TableName[] = [
  'meta',
  'headers',
  'transactions',
  'tiles',
  'state',
  'nodes',
  'ids',
  'places',
  'validators',
  'payloads',
  'payloadMeta',
  'wanted',
  'named',
  'heard',
  'checkpoints'
]

async function list(store: Store, table?: TableName): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = []
  for await (const entry of store.entries(table)) entries.push(entry)
  return entries
}

for (const place of ['memory', 'disk'] as const) {
  const locate = (t: { testdir(): string }): string =>
    place === 'disk' ? join(t.testdir(), 'db') : 'memory'

  t.test(`a store in ${place} keeps tables apart and writes all of a batch`, async t => {
    const store = await openStore(locate(t))
    t.teardown(() => store.close())
    await store.write([
      { table: 'state', key: KEY, value: VALUE },
      { table: 'ids', key: KEY, value: utf8('other') },
      { table: 'nodes', key: KEY, value: new Uint8Array(0) }
    ])
    t.same(store.get('state', KEY), VALUE)
    t.same(store.get('ids', KEY), utf8('other'))
    t.same(store.get('nodes', KEY), new Uint8Array(0), 'an empty value is a value')
    t.equal(store.get('places', KEY), undefined)
    await store.write([{ table: 'state', key: KEY, value: undefined }])
    t.equal(store.get('state', KEY), undefined)
    t.same(store.get('ids', KEY), utf8('other'))
  })

  t.test(`a snapshot in ${place} does not see later writes`, async t => {
    const store = await openStore(locate(t))
    t.teardown(() => store.close())
    await store.write([{ table: 'state', key: KEY, value: VALUE }])
    const snapshot = store.snapshot()
    await store.write([
      { table: 'state', key: KEY, value: utf8('new') },
      { table: 'ids', key: KEY, value: utf8('new') }
    ])
    t.same(snapshot.get('state', KEY), VALUE)
    t.equal(snapshot.get('ids', KEY), undefined)
    t.same(store.get('state', KEY), utf8('new'))
    await snapshot.close()
  })

  t.test(`a store in ${place} hands out plain bytes`, async t => {
    const store = await openStore(locate(t))
    t.teardown(() => store.close())
    await store.write([{ table: 'state', key: KEY, value: VALUE }])
    t.equal(Object.getPrototypeOf(store.get('state', KEY)), Uint8Array.prototype)
  })
}

t.test('every table has a letter of its own', async t => {
  t.equal(new Set(Object.values(TABLES)).size, Object.keys(TABLES).length)
  t.same(Object.keys(TABLES), TABLE_NAMES)
})

t.test('a dump lists every record of every table', async t => {
  const store = await openStore('memory')
  t.teardown(() => store.close())
  const tables = TABLE_NAMES
  await store.write(tables.map(table => ({ table, key: KEY, value: utf8(table) })))
  const entries = await list(store)
  t.same(
    entries.map(({ store: name, key }) => `${name} ${toHex(key)}`).toSorted(),
    [...tables.map(table => `${table} ${toHex(KEY)}`), `meta ${toHex(META.format)}`].toSorted()
  )
  t.same(
    (await list(store, 'tiles')).map(({ value }) => value),
    [utf8('tiles')],
    'or of one table'
  )
})

t.test('what was written is there after the store is opened again', async t => {
  const location = join(t.testdir(), 'a', 'b')
  const store = await openStore(location)
  await store.write([{ table: 'state', key: KEY, value: VALUE }])
  await store.close()
  const again = await openStore(location)
  t.teardown(() => again.close())
  t.same(again.get('state', KEY), VALUE)
})

t.test('a store of a format that is not known is not opened', async t => {
  const location = t.testdir()
  const store = await openStore(location)
  await store.write([
    { table: 'meta', key: META.format, value: Uint8Array.of(0, 0, 0, STORE_FORMAT + 1) }
  ])
  await store.close()
  await t.rejects(openStore(location), { code: 'ERR_STORE_FORMAT' })
})

t.test('a database that is no store of a node is not touched', async t => {
  const location = t.testdir()
  await (await openStore(location)).close()
  await changeRecords(location, () => undefined)
  const store = await openStore(location)
  await store.write([{ table: 'state', key: KEY, value: VALUE }])
  await store.close()
  await changeRecords(location, (key, record) => (key[0] === 0x6d ? undefined : record))
  await t.rejects(openStore(location), { code: 'ERR_STORE_FORMAT' })
})

t.test('a store that is open already says so', async t => {
  const location = t.testdir()
  const store = await openStore(location)
  t.teardown(() => store.close())
  await t.rejects(openStore(location), { code: 'ERR_STORE_LOCKED' })
})

t.test('a flipped bit anywhere in a record is noticed', async t => {
  const location = t.testdir()
  const bits = Array.from({ length: 8 * (4 + VALUE.length) }, (_, bit) => bit)
  const store = await openStore(location)
  await store.write(bits.map(bit => ({ table: 'state', key: Uint8Array.of(bit), value: VALUE })))
  await store.close()
  await changeRecords(location, (key, record) => {
    const bit = key[1] ?? 0
    if (key[0] === TABLES.state.charCodeAt(0)) record[bit >> 3]! ^= 1 << (bit & 7)
    return record
  })
  const again = await openStore(location)
  t.teardown(() => again.close())
  for (const bit of bits) {
    t.throws(() => again.get('state', Uint8Array.of(bit)), { code: 'ERR_DAMAGED' }, `bit ${bit}`)
  }
})

t.test('a record under the key of another is noticed', async t => {
  const location = t.testdir()
  const store = await openStore(location)
  await store.write([
    { table: 'state', key: utf8('one'), value: VALUE },
    { table: 'state', key: utf8('two'), value: utf8('other') }
  ])
  await store.close()
  let last: Uint8Array | undefined
  await changeRecords(location, (key, record) => {
    if (key[0] !== TABLES.state.charCodeAt(0)) return record
    const swapped = last ?? record
    last = record
    return swapped
  })
  const again = await openStore(location)
  t.teardown(() => again.close())
  t.same(again.get('state', utf8('one')), VALUE)
  t.throws(() => again.get('state', utf8('two')), { code: 'ERR_DAMAGED' })
})

t.test('a dump shows which records are damaged', async t => {
  const location = t.testdir()
  const store = await openStore(location)
  await store.write([
    { table: 'state', key: KEY, value: VALUE },
    { table: 'ids', key: KEY, value: VALUE }
  ])
  await store.close()
  await flipRecords(location, TABLES.state)
  const again = await openStore(location)
  t.teardown(() => again.close())
  const damaged = (await list(again)).filter(entry => entry.damaged)
  t.same(
    damaged.map(({ store: name }) => name),
    ['state']
  )
})

t.test('a closed store fails with a code', async t => {
  const store = await openStore('memory')
  await store.close()
  t.throws(() => store.get('state', KEY), { code: 'ERR_STORE' })
  await t.rejects(store.write([{ table: 'state', key: KEY, value: VALUE }]), { code: 'ERR_STORE' })
})
