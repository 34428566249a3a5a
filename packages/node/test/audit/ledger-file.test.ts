import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../src/dev/random.ts'
import { openStore } from '../../src/store/store.ts'
import { run } from '../cli/run.ts'
import { testNetwork } from '../ledger/fixture.ts'
import { auditedNode } from './audited-node.ts'

const SEED = Number(process.env['SEED'] ?? 1)

t.test('an exported ledger is valid, and of the network that was asked for', async t => {
  const root = t.testdir({})
  const { dataDir, network } = await auditedNode(join(root, 'node'))
  const file = join(root, 'ledger.vitalchain')
  t.match(await run('export', '--data-dir', dataDir, '--ledger', file), {
    exit: 0,
    err: [/5 blocks with 9 transactions/]
  })
  const genesis = join(dataDir, 'genesis.cbor')
  t.match(await run('verify', '--ledger', file, '--genesis', genesis), {
    exit: 0,
    out: [/^VALID/]
  })
  const other = join(root, 'other.cbor')
  await writeFile(other, testNetwork({ name: 'another' }).genesis)
  t.match(await run('verify', '--ledger', file, '--genesis', other, '--json'), {
    exit: 1,
    out: [/"kind":"trust"/]
  })
  t.match(await run('export', '--data-dir', dataDir, '--ledger', file), {
    exit: 2,
    err: [/exists.*ERR_FILE/]
  })
  t.match(await run('verify', '--data-dir', dataDir, '--network', 'ab'.repeat(32), '--json'), {
    exit: 1,
    out: [/"kind":"trust"/]
  })
  t.match(JSON.parse((await run('verify', '--data-dir', dataDir, '--json')).out[0]!), {
    valid: true,
    network: Buffer.from(network.id).toString('hex'),
    height: 5,
    transactions: 9
  })
})

t.test(`no flip of a bit in an exported ledger goes unnoticed, seed ${SEED}`, async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'), { blocks: 1 })
  const file = join(root, 'ledger.vitalchain')
  await run('export', '--data-dir', dataDir, '--ledger', file)
  const genesis = join(dataDir, 'genesis.cbor')
  const bytes = await readFile(file)
  const random = createRandom(SEED)
  const missed: number[] = []
  for (let flip = 0; flip < 100; flip++) {
    const changed = Uint8Array.from(bytes)
    const bit = Math.floor(random.between(0, 8 * changed.length))
    changed[bit >> 3]! ^= 1 << (bit & 7)
    const damaged = join(root, 'damaged')
    await writeFile(damaged, changed)
    const { exit } = await run('verify', '--ledger', damaged, '--genesis', genesis)
    if (exit === 0) missed.push(bit)
  }
  t.same(missed, [])
})

t.test('a ledger file that ends early or goes on behind its end is refused', async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'), { blocks: 1 })
  const file = join(root, 'ledger.vitalchain')
  await run('export', '--data-dir', dataDir, '--ledger', file)
  const bytes = await readFile(file)
  // At a record's boundary too: the last record is the end.
  const end = bytes.indexOf('vitalchain/ledger-end') - 7
  for (const part of [
    bytes.subarray(0, end),
    bytes.subarray(0, -1),
    Buffer.concat([bytes, bytes])
  ]) {
    const damaged = join(root, 'damaged')
    await writeFile(damaged, part)
    const { exit, out } = await run('verify', '--ledger', damaged)
    t.equal(exit, 1)
    t.match(out[0], /^INVALID/)
    t.match(out[1], /ends early|goes on behind|something else/)
  }
  await writeFile(join(root, 'none'), 'no ledger')
  t.match(await run('verify', '--ledger', join(root, 'none')), { err: [/ERR_LEDGER_FILE/] })
})

t.test('a directory that is in use is left alone, and a wrong one is not made', async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'), { blocks: 1 })
  const store = await openStore(join(dataDir, 'ledger'))
  t.teardown(() => store.close())
  for (const command of ['verify', 'repair']) {
    const { exit, err } = await run(command, '--data-dir', dataDir)
    t.equal(exit, 1)
    t.match(err, [/ERR_DATA_DIR_IN_USE/])
  }
  t.match(await run('verify', '--data-dir', join(root, 'none')), { exit: 2, err: [/ERR_FILE/] })
  t.match(await run('verify', '--data-dir', dataDir, 'a.receipt'), { exit: 2 })
  t.match(await run('verify'), { exit: 2 })
  t.match(await run('export', '--data-dir', dataDir), { exit: 2 })
})
