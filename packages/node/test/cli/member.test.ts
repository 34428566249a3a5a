import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { foundHospitals, type Hospital } from '../../src/dev/hospitals.ts'
import { createHospitalProcess, type HospitalProcess } from '../../src/dev/hospital-process.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { startPlainProcesses } from '../plain-processes.ts'
import { run, type Ran } from './run.ts'

startPlainProcesses()

/** Runs `vitalchain member …` for the node of a directory. */
function member(dataDir: string, ...argv: readonly string[]): Promise<Ran> {
  return run(
    'member',
    ...argv,
    '--data-dir',
    dataDir,
    ...(argv.includes('--timeout') ? [] : ['--timeout', '20'])
  )
}

async function json(dataDir: string, ...argv: readonly string[]): Promise<Record<string, unknown>> {
  const { exit, out, err } = await member(dataDir, ...argv, '--json')
  if (exit !== 0) throw new Error(err.join('\n'))
  return parse(out.at(-1) ?? '')
}

function parse(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  return Object.fromEntries(Object.entries(value ?? {}))
}

/** A network of processes and a directory for a newcomer, whose node does not run yet. */
async function network(t: Test): Promise<{
  hospitals: readonly Hospital[]
  newcomer: string
  node: HospitalProcess
}> {
  const dir = join(t.testdir({}), 'network')
  const { hospitals } = await foundHospitals(dir, 4, () => undefined)
  t.teardown(() => Promise.all(hospitals.map(({ process }) => process.kill())))
  await Promise.all(hospitals.map(({ process }) => process.start()))
  const [port, httpPort] = await freePorts(2)
  const newcomer = join(dir, 'newcomer')
  const init = await run(
    'join',
    '--no-passphrase',
    `--data-dir=${newcomer}`,
    `--genesis=${join(dir, 'genesis.cbor')}`,
    '--name=Hospital 5',
    `--listen=/ip4/127.0.0.1/tcp/${port}`,
    `--http-port=${httpPort}`,
    `--bootstrap=${hospitals[0]!.address}`
  )
  t.equal(init.exit, 0, init.err.join())
  const node = createHospitalProcess({ name: 'Hospital 5', dataDir: newcomer }, () => undefined)
  t.teardown(() => node.kill())
  return { hospitals, newcomer, node }
}

