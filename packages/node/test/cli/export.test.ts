import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256, streamKeys, toHex, utf8, wrapStreamKeys, x25519PublicKey } from '@vitalchain/core'
import t from 'tap'
import { writeDevKeys } from '../../src/dev/keys-file.ts'
import { run } from './run.ts'
import { heartRates, stoppedNode } from './stopped-node.ts'

t.test('a stopped node gives back every reading with its time and flag', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70.5, 0), heartRates(72)])
  const { exit, out, err } = await run(
    'export',
    '--data-dir',
    node.dataDir,
    '--keys',
    node.keysFile
  )
  t.equal(exit, 0)
  t.same(err, [
    'the times of 8867-4 of monitor-1 jump from 2026-01-01T00:01:00.000Z to 2026-01-01T00:00:00.000Z'
  ])
  t.same(out, [
    'time,device,code,unit,value,flag',
    '2026-01-01T00:00:00.000Z,monitor-1,8867-4,/min,70.5,',
    '2026-01-01T00:01:00.000Z,monitor-1,8867-4,/min,0,sensor-off',
    '2026-01-01T00:00:00.000Z,monitor-1,8867-4,/min,72,'
  ])
})

t.test('dates that jump by fourteen months come back as they were given, and are told', async t => {
  const later = heartRates(70, 71).map(each => ({ ...each, time: each.time + 36e9 }))
  const node = await stoppedNode(t.testdir(), [
    heartRates(68, 69),
    [...heartRates(70, 71, 72).slice(2), ...later]
  ])
  const { exit, out, err } = await run(
    'export',
    '--data-dir',
    node.dataDir,
    '--keys',
    node.keysFile
  )
  t.equal(exit, 0)
  t.equal(out[4], '2027-02-21T16:00:00.000Z,monitor-1,8867-4,/min,70,')
  t.same(err, [
    'the times of 8867-4 of monitor-1 jump from 2026-01-01T00:02:00.000Z to 2027-02-21T16:00:00.000Z'
  ])
})

t.test('a file of readings is readable by its owner alone', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const file = join(node.dataDir, 'out.csv')
  const argv = ['export', '--data-dir', node.dataDir, '--keys', node.keysFile, '--out', file]
  t.equal((await run(...argv)).exit, 0)
  t.equal((await readFile(file, 'utf8')).split('\n').length, 3)
  if (process.platform !== 'win32') t.equal((await stat(file)).mode & 0o777, 0o600)
})

t.test('in the form of the file that was replayed, the difference to it is nothing', async t => {
  const dir = t.testdir()
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70.5, 0, 71)])
  const like =
    'time,HR_bpm,SpO2_%\r\n' +
    [0, 1, 2, 3]
      .map(minute => `2026-01-01T00:0${minute}:00Z,${['70.5', '0.0', '71.0', ''][minute]},\r\n`)
      .join('')
  const [file, out] = [join(dir, 'like.csv'), join(dir, 'out.csv')]
  await writeFile(file, like)
  const argv = ['export', '--data-dir', node.dataDir, '--keys', node.keysFile, '--like', file]
  const { exit, err } = await run(...argv, '--out', out)
  t.equal(exit, 0, err.join())
  t.equal(await readFile(out, 'utf8'), like)

  // What stands in the file and not on the ledger is not made up.
  await writeFile(file, like.replace(':03:00Z,,', ':03:00Z,99.0,').replace('71.0', ''))
  await run(...argv, '--out', out)
  t.equal(await readFile(out, 'utf8'), like)
})

t.test('a payload that is not there is reported, not skipped', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70), heartRates(71)], { payloads: 1 })
  const { exit, out, err } = await run(
    'export',
    '--data-dir',
    node.dataDir,
    '--keys',
    node.keysFile
  )
  t.equal(exit, 1)
  t.equal(out.length, 2, 'the other is written')
  t.match(err[0], /readings of 1 statements are missing \(ERR_PAYLOAD_MISSING\)/)
})

t.test('a missing and a wrong key are reported', async t => {
  const node = await stoppedNode(t.testdir(), [heartRates(70)])
  const file = join(node.dataDir, 'others.json')
  for (const [devices, code] of [
    [[], 'ERR_KEY_MISSING'],
    [[{ ...node.keys, secret: sha256(utf8('another')) }], 'ERR_PAYLOAD_KEY']
  ] as const) {
    await writeDevKeys(`${file}.${code}`, { startTime: undefined, devices })
    const argv = ['export', '--data-dir', node.dataDir, '--keys', `${file}.${code}`]
    const { exit, err } = await run(...argv)
    t.equal(exit, 1)
    t.match(err[0], code)
    if (code === 'ERR_KEY_MISSING') t.equal(err[0], `error: no key for 1 statements (${code})`)
  }
})

