import t from 'tap'
import { u64be } from '@vitalchain/core'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/store.ts'
import { TABLES } from '../../src/store/tables.ts'
import { changeRecords, flipRecords } from '../store/raw.ts'
import { commitNext, ledgerWithDevice, START_MS, testLedger, type TestNetwork } from './fixture.ts'

const DAMAGED = { code: 'ERR_DAMAGED' }

/** A closed store of two blocks. */
async function storeOf(
  location: string
): Promise<{ network: TestNetwork; digest: Uint8Array; next: Parameters<Ledger['check']>[0] }> {
  const { ledger, network, device } = await ledgerWithDevice(location)
  const reading = await device.read()
  await ledger.putPayload(reading.digest, reading.payload, { retention: 0 })
  await commitNext(network, ledger, [reading.candidate])
  const next = (await device.read()).candidate.transaction
  await ledger.close()
  return { network, digest: reading.digest, next }
}

t.test('a flipped bit in a transaction is never served', async t => {
  const location = t.testdir()
  const { network } = await storeOf(location)
  await flipRecords(location, TABLES.transactions)
  const ledger = await testLedger(network, location)
  t.teardown(() => ledger.close())
  t.throws(() => ledger.transaction(1), DAMAGED)
  t.throws(() => ledger.receipt(1), DAMAGED)
  t.throws(() => ledger.block(2), DAMAGED)
  await t.rejects(ledger.events()[Symbol.asyncIterator]().next(), DAMAGED)
})

t.test('a transaction that is not the one in the history is never served', async t => {
  const location = t.testdir()
  const { network } = await storeOf(location)
  const store = await openStore(location)
  const [first, second] = [0, 1].map(leaf => store.get('transactions', u64be(leaf))!)
  // Whole records with right checksums, in each other's place.
  await store.write([
    { table: 'transactions', key: u64be(0), value: second },
    { table: 'transactions', key: u64be(1), value: first }
  ])
  await store.close()
  const ledger = await testLedger(network, location)
  t.teardown(() => ledger.close())
  t.throws(() => ledger.transaction(0), DAMAGED)
  t.throws(() => ledger.receipt(1), DAMAGED)
})

t.test('no transaction is found under the identity of another', async t => {
  const location = t.testdir()
  const { network } = await storeOf(location)
  const before = await testLedger(network, location)
  const [one, other] = [0, 1].map(leaf => before.decodedTransaction(leaf)!.id)
  await before.close()
  const store = await openStore(location)
  await store.write([
    { table: 'ids', key: one!, value: u64be(1) },
    { table: 'ids', key: other!, value: u64be(99) }
  ])
  await store.close()
  const ledger = await testLedger(network, location)
  t.teardown(() => ledger.close())
  for (const id of [one!, other!]) t.throws(() => ledger.findTransaction(id), DAMAGED)
  t.same(ledger.damage.first(), { type: 'index' }, 'which is healed')
})

t.test('a missing transaction is damage, not absence', async t => {
  const location = t.testdir()
  const { network } = await storeOf(location)
  await changeRecords(location, (key, record) =>
    key[0] === TABLES.transactions.charCodeAt(0) ? undefined : record
  )
  const ledger = await testLedger(network, location)
  t.teardown(() => ledger.close())
  t.throws(() => ledger.transaction(1), DAMAGED)
})

t.test('a damaged payload is absent, and healed when it is put again', async t => {
  const location = t.testdir()
  const { network, digest } = await storeOf(location)
  await flipRecords(location, TABLES.payloads)
  const ledger = await testLedger(network, location)
  t.teardown(() => ledger.close())
  t.equal(ledger.getPayload(digest), undefined)
  t.equal(ledger.hasPayload(digest), false)
  await ledger.flushPayloads()
  t.same(ledger.wantedPayloads(1), [{ digest, retention: 0 }])
})

t.test('a damaged state stops the node; it does not blame the transaction', async t => {
  const location = t.testdir()
  const { network, next } = await storeOf(location)
  await flipRecords(location, TABLES.state)
  const ledger = await testLedger(network, location)
  t.teardown(() => ledger.close())
  t.throws(() => ledger.check(next, START_MS), DAMAGED)
  const candidate = {
    hash: new Uint8Array(32),
    bytes: new Uint8Array(1),
    transaction: next,
    signaturesChecked: true
  }
  t.throws(() => ledger.build([candidate], { view: 0, proposer: 0, time: START_MS * 2 }), DAMAGED)
})

for (const table of ['meta', 'headers', 'tiles', 'nodes', 'validators'] as const) {
  t.test(`a ledger with damaged ${table} is not opened`, async t => {
    const location = t.testdir()
    const { network } = await storeOf(location)
    await flipRecords(location, TABLES[table])
    await t.rejects(testLedger(network, location), DAMAGED)
  })
}

t.test('parts of two different ledgers are not opened as one', async t => {
  const location = t.testdir()
  const { network } = await storeOf(location)
  for (const table of ['headers', 'validators', 'nodes', 'tiles'] as const) {
    await changeRecords(location, (key, record) =>
      key[0] === TABLES[table].charCodeAt(0) ? undefined : record
    )
    await t.rejects(
      testLedger(network, location),
      { code: /ERR_DAMAGED|ERR_TILE_MISSING/ },
      `without ${table}`
    )
  }
})