t.test('a hospital joins by vote and leaves again, by the commands alone', async t => {
  const { hospitals, newcomer, node } = await network(t)
  const [one, two, three, four] = hospitals.map(({ dataDir }) => dataDir)
  const description = join(newcomer, 'member.json')
  await node.start()

  const listed = await member(one!, 'list')
  t.match(
    listed.out[0],
    /^4 validators at height 0: 3 votes decide, 1 may be faulty\. .*: member\.$/
  )
  t.match(listed.out.join('\n'), 'No change is open.')
  t.match(await json(newcomer, 'list'), { membership: 'waiting', members: { length: 4 } })

  const preview = await member(one!, 'preview', '--add', description)
  t.equal(preview.exit, 0)
  t.match(preview.out.join('\n'), /votes that decide +3 +4\n +may be faulty +1 +1\n/)
  t.match(preview.out.join('\n'), /warning: 4 votes would decide instead of 3/)
  t.match(await json(one!, 'preview', '--add', description), {
    before: { validators: 4 },
    after: { validators: 5, quorum: 4 },
    away: [],
    refusals: []
  })

  const { change } = await json(one!, 'propose', '--add', description)
  const id = String(change)
  t.match(await member(one!, 'propose', '--add', description), {
    exit: 1,
    err: [/ERR_CHANGE_OPEN/]
  })
  t.match(await member(one!, 'approve', id), { exit: 1, err: [/ERR_ALREADY_APPROVED/] })
  t.match(await member(two!, 'withdraw', id), { exit: 1, err: [/ERR_NOT_APPROVED/] })
  t.match(
    await member(newcomer, 'ready', '--timeout', '1'),
    { exit: 1, err: [/ERR_NOT_APPROVED/] },
    'not approved'
  )
  t.match(
    await member(newcomer, 'propose', '--remove', 'Hospital 1'),
    { exit: 1, err: [/no member \(waiting\).*ERR_NOT_A_MEMBER/] },
    'not one of them'
  )
  const approved = await member(two!, 'approve', id.slice(0, 12))
  t.equal(approved.exit, 0, approved.err.join())
  t.match(
    approved.out.join('\n'),
    /add Hospital 5: 2 of 3 approvals \(Hospital 1, Hospital 2\)/,
    'it counts'
  )
  t.match((await member(three!, 'approve', id)).exit, 0)
  const open = await member(three!, 'list')
  t.match(open.out.join('\n'), /add Hospital 5: approved, waits until its node is ready/)
  t.match(
    await member(four!, 'ready', '--timeout', '1'),
    { exit: 1, err: [/ERR_NOT_APPROVED/] },
    'not its keys'
  )

  await node.kill()
  await node.start()
  const ready = await member(newcomer, 'ready')
  t.equal(ready.exit, 0, ready.err.join())
  t.match(
    await member(newcomer, 'ready'),
    { exit: 1, err: [/in force already.*ERR_NOT_APPROVED/] },
    'twice, and it does not wait'
  )
  const { members: after } = await json(newcomer, 'list')
  t.match(after, [{}, {}, {}, {}, { name: 'Hospital 5', self: true, evidence: 0, overrides: 0 }])
  t.equal((await member(newcomer, 'list')).out[0]?.includes('5 validators'), true)

  const [, id5 = ''] =
    /Hospital 5 +([0-9a-f]{12}) /.exec((await member(four!, 'list')).out.join('\n')) ?? []
  t.match(
    (await member(four!, 'preview', '--remove', id5)).exit,
    0,
    'by its identifier, as list has it'
  )
  const leave = await member(four!, 'preview', '--remove', 'Hospital 5')
  t.match(leave.out.join('\n'), /votes that decide +4 +3/)
  const removal = String((await json(newcomer, 'propose', '--remove', 'Hospital 5'))['change'])
  for (const dir of [one!, two!]) t.equal((await member(dir, 'approve', removal)).exit, 0)
  t.match(
    (await member(three!, 'approve', removal)).out.join('\n'),
    /remove Hospital 5: it is in force/
  )
  t.match(await json(three!, 'list'), { validators: 4, changes: [] })
  // What its key signed from now on would only serve to forge history. C-48
  let keys = parse(await readFile(join(newcomer, 'keys.json'), 'utf8'))
  for (const end = Date.now() + 20_000; 'consensus' in keys && Date.now() < end;) {
    await new Promise(resolve => setTimeout(resolve, 50))
    keys = parse(await readFile(join(newcomer, 'keys.json'), 'utf8'))
  }
  t.same(Object.keys(keys).toSorted(), ['checkpoint', 'operator', 'retiredConsensus', 'transport'])
  await node.stop()
  await node.start()
  t.match(await json(newcomer, 'list'), { membership: 'removed' }, 'it knows what it was')
  t.match(
    await member(three!, 'preview', '--remove', 'Hospital 4'),
    { exit: 0 },
    'it could be forced'
  )
  t.match(await member(three!, 'propose', '--remove', 'Hospital 4'), {
    exit: 1,
    err: [/ERR_TOO_FEW_MEMBERS/]
  })
})

