import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { genesisFormat, networkId, toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { run } from '../cli/run.ts'

/** Makes the directories of hospitals, as each would on its own machine. */
async function hospitals(t: Test, names: readonly string[]): Promise<readonly string[]> {
  const dir = t.testdir({ passphrase: 'correct horse battery\n' })
  const dirs: string[] = []
  for (const [k, name] of names.entries()) {
    const dataDir = join(dir, `h${k + 1}`)
    const { exit, err } = await run(
      'init',
      '--data-dir',
      dataDir,
      '--name',
      name,
      '--listen',
      `/ip4/127.0.0.1/tcp/${4_000 + k}`,
      '--no-passphrase'
    )
    t.equal(exit, 0, err.join())
    dirs.push(dataDir)
  }
  return dirs
}

function create(
  dirs: readonly string[],
  out: string,
  ...flags: readonly string[]
): ReturnType<typeof run> {
  const parts = dirs.map(each => join(each, 'member.json'))
  return run('genesis', 'create', ...parts, '--name', 'Ward network', '--out', out, ...flags)
}

const FOUR = ['Hospital 1', 'Hospital 2', 'Hospital 3', 'Hospital 4']

t.test('four hospitals make one genesis of their parts, and each finds itself in it', async t => {
  const dirs = await hospitals(t, FOUR)
  const file = join(dirs[0]!, '..', 'network.json')
  const created = await create(dirs, file)
  t.equal(created.exit, 0, created.err.join())
  const fingerprint = /fingerprint  ([0-9a-f ]+)$/m.exec(created.out.join('\n'))?.[1] ?? ''
  for (const dataDir of dirs) {
    const { exit, out, err } = await run(
      'genesis',
      'accept',
      file,
      '--data-dir',
      dataDir,
      '--network',
      fingerprint
    )
    t.equal(exit, 0, err.join())
    t.match(out.join('\n'), `fingerprint  ${fingerprint}`)
  }
  const documents = await Promise.all(dirs.map(each => readFile(join(each, 'genesis.cbor'))))
  for (const each of documents) t.same(each, documents[0])
  const id = toHex(networkId(documents[0]!))
  t.ok(id.startsWith(fingerprint.replaceAll(' ', '')))
  t.same(
    genesisFormat.decode(documents[0]!).members.map(({ name }) => name),
    FOUR
  )
  const config = JSON.parse(await readFile(join(dirs[1]!, 'node.json'), 'utf8')) as {
    bootstrap: string[]
  }
  t.same(
    config.bootstrap.map(each => each.split('/')[4]),
    ['4000', '4002', '4003'],
    'it knows the others, and not itself'
  )
  t.match(
    await run('genesis', 'accept', file, '--data-dir', dirs[0]!, '--network', '00'.repeat(32)),
    { exit: 2, err: [/ERR_OTHER_NETWORK/] }
  )
  const join1 = ['join', '--data-dir', dirs[0]!, '--genesis', file] as const
  for (const ignored of [
    ['--name', 'Another'],
    ['--http-port', '7711']
  ])
    t.match(await run(...join1, ...ignored), { exit: 2, err: [/has its keys, name and settings/] })
  t.match(await run(...join1), { exit: 0 })
  const shown = await run('genesis', 'show', file, '--json')
  t.match(JSON.parse(shown.out[0] ?? ''), { network: id, fingerprint, members: { length: 4 } })
})

t.test('a part that was changed, and a network without the own part, are refused', async t => {
  const dirs = await hospitals(t, [...FOUR, 'Hospital 5'])
  const four = dirs.slice(0, 4)
  const file = join(dirs[0]!, '..', 'network.json')
  const member = join(dirs[3]!, 'member.json')
  const text = await readFile(member, 'utf8')
  for (const changed of [
    text.replace('Hospital 4', 'Hospital X'),
    text.replace('tcp/4003', 'tcp/4004'),
    text.replace(/("operator": ")[0-9a-f]{128}/, `$1${'00'.repeat(64)}`)
  ]) {
    t.not(changed, text)
    await writeFile(member, changed)
    t.match(await create(four, file), {
      exit: 2,
      err: [/not signed by its .* \(ERR_MEMBER_PART\)$/]
    })
  }
  await writeFile(member, text)
  t.equal((await create(four, file)).exit, 0)
  t.match(await run('genesis', 'accept', file, '--data-dir', dirs[4]!), {
    exit: 2,
    err: [/Hospital 5 is not in .* \(ERR_MEMBER_PART\)$/]
  })
  // Whoever joined the parts cannot put another hospital in the place of one.
  const other = join(dirs[0]!, '..', 'other.json')
  t.equal((await create([...dirs.slice(0, 3), dirs[4]!], other)).exit, 0)
  const [ours, theirs] = await Promise.all(
    [file, other].map(
      async each => JSON.parse(await readFile(each, 'utf8')) as { genesis: string; network: string }
    )
  )
  const { genesis, network } = theirs!
  await writeFile(file, JSON.stringify({ ...ours, genesis }))
  t.match(await run('genesis', 'show', file), { exit: 2, err: [/damaged.*ERR_FILE/] })
  await writeFile(file, JSON.stringify({ ...ours, genesis, network }))
  t.match(await run('genesis', 'accept', file, '--data-dir', dirs[0]!), {
    exit: 2,
    err: [/not those who signed the parts \(ERR_MEMBER_PART\)$/]
  })
})

t.test('what could not work is refused: too few, one name or one hospital twice', async t => {
  const dirs = await hospitals(t, ['Hospital 1', 'Hospital 2', 'Hospital 3', 'hospital  2'])
  const file = join(dirs[0]!, '..', 'network.json')
  t.match(await create(dirs, file), { exit: 2, err: [/two members have the name.*ERR_GENESIS/] })
  t.match(await create(dirs.slice(0, 3), file), { exit: 2, err: [/4 are needed.*ERR_GENESIS/] })
  t.match(await create([dirs[0]!, dirs[1]!, dirs[2]!, dirs[0]!], file), { exit: 2 })
  t.match(await create(dirs.slice(0, 1), file, '--unsafe-small-network'), { exit: 0 })
})

t.test('init asks for a passphrase, and a directory is not made twice', async t => {
  const dir = t.testdir({
    empty: '\n',
    short: 'short\n',
    passphrase: 'correct horse battery\n'
  })
  const dataDir = join(dir, 'h')
  const init = ['init', '--data-dir', dataDir, '--name', 'Hospital 1'] as const
  t.match(await run(...init), { exit: 2, err: [/nobody is there.*ERR_PASSPHRASE/] })
  t.match(await run(...init, '--passphrase-file', join(dir, 'short')), {
    exit: 2,
    err: [/8 characters or more/]
  })
  t.match(await run(...init, '--passphrase-file', join(dir, 'empty')), {
    exit: 2,
    err: [/no passphrase in .*empty.*ERR_PASSPHRASE/]
  })
  t.equal((await run(...init, '--passphrase-file', join(dir, 'passphrase'))).exit, 0)
  t.match(await readFile(join(dataDir, 'keys.json'), 'utf8'), 'vitalchain-keys/1')
  t.match(await run(...init, '--no-passphrase'), { exit: 2, err: [/ERR_DATA_DIR_NOT_EMPTY/] })
  const change = ['keys', 'passphrase', '--data-dir', dataDir] as const
  const [named, other] = [join(dir, 'passphrase'), join(dir, 'other')]
  await writeFile(other, 'another passphrase\n')
  const noted = await run(...change, '--new-passphrase-file', other)
  t.match(noted.out.join('\n'), `reads the passphrase from ${named}`, 'or it would not start')
  t.match(await run(...change, '--passphrase-file', other, '--new-passphrase-file', named), {
    exit: 0,
    out: { length: 1 }
  })
  const changed = await run('keys', 'passphrase', '--data-dir', dataDir, '--no-passphrase')
  t.match(changed, { exit: 0, out: [/NOT encrypted/] })
  t.match(JSON.parse(await readFile(join(dataDir, 'keys.json'), 'utf8')), { transport: String })
})
