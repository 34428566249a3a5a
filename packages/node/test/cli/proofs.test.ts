import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { devices, members } from '@vitalchain/contracts'
import { checkpointBody, networkId, receiptFormat, toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import { rota, rotaArgs } from '../ledger/handover.ts'
import { commit, startService, TOKEN } from '../http/service.ts'
import { testNetwork } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'
import { run } from './run.ts'
import { heartRates, stoppedNode, type StoppedNode } from './stopped-node.ts'

/** A stopped node with three statements of a device, and its commands. */
async function ward(t: Test): Promise<{
  node: StoppedNode
  file: (name: string) => string
  made: (name: string, ...argv: readonly string[]) => Promise<string>
  verify: (...argv: readonly string[]) => ReturnType<typeof run>
}> {
  const node = await stoppedNode(t.testdir(), [heartRates(70), heartRates(71), heartRates(72)])
  const file = (name: string): string => join(node.dataDir, name)
  return {
    node,
    file,
    async made(name, ...argv) {
      const { exit, err } = await run(...argv, '--data-dir', node.dataDir, '--out', file(name))
      t.equal(exit, 0, err.join())
      return file(name)
    },
    verify: (...argv) => run('verify', ...argv, '--genesis', node.genesisFile)
  }
}

t.test('a receipt is renewed, and its forms say the same', async t => {
  const { node, file, made, verify } = await ward(t)
  const first = receiptFormat.decode(node.receipt)
  const renewed = await made('new.receipt', 'receipt', node.receiptFile, '--renew')
  const json = await made('a.json', 'receipt', renewed, '--form', 'json')
  for (const each of [renewed, json]) {
    const { exit, out } = await verify(each, '--json')
    t.equal(exit, 0)
    const kind = each === json ? 'receipt-json' : 'receipt'
    t.match(JSON.parse(out[0] ?? ''), { valid: true, kind, index: first.index, height: 4 })
  }
  const shown = await run('receipt', renewed, '--form', 'json', '--data-dir', node.dataDir)
  t.equal(`${shown.out.join('\n')}\n`, await readFile(json, 'utf8'), 'text needs no file')

  const changed = (await readFile(json, 'utf8')).replace('"seq": 2', '"seq": 3')
  await writeFile(file('changed.json'), changed)
  const { exit, out } = await verify(file('changed.json'))
  t.equal(exit, 1, 'what people read is what is verified')
  t.match(out[0], /^INVALID .* \(ERR_SCHEMA\)$/)
})

t.test('a pin is a checkpoint, a line, or a proof that was verified before', async t => {
  const { node, file, made, verify } = await ward(t)
  const older = await made('older.proof', 'prove', 'lane', toHex(node.keys.device), '--to', '0.0')
  const { header } = receiptFormat.decode(node.receipt)
  const { size, root } = header.history
  const network = networkId(node.genesis)
  await writeFile(file('line'), `${size} ${toHex(root)}\n`)
  await writeFile(file('note'), `${checkpointBody({ network, size, root })}\n— x eHh4eA==\n`)
  for (const pin of [file('line'), file('note'), older]) {
    const { exit, out } = await verify(node.receiptFile, '--pin', pin)
    t.equal(exit, 0, out.join('\n'))
    t.match(out.join('\n'), `pinned@${size}`)
  }

  const oneLess = { size: size - 1, root: Buffer.alloc(32, 7) }
  await writeFile(file('earlier'), `${oneLess.size} ${toHex(oneLess.root)}\n`)
  const unproven = await verify(node.receiptFile, '--pin', file('earlier'))
  t.match(unproven.out[0], /^INVALID .*renewed \(ERR_PIN_UNPROVEN\)$/)
  const against = await made(
    'pinned.receipt',
    'receipt',
    node.receiptFile,
    '--pin',
    file('earlier')
  )
  t.match((await verify(against, '--pin', file('earlier'))).out[0], /\(ERR_PIN\)$/)
  const unpinned = await verify(against)
  t.match(unpinned.out.join('\n'), 'genesis-only: the genesis, and that')

  const other = checkpointBody({ network: testNetwork({ name: 'other' }).id, size, root })
  await writeFile(file('other'), `${other}\n— x eHh4eA==\n`)
  for (const [pin, code] of [
    [file('other'), 'ERR_OTHER_NETWORK'],
    [node.genesisFile, 'ERR_FILE'],
    [file('absent'), 'ERR_FILE']
  ] as const) {
    const { exit, out, err } = await verify(node.receiptFile, '--pin', pin)
    t.equal(exit, 2)
    t.same(out, [])
    t.match(err[0], code)
  }
})

t.test('what came behind the pin is said to be newer than it', async t => {
  const { node, file, made, verify } = await ward(t)
  const receipt = await made('a.receipt', 'receipt', node.receiptFile, '--pin', '2')
  const { consistency } = receiptFormat.decode(await readFile(receipt))
  await writeFile(file('pin'), `2 ${toHex(consistency!.root)}\n`)
  const { exit, out } = await verify(receipt, '--pin', file('pin'))
  t.equal(exit, 0)
  t.match(out.join('\n'), 'genesis-only: newer than the pin of 2, which it agrees with')
  const lane = ['prove', 'lane', toHex(node.keys.device), '--to', '0.0', '--pin', '2']
  const older = await verify(await made('first.proof', ...lane), '--pin', file('pin'))
  t.match(older.out.join('\n'), 'pinned@2')
})

t.test('completeness and state are proved in words', async t => {
  const { node, made, verify } = await ward(t)
  const device = toHex(node.keys.device)
  const [whole, begin, end, state] = [
    await made('whole.proof', 'prove', 'lane', device),
    await made('begin.proof', 'prove', 'lane', device, '--to', '0.0'),
    await made('end.proof', 'prove', 'lane', device, '--from', '0.1'),
    await made('device.proof', 'prove', 'device', device)
  ]
  const all = (await verify(whole)).out.join('\n')
  t.match(all, 'exactly these 3 statements')
  t.match(all, 'the first that it ever sent')
  t.match(all, 'nothing up to block 4')
  const parts = await verify(begin, end)
  t.equal(parts.exit, 0)
  t.match(parts.out.join('\n'), 'not shown: the device may have sent more')
  t.match(parts.out.join('\n'), 'it goes on where the one before ends')
  t.notMatch((await verify(end, begin)).out.join('\n'), 'it goes on')
  const standing = (await verify(state)).out.join('\n')
  t.match(standing, 'registered in block 1; not revoked up to block 4')
  const absent = await made('absent.proof', 'prove', 'device', '00'.repeat(32))
  t.match((await verify(absent)).out.join('\n'), 'never registered')
  const key = Buffer.from(`members/ids/`).toString('hex')
  t.match((await verify(await made('s.proof', 'prove', 'state', key))).out.join('\n'), key)

  for (const proof of [whole, state]) {
    const bytes = await readFile(proof)
    for (let at = 0; at < bytes.length; at += 97) {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 << (at % 8)
      await writeFile(proof, flipped)
      const { exit, out } = await verify(proof)
      t.equal(exit, 1)
      t.match(out[0], /^INVALID .* \(ERR_[A-Z_]+\)$/)
    }
  }
})

t.test('the forms of checkpoints, from a running node through a hand-over', async t => {
  const service = await startService(t, 5, [rota, members, devices])
  const { node, api } = service.first
  const device = await service.device('a monitor')
  const early = await commit(service, await device.read())
  await node.call('rota.set', rotaArgs([0, 1, 2, 3]))
  const late = await commit(service, await device.read())
  const { size } = node.ledger.head.history
  await until('a quorum cosigned', () => (node.checkpoints.latest()?.size ?? 0) >= size)
  const dir = t.testdir({
    token: `${TOKEN}\n`,
    'genesis.cbor': Buffer.from(node.ledger.genesisBytes)
  })
  const file = (name: string): string => join(dir, name)
  const url = await api.listen({ port: 0 })
  const made = async (name: string, id: Uint8Array, ...argv: string[]): Promise<string> => {
    const from = ['--url', url, '--token-file', file('token'), '--out', file(name)]
    const { exit, err } = await run('receipt', toHex(id), ...argv, ...from)
    t.equal(exit, 0, err.join())
    return file(name)
  }
  const genesis = ['--genesis', file('genesis.cbor')]
  const proof = await made('a.tlog-proof', early, '--form', 'tlog-proof')
  const receipt = await made('late.receipt', late)
  const member = node.ledger.validators()[2]!.member
  const cose = await made('late.cose', late, '--form', 'cose', '--member', toHex(member))
  await writeFile(file('checkpoint'), await (await fetch(new URL('/checkpoint', url))).text())

  const found = ['--validators', receipt]
  const text = await run('verify', proof, file('checkpoint'), ...genesis, ...found)
  t.equal(text.exit, 0, text.out.join('\n'))
  t.match(text.out.join('\n'), `the device ${toHex(device.id)}`)
  t.match(text.out.join('\n'), /cosigned by +[34] of 4 hospitals: Hospital 1/)
  t.match(text.out.join('\n'), 'the hospitals that the hand-overs lead to at this size')
  const one = await run('verify', cose, ...genesis, ...found, '--transaction', receipt)
  t.match(one.out.join('\n'), 'one hospital, Hospital 3')
  const pinned = [proof, cose, '--pin', file('checkpoint'), '--transaction']
  const wrong = await run('verify', ...pinned, receipt, ...genesis, ...found, '--json')
  const [first, second] = wrong.out.map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(first, { valid: false, code: 'ERR_INCLUSION' }, 'of another transaction')
  t.match(second, { valid: true, kind: 'cose-receipt', trust: `pinned@${size}` })

  await t.test('what else is needed is asked for', async t => {
    const network = ['--network', toHex(node.network)]
    for (const argv of [
      [proof, ...network],
      [cose, ...genesis],
      [file('checkpoint'), ...network]
    ]) {
      const { exit, out, err } = await run('verify', ...argv)
      t.equal(exit, 2, argv.join(' '))
      t.same(out, [])
      t.match(err[0], 'ERR_USAGE')
    }
  })

  await t.test('a flipped byte is INVALID', async t => {
    for (const name of ['a.tlog-proof', 'late.cose', 'checkpoint']) {
      const bytes = await readFile(file(name))
      // A signature of nobody known is passed over, as signed notes demand: what counts stands in front.
      const length = name === 'late.cose' ? bytes.length : bytes.lastIndexOf('\n\n')
      for (let at = 0; at < length; at += 41) {
        const flipped = Buffer.from(bytes)
        flipped[at]! ^= 1
        await writeFile(file('flipped'), flipped)
        const argv = ['verify', file('flipped'), ...genesis, ...found, '--transaction']
        const { exit, out } = await run(...argv, name === 'late.cose' ? receipt : proof)
        t.equal(exit, 1, `${name} ${at}`)
        t.match(out[0], /^INVALID .* \(ERR_[A-Z_]+\)$/)
        t.notMatch(out[0], 'ERR_INTERNAL')
      }
    }
  })

  await t.test('what the node refuses is told by its code', async t => {
    const from = ['--url', url, '--token-file', file('token'), '--out', file('x')]
    for (const [code, ...argv] of [
      ['ERR_NOT_COMMITTED', 'receipt', '00'.repeat(32)],
      ['ERR_TREE_RANGE', 'receipt', toHex(late), '--pin', '1000000'],
      ['ERR_NO_CHECKPOINT', 'receipt', toHex(late), '--form', 'cose', '--member', '00'.repeat(32)],
      ['ERR_NOT_FOUND', 'prove', 'lane', toHex(device.id), '--lane', '1']
    ] as const) {
      const { exit, err } = await run(...argv, ...from)
      t.equal(exit, 1, argv.join(' '))
      t.match(err[0], code)
    }
  })
})

t.test('a directory is enough, whether its node runs or not', async t => {
  const dir = join(t.testdir({}), 'network')
  const { hospitals } = await foundHospitals(dir, 1, () => undefined)
  const [{ process, dataDir }] = hospitals as [(typeof hospitals)[number]]
  t.teardown(() => process.kill())
  const receipt = ['receipt', '00'.repeat(32), '--data-dir', dataDir, '--form', 'json']
  const state = ['prove', 'state', '00', '--data-dir', dataDir, '--out', join(dir, 'x')]
  await process.start()
  t.match((await run(...receipt)).err[0], 'nothing with this identity is on the ledger')
  t.match((await run(...state)).err[0], 'ERR_NOT_COMMITTED')
  await process.stop()
  t.match((await run(...receipt)).err[0], 'nothing with this identity is on the ledger')
  t.match((await run(...state)).err[0], 'ERR_NOT_COMMITTED')
})

t.test('what was called wrongly ends with 2 and says why', async t => {
  const { node } = await ward(t)
  const id = '00'.repeat(32)
  const dir = ['--data-dir', node.dataDir]
  for (const argv of [
    ['receipt'],
    ['receipt', id],
    ['receipt', id, '--url', 'http://127.0.0.1:1'],
    ['receipt', 'absent.receipt', ...dir],
    ['receipt', node.genesisFile, ...dir],
    ['receipt', node.receiptFile, ...dir],
    ['receipt', node.receiptFile, ...dir, '--form', 'cose', '--out', 'x'],
    ['receipt', node.receiptFile, ...dir, '--form', 'pdf'],
    ['receipt', node.receiptFile, '--data-dir', 'absent', '--out', 'x'],
    ['prove'],
    ['prove', 'device', 'x', ...dir],
    ['prove', 'state', 'xyz', ...dir],
    ['prove', 'lane', id, '--from', '1', ...dir],
    ['prove', 'lane', id, '--lane', '2', ...dir],
    ['verify', node.receiptFile, '--genesis', node.genesisFile, '--validators', node.genesisFile],
    ['verify', node.receiptFile, '--genesis', node.genesisFile, '--transaction', node.genesisFile]
  ]) {
    const { exit, out, err } = await run(...argv)
    t.equal(exit, 2, `${argv.join(' ')}: ${err.join()}`)
    t.same(out, [])
    t.ok(err.length > 0)
  }
})
