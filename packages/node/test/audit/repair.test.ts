import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { toHex, u64be } from '@vitalchain/core'
import { requireWholeLog } from '../../src/audit/level-files.ts'
import { headerWrite } from '../../src/ledger/records.ts'
import { openStore } from '../../src/store/store.ts'
import { TABLES } from '../../src/store/tables.ts'
import { run, runStopped } from '../cli/run.ts'
import { buildNext, commitNext, ledgerWithDevice, testLedger } from '../ledger/fixture.ts'
import { flipRecords } from '../store/raw.ts'
import { auditedNode, rawRecords, writeRaw } from './audited-node.ts'

for (const table of ['state', 'nodes', 'tiles', 'validators', 'meta', 'ids'] as const) {
  t.test(`a store with damaged ${table} is made anew whole`, async t => {
    const { dataDir, network } = await auditedNode(join(t.testdir({}), 'node'))
    const location = join(dataDir, 'ledger')
    const before = await testLedger(network, location)
    const { head } = before
    await before.close()
    await flipRecords(location, TABLES[table])
    t.equal((await run('verify', '--data-dir', dataDir)).exit, 1)
    t.match(await run('repair', '--data-dir', dataDir), {
      exit: 0,
      out: [/^Kept blocks 1 to 5, and 4 payloads; 0 were damaged/]
    })
    const { exit, out } = await run('verify', '--data-dir', dataDir)
    t.equal(exit, 0, out.join('\n'))
    const after = await testLedger(network, location)
    t.teardown(() => after.close())
    t.same(after.head, head)
    t.equal(after.wantedPayloads(9).length, 0, 'by the clock of today their retention is over')
  })
}

t.test('blocks in front of a damaged one are kept, and the old store too', async t => {
  const { dataDir } = await auditedNode(join(t.testdir({}), 'node'))
  const location = join(dataDir, 'ledger')
  const records = await rawRecords(location)
  const transactions = records.filter(([key]) => key[0] === TABLES.transactions.charCodeAt(0))
  const [key, value] = transactions[5]!
  const changed = Uint8Array.from(value)
  changed[40]! ^= 1
  await writeRaw(location, [[key, changed]])
  t.match(await run('verify', '--data-dir', dataDir, '--json'), {
    exit: 1,
    out: [new RegExp(`"key":"${toHex(key.subarray(1))}".*"block":4`)]
  })
  t.match(await run('repair', '--data-dir', dataDir), {
    exit: 0,
    out: [/^Kept blocks 1 to 3/, /^Block 4 was not kept: transaction 5 is damaged/]
  })
  t.same((await readdir(dataDir)).filter(name => name.startsWith('ledger')).toSorted(), [
    'ledger',
    'ledger.damaged-1'
  ])
  t.equal((await run('verify', '--data-dir', dataDir)).exit, 0)
})

t.test('a genesis that is none is named, and nothing else is said', async t => {
  const { dataDir } = await auditedNode(join(t.testdir({}), 'node'))
  await writeFile(join(dataDir, 'genesis.cbor'), 'no genesis')
  for (const argv of [['verify'], ['repair'], ['export', '--ledger', join(dataDir, 'a.ledger')]])
    t.match(await run(...argv, '--data-dir', dataDir), {
      exit: 2,
      out: [],
      err: [/genesis\.cbor is no genesis document \(ERR_FILE\)/]
    })
})

t.test('what is told to end ends, and leaves what was there', async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'))
  const file = join(root, 'a.ledger')
  await run('export', '--data-dir', dataDir, '--ledger', file)
  const before = (await readdir(dataDir)).toSorted()
  for (const argv of [
    ['verify', '--data-dir', dataDir],
    ['verify', '--ledger', file],
    ['export', '--data-dir', dataDir, '--ledger', join(root, 'b.ledger')],
    ['repair', '--data-dir', dataDir]
  ]) {
    const ran = await runStopped(...argv)
    t.match(ran, { exit: 1, out: [], err: [/ERR_INTERRUPTED/] }, argv.join(' '))
  }
  t.same((await readdir(dataDir)).toSorted(), before)
  t.same((await readdir(root)).toSorted(), ['a.ledger', 'node'])
  t.equal((await run('verify', '--data-dir', dataDir)).exit, 0)
})

