import { join } from 'node:path'
import t from 'tap'
import { toHex, u64be } from '@vitalchain/core'
import { createRandom } from '../../src/dev/random.ts'
import { openStore } from '../../src/store/store.ts'
import { TABLES, type TableName } from '../../src/store/tables.ts'
import { DERIVED_TABLES } from '../../src/audit/scratch.ts'
import { auditStore } from '../../src/audit/audit-store.ts'
import type { Fault } from '../../src/audit/fault.ts'
import { run } from '../cli/run.ts'
import { auditedNode, rawRecords, writeRaw, type RawRecord } from './audited-node.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const FLIPS = 200

/** Bytes of the checksum in front of a stored value. */
const CHECKSUM_BYTES = 4

/** Tables whose records tell their block whatever happens to them. */
const WITHOUT_BLOCK: ReadonlySet<string> = new Set(['checkpoints'])

const tableOf = (letter: number): string =>
  Object.entries(TABLES).find(([, each]) => each.charCodeAt(0) === letter)?.[0] ?? '?'

t.test(`${FLIPS} flips of stored values, seed ${SEED}: each is named by key and block`, async t => {
  const { dataDir, network } = await auditedNode(join(t.testdir({}), 'node'))
  const location = join(dataDir, 'ledger')
  const records = await rawRecords(location)
  const tables = new Set(records.map(([key]) => tableOf(key[0]!)))
  t.same([...tables].toSorted(), Object.keys(TABLES).toSorted(), 'every table has records')
  const random = createRandom(SEED)
  const seen = new Set<string>()
  const missed: string[] = []
  const letters = [...tables].toSorted()
  let undo: readonly RawRecord[] = []
  for (let flip = 0; flip < FLIPS; flip++) {
    // Each table in turn: the state tree has ten times as many records as the meta table.
    const of = records.filter(([key]) => tableOf(key[0]!) === letters[flip % letters.length])
    const [key, value] = of[Math.floor(random.between(0, of.length))]!
    const changed = Uint8Array.from(value)
    const bit = Math.floor(random.between(0, 8 * changed.length))
    changed[bit >> 3]! ^= 1 << (bit & 7)
    // The one before is as it was again.
    await writeRaw(location, [...undo, [key, changed]])
    undo = [[key, value]]
    const store = await openStore(location, undefined, { anyFormat: true })
    const { genesis, rules } = network
    const { faults } = await auditStore(store, { genesis, rules, faultsMax: 1 })
    await store.close()
    const [fault] = faults
    const table = tableOf(key[0]!)
    const named = fault?.table === table && fault.key === toHex(key.subarray(1))
    const told = fault?.height !== undefined || WITHOUT_BLOCK.has(table)
    if (fault?.kind !== 'damaged' || !named || !told)
      missed.push(`${table} ${toHex(key)} bit ${bit}: ${JSON.stringify(fault)}`)
    seen.add(table)
  }
  t.same(missed, [])
  t.equal(seen.size, tables.size)
  await writeRaw(location, undo)
  t.equal((await run('verify', '--data-dir', dataDir)).exit, 0, 'valid again when all is undone')
})

t.test('records rewritten with right checksums are found by what the blocks give', async t => {
  const { dataDir, network } = await auditedNode(join(t.testdir({}), 'node'))
  const location = join(dataDir, 'ledger')
  const records = await rawRecords(location)
  const random = createRandom(SEED)
  const store = await openStore(location, undefined, { anyFormat: true })
  t.teardown(() => store.close())
  const missed: string[] = []
  for (const table of [...DERIVED_TABLES, 'payloads'] as TableName[]) {
    const of = records.filter(([key]) => tableOf(key[0]!) === table)
    for (let flip = 0; flip < 5; flip++) {
      const [full, sealed] = of[Math.floor(random.between(0, of.length))]!
      const [key, value] = [full.subarray(1), sealed.subarray(CHECKSUM_BYTES)]
      const changed = Uint8Array.from(value)
      const bit = Math.floor(random.between(0, 8 * changed.length))
      changed[bit >> 3]! ^= 1 << (bit & 7)
      await store.write([{ table, key, value: changed }])
      const { genesis, rules } = network
      const { faults } = await auditStore(store, { genesis, rules, faultsMax: 1 })
      await store.write([{ table, key, value }])
      const [fault] = faults
      const named = fault?.table === table && fault.key === toHex(key)
      if (!named || fault?.height === undefined)
        missed.push(`${table} ${toHex(key)} bit ${bit}: ${JSON.stringify(fault)}`)
    }
  }
  t.same(missed, [])
})

t.test('records that are missing or of no block are named', async t => {
  const { dataDir, network } = await auditedNode(join(t.testdir({}), 'node'))
  const location = join(dataDir, 'ledger')
  const store = await openStore(location)
  t.teardown(() => store.close())
  const audit = async (): Promise<Fault | undefined> => {
    const { genesis, rules } = network
    return (await auditStore(store, { genesis, rules, faultsMax: 1 })).faults[0]
  }
  for (const table of DERIVED_TABLES) {
    for await (const { key, value } of store.entries(table)) {
      await store.write([{ table, key, value: undefined }])
      t.match(await audit(), { kind: 'missing', table, key: toHex(key) }, table)
      await store.write([{ table, key, value }])
      break
    }
  }
  for (const table of [...DERIVED_TABLES, 'payloadMeta', 'wanted'] as TableName[]) {
    const key = new Uint8Array(32).fill(0xee)
    await store.write([{ table, key, value: Uint8Array.of(0) }])
    const kind = table === 'payloadMeta' ? 'unreadable' : table === 'headers' ? 'missing' : 'orphan'
    t.match(await audit(), { kind, table }, `orphan in ${table}`)
    await store.write([{ table, key, value: undefined }])
  }
  t.equal(await audit(), undefined)
})

t.test('tiles of every level are compared, and --all lists more than the first fault', async t => {
  const { dataDir } = await auditedNode(join(t.testdir({}), 'node'), { statements: 260, blocks: 1 })
  const location = join(dataDir, 'ledger')
  const tiles = (await rawRecords(location)).filter(([key]) => tableOf(key[0]!) === 'tiles')
  t.equal(tiles.length, 3, 'a full tile, a partial one and the one above')
  await writeRaw(
    location,
    tiles.map(([key, value]) => {
      const changed = Uint8Array.from(value)
      changed[changed.length - 1]! ^= 1
      return [key, changed]
    })
  )
  const one = await run('verify', '--data-dir', dataDir, '--json')
  t.equal(one.exit, 1)
  t.equal(JSON.parse(one.out[0]!).faults.length, 1)
  const all = await run('verify', '--data-dir', dataDir, '--json', '--all')
  t.match(JSON.parse(all.out[0]!), {
    valid: false,
    faults: [
      { kind: 'damaged', table: 'tiles', key: `00${toHex(u64be(0))}`, block: 2 },
      { kind: 'damaged', table: 'tiles', key: `00${toHex(u64be(1))}`, block: 2 },
      { kind: 'damaged', table: 'tiles', key: `01${toHex(u64be(0))}`, block: 2 }
    ]
  })
})
