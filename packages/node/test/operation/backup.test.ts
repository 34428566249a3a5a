import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createRules, devices, members } from '@vitalchain/contracts'
import t from 'tap'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { createRandom } from '../../src/dev/random.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { auditedNode } from '../audit/audited-node.ts'
import { run } from '../cli/run.ts'
import { testLedger, testNetwork } from '../ledger/fixture.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const CHILD = join(import.meta.dirname, 'restore-child.ts')

t.test('a backup is verified, and restored to the same ledger and payloads', async t => {
  const root = t.testdir({})
  const node = join(root, 'node')
  const { dataDir, network } = await auditedNode(node)
  const file = join(root, 'a.backup')
  const made = await run('backup', '--data-dir', dataDir, '--out', file, '--json')
  t.equal(made.exit, 0, made.err.join('\n'))
  t.match(JSON.parse(made.out[0]!), {
    height: 5,
    transactions: 9,
    payloads: 4,
    payloadsMissing: 4
  })
  t.match(await run('backup', 'verify', file, '--json'), {
    exit: 0,
    out: [/"valid":true.*"height":5/]
  })
  t.match(await run('backup', 'verify', file, '--network', 'ab'.repeat(32)), {
    exit: 1,
    out: [/^INVALID/, /another network/]
  })

  const again = join(root, 'again')
  const restored = await run('restore', '--from', file, '--data-dir', again)
  t.match(restored, { exit: 0, out: [/blocks 1 to 5/, /needs node.json and keys.json/] })
  t.match(await run('verify', '--data-dir', again), { exit: 0, out: [/^VALID/] })
  t.same((await readdir(again)).toSorted(), ['genesis.cbor', 'ledger', 'restored.json'], 'no votes')
  const [one, other] = await Promise.all(
    [dataDir, again].map(each => testLedger(network, join(each, 'ledger')))
  )
  t.same(other!.head, one!.head)
  t.same(payloadsOf(other!), [], 'they were to be kept for 30 days, and are older')
  await other!.close()

  const early = join(root, 'early')
  const report = await restoreBackup(file, early, {
    rules: createRules([members, devices]),
    network: network.id,
    now: () => Date.UTC(2026, 0, 2)
  })
  t.equal(report.payloads, 4)
  const third = await testLedger(network, join(early, 'ledger'))
  t.same(payloadsOf(third), payloadsOf(one!))
  t.equal(payloadsOf(third).length, 4)
  await Promise.all([one!.close(), third.close()])
})

/** All payloads that a ledger's statements name and its store has, in order. */
function payloadsOf(ledger: Ledger): readonly Uint8Array[] {
  return Array.from({ length: ledger.head.history.size }, (_, leaf) => {
    const transaction = ledger.decodedTransaction(leaf)
    return transaction?.type === 'statement' && transaction.statement.type === 'readings'
      ? ledger.getPayload(transaction.statement.payloadDigest)
      : undefined
  }).filter(payload => payload !== undefined)
}

t.test('a node is backed up while it runs, over its administration', async t => {
  const root = t.testdir({})
  const { hospitals } = await foundHospitals(join(root, 'network'), 1, error =>
    t.fail(error.message)
  )
  const { dataDir, process: node, api } = hospitals[0]!
  t.teardown(() => node.kill())
  await node.start()
  const file = join(root, 'a.backup')
  const made = await run('backup', '--data-dir', dataDir, '--out', file, '--json')
  t.equal(made.exit, 0, made.err.join('\n'))
  t.match(JSON.parse(made.out[0]!), { height: 0, node: 'Hospital 1' })
  t.match(await run('backup', 'verify', file), { exit: 0, out: [/^VALID/] })
  const { config } = await loadConfig({ dataDir })
  const url = `http://${config.admin.host}:${config.admin.port}`
  const tokenFile = join(dataDir, 'api-token')
  const remote = ['--url', url, '--token-file', tokenFile, '--out', join(root, 'b.backup')]
  t.match(await run('backup', ...remote), { exit: 0 })
  await writeFile(join(root, 'wrong'), 'x'.repeat(64))
  const wrong = ['--url', url, '--token-file', join(root, 'wrong'), '--out', join(root, 'c.backup')]
  t.match(await run('backup', ...wrong), { exit: 1, err: [/ERR_UNAUTHORIZED/] })
  await t.rejects(readFile(join(root, 'c.backup')), { code: 'ENOENT' }, 'nothing is left of it')
  t.equal((await api.status()).height, 0)
})

