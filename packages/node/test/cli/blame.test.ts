import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { blockHash, toHex, voteSignBytes } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { openStore } from '../../src/store/store.ts'
import { numberKey } from '../../src/store/tables.ts'
import {
  certify,
  commitNext,
  memberOf,
  TestDevice,
  testLedger,
  testNetwork,
  TestOperator,
  type TestNetwork
} from '../ledger/fixture.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { run } from './run.ts'

/** The directory of a node with the genesis, and its ledger. */
async function openNode(
  t: Test,
  network: TestNetwork,
  name: string
): Promise<{ dir: string; ledger: Ledger }> {
  const dir = join(t.testdirName, name)
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'genesis.cbor'), network.genesis)
  return { dir, ledger: await testLedger(network, join(dir, 'ledger')) }
}

/** Two nodes with one block in common and `extra` more on the second. */
async function twoNodes(
  t: Test,
  extra: number
): Promise<{
  network: TestNetwork
  a: { dir: string; ledger: Ledger }
  b: { dir: string; ledger: Ledger }
}> {
  t.testdir({})
  const network = testNetwork()
  const [a, b] = [await openNode(t, network, 'a'), await openNode(t, network, 'b')]
  for (const [count, { ledger }] of [
    [1, a],
    [1 + extra, b]
  ] as const) {
    const operator = new TestOperator(network)
    for (let k = 0; k < count; k++)
      await commitNext(network, ledger, [
        await operator.register(new TestDevice(network, `device ${k}`))
      ])
  }
  return { network, a, b }
}

async function close(...nodes: readonly { readonly ledger: Ledger }[]): Promise<void> {
  for (const { ledger } of nodes) await ledger.close()
}

/** Commits another block on each of two ledgers, certified by two members that sign both; returns their hashes. */
async function fork(
  network: TestNetwork,
  a: { readonly ledger: Ledger },
  b: { readonly ledger: Ledger }
): Promise<readonly string[]> {
  const hashes: string[] = []
  for (const [{ ledger }, signers, device] of [
    [a, [0, 1, 2], 'x'],
    [b, [0, 1, 3], 'y']
  ] as const) {
    const candidate = await new TestOperator(network, 1).register(new TestDevice(network, device))
    const time = ledger.head.time + 1_000
    const { block, executed } = ledger.build([candidate], { view: 0, proposer: 0, time })
    await ledger.commit(executed, await certify(network, block.header, { signers }))
    hashes.push(toHex(blockHash(block.header)))
  }
  return hashes
}

t.test('ledgers of which one is behind are no fork', async t => {
  const { a, b } = await twoNodes(t, 2)
  await close(a, b)
  const { exit, out } = await run('blame', '--data-dir', a.dir, '--data-dir', b.dir)
  t.equal(exit, 0)
  t.same(out, ['No fork up to block 1.'])
})

t.test('who signed both blocks of a fork is named, and nobody else', async t => {
  const { network, a, b } = await twoNodes(t, 0)
  const hashes = await fork(network, a, b)
  for (const [{ ledger }, device] of [
    [a, 'x 2'],
    [b, 'y 2']
  ] as const) {
    // What follows a fork differs as well.
    const next = await new TestOperator(network, 2).register(new TestDevice(network, device))
    await commitNext(network, ledger, [next])
  }
  await close(a, b)
  const { exit, out } = await run('blame', '--data-dir', a.dir, '--data-dir', b.dir)
  t.equal(exit, 1)
  t.match(out, [
    'FORK: 2 different blocks are certified at height 2.',
    new RegExp(`^  ${hashes[0]}  .*a$`),
    new RegExp(`^  ${hashes[1]}  .*b$`),
    '2 members are proved to have broken the rules:',
    '  Hospital 0: duplicate',
    '  Hospital 1: duplicate'
  ])
  t.equal(out.length, 6)
  const json = await run('blame', '--data-dir', a.dir, b.dir, '--json')
  t.match(JSON.parse(json.out[0] ?? ''), {
    fork: true,
    height: 2,
    culprits: [
      { name: 'Hospital 0' },
      { name: 'Hospital 1', member: toHex(memberOf(network, 1).id) }
    ]
  })
})

t.test('a COMMIT that a node only heard convicts too, and is kept for 10 000 heights', async t => {
  const { network, a, b } = await twoNodes(t, 0)
  await fork(network, a, b)
  // The third signed for the second block as well; the node of that block was late to hear it.
  const hash = blockHash(b.ledger.header(2)!)
  const place = { network: network.id, recoveryEpoch: 0, height: 2, view: 0 }
  const message = voteSignBytes(place, { type: 'commit', blockHash: hash })
  const signature = await memberOf(network, 2).consensus.sign(message)
  const commits = [{ view: 0, sender: 2, blockHash: hash, signature }]
  await b.ledger.keepHeard({ height: 2, proposals: [], commits, viewChanges: [] })
  t.match(b.ledger.heard(2), { commits: [{ sender: 2 }] })
  await close(a, b)
  const { out } = await run('blame', '--data-dir', a.dir, b.dir)
  t.equal(out.filter(line => line.endsWith(': duplicate')).length, 3)
  t.match(out.at(-1), 'Hospital 2')

  const store = await openStore(join(b.dir, 'ledger'))
  const late = { table: 'heard', key: numberKey(10_003), value: Uint8Array.of(1) } as const
  await store.note(late, numberKey(3))
  t.equal(store.get('heard', numberKey(2)), undefined)
  t.same(store.get('heard', numberKey(10_003)), Uint8Array.of(1))
  await store.close()
})

t.test('what cannot be compared is refused', async t => {
  const { a, b } = await twoNodes(t, 0)
  const other = await openNode(t, testNetwork({ name: 'another' }), 'other')
  await close(b, other)
  for (const [code, exit, ...dirs] of [
    ['ERR_USAGE', 2, b.dir],
    ['ERR_OTHER_NETWORK', 2, b.dir, other.dir],
    ['ERR_FILE', 2, b.dir, join(b.dir, 'nothing')],
    ['ERR_DATA_DIR_IN_USE', 1, b.dir, a.dir]
  ] as const) {
    const ran = await run('blame', '--data-dir', ...dirs)
    t.equal(ran.exit, exit, code)
    t.match(ran.err, [new RegExp(`\\(${code}\\)$`)])
  }
  await close(a)
})