t.test('what is called wrongly says so', async t => {
  const dir = t.testdir({ 'broken.json': '{"name":"X"}', full: { file: '' } })
  const { hospitals } = await foundHospitals(join(dir, 'network'), 2, () => undefined)
  const { dataDir } = hospitals[0]!
  t.match(await member(dataDir, 'list'), { exit: 1, err: [/ERR_UNREACHABLE/] }, 'it does not run')
  t.teardown(() => Promise.all(hospitals.map(({ process }) => process.kill())))
  await Promise.all(hospitals.map(({ process }) => process.start()))
  const genesis = join(dir, 'network', 'genesis.cbor')
  const init = [
    'join',
    '--no-passphrase',
    '--name',
    'X',
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--bootstrap',
    '/ip4/127.0.0.1/tcp/1'
  ] as const
  for (const [code, ...argv] of [
    ['ERR_UNKNOWN_MEMBER', 'member', 'preview', '--remove', 'Nobody', '--data-dir', dataDir],
    ['ERR_CHANGE_UNKNOWN', 'member', 'approve', '00ff00ff', '--data-dir', dataDir],
    ['ERR_USAGE', 'member', 'approve', '0', '--data-dir', dataDir],
    ['ERR_USAGE', 'member', 'approve', 'Hospital 5', '--data-dir', dataDir],
    ['ERR_USAGE', 'member', 'propose', '--data-dir', dataDir],
    ['ERR_USAGE', 'member', 'propose', '--remove', 'A', '--add', 'B', '--data-dir', dataDir],
    ['ERR_FILE', 'member', 'propose', '--add', join(dir, 'broken.json'), '--data-dir', dataDir],
    ['ERR_FILE', 'member', 'propose', '--add', join(dir, 'none.json'), '--data-dir', dataDir],
    ['ERR_DATA_DIR_NOT_EMPTY', ...init, '--genesis', genesis, '--data-dir', join(dir, 'full')],
    ['ERR_FILE', ...init, '--genesis', join(dir, 'broken.json'), '--data-dir', join(dir, 'new')],
    ['ERR_USAGE', ...init, '--genesis', genesis, '--data-dir', join(dir, 'new')],
    [
      'ERR_USAGE',
      ...init,
      '--name',
      'N'.repeat(65),
      '--genesis',
      genesis,
      '--data-dir',
      join(dir, 'new')
    ]
  ] as const) {
    const { exit, out, err } = await run(...argv)
    t.equal(exit, 2, argv.join(' '))
    t.same(out, [])
    t.match(err, [new RegExp(`^error: .*\\(${code}\\)$`)])
  }
  const address = await run(
    ...init,
    '--listen=127.0.0.1:4001',
    `--genesis=${genesis}`,
    `--data-dir=${join(dir, 'new')}`
  )
  t.equal(address.exit, 2)
  t.match(address.err[0], /--listen: listen: expected a list of multiaddrs such as/)
})

t.test('a description holds the public keys and no secret', async t => {
  const dir = t.testdir({})
  const { hospitals } = await foundHospitals(join(dir, 'network'), 1, () => undefined)
  const { dataDir, secrets } = hospitals[0]!
  const { exit, out } = await run(
    'member',
    'describe',
    '--data-dir',
    dataDir,
    '--name',
    'Hospital 1'
  )
  t.equal(exit, 0)
  const text = out.join('\n')
  for (const secret of [secrets.operator, secrets.consensus, secrets.checkpoint, secrets.transport])
    t.notOk(text.includes(toHex(secret)))
  t.match(JSON.parse(text), { name: 'Hospital 1', operatorKey: { algorithm: 'ed25519' } })

  // New keys for the same operator.
  const fresh = join(dir, 'fresh')
  const made = await run(
    'join',
    '--no-passphrase',
    `--data-dir=${fresh}`,
    `--genesis=${join(dir, 'network', 'genesis.cbor')}`,
    '--name=Hospital 1',
    '--listen=/ip4/127.0.0.1/tcp/0',
    `--bootstrap=${hospitals[0]!.address}`,
    `--operator-from=${dataDir}`
  )
  t.equal(made.exit, 0, made.err.join())
  const described = parse(await readFile(join(fresh, 'member.json'), 'utf8'))
  t.same(described['operatorKey'], parse(text)['operatorKey'])
  t.not(described['consensusKey'], parse(text)['consensusKey'])
  if (process.platform !== 'win32')
    t.equal((await stat(join(fresh, 'keys.json'))).mode & 0o777, 0o600)
})