t.test('nothing is restored over what is there', async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'), { blocks: 1 })
  const file = join(root, 'a.backup')
  await run('backup', '--data-dir', dataDir, '--out', file)
  t.match(await run('backup', '--data-dir', dataDir, '--out', file), {
    exit: 2,
    err: [/exists.*ERR_FILE/]
  })
  t.match(await run('restore', '--from', file, '--data-dir', dataDir), {
    exit: 2,
    err: [/ERR_DATA_DIR_NOT_EMPTY/]
  })
  const fresh = join(root, 'fresh')
  await mkdir(join(fresh, 'new-keys'), { recursive: true })
  await writeFile(join(fresh, 'new-keys', 'ab'), '')
  t.match(await run('restore', '--from', file, '--data-dir', fresh), {
    exit: 2,
    err: [/ERR_DATA_DIR_NOT_EMPTY/]
  })
  const other = join(root, 'other')
  await mkdir(other)
  await writeFile(join(other, 'genesis.cbor'), testNetwork({ name: 'another' }).genesis)
  t.match(await run('restore', '--from', file, '--data-dir', other), {
    exit: 2,
    err: [/ERR_OTHER_NETWORK/]
  })
})

t.test('the keys are copied only when they are encrypted', async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'), { blocks: 1 })
  await writeFile(join(dataDir, 'keys.json'), '{"transport": "00"}', { mode: 0o600 })
  const file = join(root, 'a.backup')
  t.match(await run('backup', '--data-dir', dataDir, '--out', file, '--with-keys'), {
    exit: 2,
    err: [/not encrypted.*ERR_FILE/]
  })
  const sealed = '{"format": "vitalchain-keys/1"}\n'
  await writeFile(join(dataDir, 'keys.json'), sealed)
  t.match(await run('backup', '--data-dir', dataDir, '--out', file, '--with-keys'), { exit: 0 })
  t.equal(await readFile(`${file}.keys`, 'utf8'), sealed)
  const again = join(root, 'again')
  const keys = ['--keys', `${file}.keys`]
  t.match(await run('restore', '--from', file, '--data-dir', again, ...keys), { exit: 0 })
  t.equal(await readFile(join(again, 'keys.json'), 'utf8'), sealed)
})

t.test('a restore that was cut off says so, and begins anew', async t => {
  const root = t.testdir({})
  const { hospitals } = await foundHospitals(join(root, 'network'), 1, () => undefined)
  const { dataDir } = await auditedNode(join(root, 'node'))
  const file = join(root, 'a.backup')
  await run('backup', '--data-dir', dataDir, '--out', file)
  const again = join(root, 'again')
  const child = spawn(execPath, ['--conditions=@vitalchain/source', CHILD, file, again, '3'], {
    stdio: 'inherit'
  })
  await once(child, 'exit')
  t.equal(child.signalCode, 'SIGKILL')
  t.same(await readdir(again), ['ledger.restoring'])
  const hospital = hospitals[0]!.dataDir
  for (const name of ['genesis.cbor', 'node.json', 'keys.json'])
    await writeFile(join(again, name), await readFile(join(hospital, name)), { mode: 0o600 })
  t.match(await run('start', '--data-dir', again), { exit: 2, err: [/ERR_RESTORE_UNFINISHED/] })
  await writeFile(join(again, 'genesis.cbor'), await readFile(join(dataDir, 'genesis.cbor')))
  t.match(await run('restore', '--from', file, '--data-dir', again), { exit: 0 })
  t.match(await run('verify', '--data-dir', again), { exit: 0, out: [/^VALID/] })
})

t.test(`no flip of a bit in a backup goes unnoticed, seed ${SEED}`, async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'), { blocks: 1 })
  const file = join(root, 'a.backup')
  await run('backup', '--data-dir', dataDir, '--out', file)
  const bytes = await readFile(file)
  const random = createRandom(SEED)
  const missed: number[] = []
  const damaged = join(root, 'damaged')
  for (let flip = 0; flip < 60; flip++) {
    const changed = Uint8Array.from(bytes)
    const bit = Math.floor(random.between(0, 8 * changed.length))
    changed[bit >> 3]! ^= 1 << (bit & 7)
    await writeFile(damaged, changed)
    if ((await run('backup', 'verify', damaged)).exit === 0) missed.push(bit)
  }
  await writeFile(damaged, bytes.subarray(0, -1))
  t.not((await run('backup', 'verify', damaged)).exit, 0, 'its last byte is missing')
  await writeFile(damaged, Buffer.concat([bytes, Buffer.of(0)]))
  t.not((await run('backup', 'verify', damaged)).exit, 0, 'a byte too many')
  t.same(missed, [])
  const to = join(root, 'again')
  t.match(await run('restore', '--from', damaged, '--data-dir', to), { err: [/ERR_LEDGER_FILE/] })
  t.match(await readdir(to), ['ledger.restoring'], 'what it restored is no ledger')
})