t.test('a log with a hole is not opened by a node, and repaired', async t => {
  const dataDir = t.testdir({})
  const location = join(dataDir, 'ledger')
  const { network, ledger, device } = await ledgerWithDevice(location)
  await writeFile(join(dataDir, 'genesis.cbor'), network.genesis)
  for (let block = 0; block < 4; block++) {
    const readings = []
    for (let k = 0; k < 40; k++) readings.push((await device.read()).candidate)
    await commitNext(network, ledger, readings)
  }
  await ledger.close()
  await requireWholeLog(location)
  const name = (await readdir(location)).find(each => each.endsWith('.log'))
  const file = join(location, name!)
  const bytes = await readFile(file)
  t.ok(bytes.length > 64 * 1024, 'more than two blocks of the log')
  const changed = Uint8Array.from(bytes)
  changed[100]! ^= 1
  await writeFile(file, changed)
  await t.rejects(requireWholeLog(location), { code: 'ERR_DAMAGED', values: { file: name } })
  t.match(await run('verify', '--data-dir', dataDir), {
    exit: 1,
    out: [/^INVALID/, /\(file: files/]
  })
  // The look did not change it.
  await t.rejects(requireWholeLog(location), { code: 'ERR_DAMAGED' })
  // The end alone may be cut off, as by a power cut.
  await writeFile(file, bytes.subarray(0, -10))
  await requireWholeLog(location)
  t.match(await run('verify', '--data-dir', dataDir), {
    exit: 1,
    out: [/^INVALID/, /the power failed/]
  })
  await writeFile(file, changed)
  t.equal((await run('repair', '--data-dir', dataDir)).exit, 0)
  t.equal((await run('verify', '--data-dir', dataDir)).exit, 0)
})

t.test('tiles are made anew from transactions, and from what another node has', async t => {
  const { ledger: sound, network, device } = await ledgerWithDevice()
  t.teardown(() => sound.close())
  const location = t.testdir({})
  const copy = await testLedger(network, location)
  for (const count of [200, 100]) {
    const readings = []
    for (let k = 0; k < count; k++) readings.push((await device.read()).candidate)
    await commitNext(network, sound, readings)
  }
  for (let height = 1; height <= sound.head.height; height++) {
    const executed = copy.validate(sound.block(height)!, { signaturesChecked: () => true })
    await copy.commit(executed, sound.certificate(height)!)
  }
  await copy.close()
  // The one full tile of the leaves, and one transaction under it.
  const store = await openStore(location)
  const tile = new Uint8Array(9)
  const leaf = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7)
  const [oldTile, oldLeaf] = [store.get('tiles', tile)!, store.get('transactions', leaf)!]
  const oldHeader = store.get('headers', u64be(2))!
  // A header that somebody wrote with signatures that nobody made.
  const certificate = sound.certificate(2)!
  const signatures = certificate.signatures.toReversed()
  await store.write([
    headerWrite({ block: sound.block(2)!, certificate: { ...certificate, signatures } }),
    { table: 'tiles', key: tile, value: undefined },
    { table: 'transactions', key: leaf, value: undefined }
  ])
  await store.close()

  const ledger = await testLedger(network, location)
  t.throws(() => ledger.transaction(7), { code: 'ERR_DAMAGED' })
  t.throws(() => ledger.headers(2, 1), { code: 'ERR_DAMAGED' })
  t.throws(() => ledger.inclusionProof(3, 300), { code: 'ERR_TILE_MISSING' })
  t.same(ledger.damage.first(), { type: 'transaction', leaf: 7 })
  const id = { tileLevel: 0, tileIndex: 0 }
  t.same(await ledger.restore.tile(id, new Map()), [7], 'it says what it lacks')
  await t.rejects(
    ledger.restore.tile(id, new Map([[7, sound.transaction(8)!]])),
    { code: 'ERR_INCLUSION' },
    'another transaction is not taken'
  )
  t.same(await ledger.restore.tile(id, new Map([[7, sound.transaction(7)!]])), [])
  const block = sound.block(2)!
  const forged = { ...block, transactions: block.transactions.toReversed() }
  await t.rejects(
    ledger.restore.block({ block: forged, certificate }),
    { code: 'ERR_INCLUSION' },
    'nor a block with others'
  )
  await t.rejects(
    ledger.restore.block({ block: buildNext(sound, []), certificate }),
    { code: 'ERR_CERTIFICATE' },
    'nor one that nobody certified'
  )
  await ledger.restore.block({ block, certificate })
  t.same(ledger.transaction(7), sound.transaction(7))
  t.same(ledger.inclusionProof(3, 300), sound.inclusionProof(3, 300))
  await ledger.close()
  const after = await openStore(location)
  t.teardown(() => after.close())
  t.same(after.get('headers', u64be(2)), oldHeader)
  t.same(after.get('tiles', tile), oldTile)
  t.same(after.get('transactions', leaf), oldLeaf)
})
