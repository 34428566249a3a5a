import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { networkId, toHex } from '@vitalchain/core'
import t from 'tap'
import { testNetwork } from '../ledger/fixture.ts'
import { run } from './run.ts'
import { heartRates, stoppedNode } from './stopped-node.ts'

t.test('a receipt is VALID, and what it proves is said in words', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70, 71)])
  const { exit, out, err } = await run('verify', node.receiptFile, '--genesis', node.genesisFile)
  t.equal(exit, 0)
  t.same(err, [])
  t.equal(out[0], `VALID ${node.receiptFile}`)
  const text = out.join('\n')
  t.match(text, `the device ${toHex(node.keys.device)}`)
  t.match(text, '2 readings, sealed in')
  t.match(text, 'boot 0, number 0 of its readings lane')
  t.match(text, 'in block 2 or before')
  t.match(text, 'to within 10 ms')
  t.match(text, '3 of 4 hospitals')
  t.match(text, 'genesis-only')
})

t.test('the network id alone is enough to trust, and JSON says the same', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const id = toHex(networkId(node.genesis))
  const { exit, out } = await run('verify', node.receiptFile, '--network', id, '--json')
  t.equal(exit, 0)
  t.match(JSON.parse(out[0] ?? ''), {
    valid: true,
    network: id,
    height: 2,
    transaction: { type: 'readings', device: toHex(node.keys.device), seq: 0, count: 1 },
    trust: 'genesis-only'
  })
})

t.test('with any one byte of the receipt flipped it is INVALID', async t => {
  const dir = t.testdir({ flipped: {} })
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70)])
  const { length } = node.receipt
  await Promise.all(
    Array.from({ length }, (_, at) => {
      const flipped = Uint8Array.from(node.receipt)
      flipped[at]! ^= 1 << (at % 8)
      return writeFile(join(dir, 'flipped', `${at}.receipt`), flipped)
    })
  )
  const { exit, out } = await run('verify', join(dir, 'flipped'), '--genesis', node.genesisFile)
  t.equal(exit, 1)
  t.equal(out.length, length)
  t.same(
    out.filter(line => !/^INVALID .* \(ERR_[A-Z_]+\)$/.test(line)),
    []
  )
  t.notMatch(out.join('\n'), 'ERR_INTERNAL')
})

t.test('a receipt of another network is INVALID', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const other = toHex(testNetwork({ name: 'another' }).id)
  const { exit, out } = await run('verify', node.receiptFile, '--network', other, '--json')
  t.equal(exit, 1)
  t.match(JSON.parse(out[0] ?? ''), { valid: false, code: 'ERR_OTHER_NETWORK' })
})

t.test('what cannot be read is no verdict', async t => {
  const dir = t.testdir({ empty: {}, 'text.cbor': 'no genesis' })
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70)])
  const absent = join(dir, 'absent')
  const both = await run(
    'verify',
    absent,
    node.receiptFile,
    '--genesis',
    node.genesisFile,
    '--quiet'
  )
  t.equal(both.exit, 2)
  t.same(both.out, [`VALID ${node.receiptFile}`], 'the others are still verified')
  t.match(both.err[0], /absent cannot be read: there is no such place \(ERR_FILE\)/)
  for (const argv of [
    [node.receiptFile, '--genesis', absent],
    [node.receiptFile, '--genesis', join(dir, 'text.cbor')],
    [node.receiptFile, '--network', 'ab'],
    [node.receiptFile],
    [join(dir, 'empty'), '--genesis', node.genesisFile],
    ['--genesis', node.genesisFile],
    [node.receiptFile, '--genesis', node.genesisFile, '--network', toHex(node.keys.device)]
  ]) {
    const { exit, out, err } = await run('verify', ...argv)
    t.equal(exit, 2, argv.join(' '))
    t.same(out, [])
    t.ok(err.length > 0)
  }
})

t.test('the name of a file cannot pass for a verdict', async t => {
  if (process.platform === 'win32') return
  const dir = t.testdir({})
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70)])
  const name = join(dir, 'a\nVALID b.receipt')
  await writeFile(name, 'no receipt')
  const { exit, out } = await run('verify', name, '--genesis', node.genesisFile, '--quiet')
  t.equal(exit, 1)
  t.equal(out.length, 1)
  t.match(out[0], /^INVALID .*a\\u\{a\}VALID b\.receipt: /)
})

t.test('a text that is none is INVALID, a file without an end is refused', async t => {
  const dir = t.testdir({ checkpoint: Buffer.from('vitalchain/\xff\n1\n', 'latin1') })
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70)])
  t.match(await run('verify', join(dir, 'checkpoint'), '--genesis', node.genesisFile), {
    exit: 1,
    out: [/ERR_SCHEMA/]
  })
  if (process.platform !== 'linux') return
  for (const argv of [
    ['/dev/zero', '--genesis', node.genesisFile],
    [node.receiptFile, '--genesis', '/dev/zero']
  ])
    t.match(await run('verify', ...argv), { exit: 2, out: [], err: [/more than .*ERR_FILE/] })
})