t.test('a byte order mark comes back with the file that had one', async t => {
  const dir = t.testdir()
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70.5)])
  const like = '\uFEFFtime,HR_bpm\n2026-01-01T00:00:00Z,70.5\n'
  const [file, out] = [join(dir, 'like.csv'), join(dir, 'out.csv')]
  await writeFile(file, like)
  const argv = ['export', '--data-dir', node.dataDir, '--keys', node.keysFile, '--like', file]
  t.equal((await run(...argv, '--out', out)).exit, 0)
  t.equal(await readFile(out, 'utf8'), like)
})

t.test('a place that cannot be written to is named, with 2', async t => {
  const node = await stoppedNode(t.testdir({ file: '' }), [heartRates(70)])
  const argv = ['export', '--data-dir', node.dataDir, '--keys', node.keysFile, '--out']
  for (const out of [join(node.dataDir, 'none', 'out.csv'), node.dataDir]) {
    const { exit, err } = await run(...argv, out)
    t.equal(exit, 2)
    t.equal(err.length, 1)
    t.ok(err[0]?.includes(out) && err[0].endsWith('(ERR_FILE)'), err.join())
  }
})

t.test('a directory without a ledger is not made one', async t => {
  const dir = t.testdir({ 'genesis.cbor': '' })
  const node = await stoppedNode(join(dir, 'node'), [])
  const { exit, err } = await run('export', '--data-dir', dir, '--keys', node.keysFile)
  t.equal(exit, 2)
  t.match(err[0], 'ERR_FILE')
  t.equal(await stat(join(dir, 'ledger')).catch(() => undefined), undefined)
})

t.test('a key file that is wrong says where, and not what stands there', async t => {
  const dir = t.testdir({
    'a.json': '{"devices": [{"name": "m", "device": "5ec2e7"}]}',
    'b.json': '{"devices": 5ec2e7'
  })
  for (const [file, where] of [
    ['a.json', 'device: expected 32 bytes'],
    ['b.json', 'expected JSON']
  ] as const) {
    const { exit, err } = await run('export', '--data-dir', dir, '--keys', join(dir, file))
    t.equal(exit, 2)
    t.match(err[0], where)
    t.notMatch(err[0], '5ec2e7')
  }
})

t.test('samples of a signal come back as readings, what was not measured flagged', async t => {
  const node = await stoppedNode(t.testdir(), [
    {
      start: Date.UTC(2026, 0, 1),
      first: 0,
      rate: { numerator: 500, denominator: 1 },
      signals: [
        {
          name: 'MDC_ECG_LEAD_II',
          unit: 'mV',
          scale: { numerator: 1, denominator: 200 },
          zero: 1_024,
          missing: -2_048,
          samples: Int32Array.of(1_025, -2_048)
        }
      ]
    }
  ])
  const { exit, out, err } = await run(
    'export',
    '--data-dir',
    node.dataDir,
    '--keys',
    node.keysFile
  )
  t.equal(exit, 0, err.join())
  t.same(out.slice(1), [
    '2026-01-01T00:00:00.000Z,monitor-1,MDC_ECG_LEAD_II,mV,0.005,',
    '2026-01-01T00:00:00.002Z,monitor-1,MDC_ECG_LEAD_II,mV,-15.36,sensor-off'
  ])
})

t.test('a custodian opens what was wrapped for its key, and nothing else', async t => {
  const dir = t.testdir()
  const node = await stoppedNode(join(dir, 'node'), [heartRates(70.5)])
  const secretKey = sha256(utf8('custodian'))
  const { stream, generation, secret, device } = node.keys
  const of = { network: sha256(utf8('network')), stream, generation }
  const [keyFile, whole, later] = ['custodian.key', 'whole.keys', 'later.keys'].map(name =>
    join(dir, name)
  ) as [string, string, string]
  const wrap = (keys: Parameters<typeof wrapStreamKeys>[0]): Uint8Array =>
    wrapStreamKeys(keys, x25519PublicKey(secretKey), sha256(utf8('ephemeral')))
  await writeFile(keyFile, `${toHex(secretKey)}\n`)
  await writeFile(whole, wrap(streamKeys(of, secret)))
  // The batch is of epoch 5.
  await writeFile(later, wrap(streamKeys(of, secret, { from: 6, to: 90 })))
  const argv = ['export', '--data-dir', node.dataDir, '--custodian', keyFile, '--wrapped']

  const opened = await run(...argv, later, whole)
  t.equal(opened.exit, 0, opened.err.join())
  t.same(opened.out.slice(1), [`2026-01-01T00:00:00.000Z,${toHex(device)},8867-4,/min,70.5,`])

  const closed = await run(...argv, later)
  t.equal(closed.exit, 1)
  t.match(closed.err.join(), /no key for 1 statements/)

  await writeFile(keyFile, toHex(sha256(utf8('another'))))
  const other = await run(...argv, whole)
  t.not(other.exit, 0)
  t.match(other.err.join(), /ERR_HPKE/)
  t.match((await run(...argv.slice(0, -1))).err.join(), /--custodian needs --wrapped/)
})
