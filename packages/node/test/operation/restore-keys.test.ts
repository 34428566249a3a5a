import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateSecretKey, toHex } from '@vitalchain/core'
import t from 'tap'
import { fingerprintOf } from '../../src/genesis/network-file.ts'
import { writeKeysFile } from '../../src/keys/keys-file.ts'
import { newSealKey } from '../../src/keys/sealed-text.ts'
import { auditedNode } from '../audit/audited-node.ts'
import { run } from '../cli/run.ts'

t.test('keys that are there already stop a restore before it begins, and stay', async t => {
  const root = t.testdir({})
  const { dataDir, network } = await auditedNode(join(root, 'node'))
  const file = join(root, 'a.backup')
  t.equal((await run('backup', '--data-dir', dataDir, '--out', file)).exit, 0)
  const saved = join(root, 'saved')
  await mkdir(saved)
  const cost = { N: 2 ** 10, r: 8, p: 1 }
  const keys = { transport: generateSecretKey('ed25519') }
  await writeKeysFile(saved, keys, await newSealKey('correct horse battery', cost))

  const again = join(root, 'again')
  await mkdir(again)
  await writeFile(join(again, 'keys.json'), '{"transport":"of another node"}', { mode: 0o600 })
  const restore = ['restore', '--from', file, '--data-dir', again] as const
  const withKeys = [...restore, '--keys', join(saved, 'keys.json')] as const
  t.match(await run(...withKeys), { exit: 2, err: [/keys.json.*ERR_DATA_DIR_NOT_EMPTY/] })
  t.same(await readdir(again), ['keys.json'], 'nothing was restored')
  t.match(await readFile(join(again, 'keys.json'), 'utf8'), 'of another node')
  // Without them it goes on with those that are there.
  t.match(await run(...restore), {
    exit: 0,
    // The genesis came from the backup, which anybody could have made.
    out: [
      /blocks 1 to 5/,
      /needs node.json/,
      new RegExp(`of the network ${fingerprintOf(toHex(network.id))}`)
    ]
  })
})

t.test('a restore that was cut off after its keys were there is run again', async t => {
  const root = t.testdir({})
  const { dataDir } = await auditedNode(join(root, 'node'))
  const file = join(root, 'a.backup')
  t.equal((await run('backup', '--data-dir', dataDir, '--out', file)).exit, 0)
  const saved = join(root, 'saved')
  await mkdir(saved)
  const cost = { N: 2 ** 10, r: 8, p: 1 }
  const keys = { transport: generateSecretKey('ed25519') }
  await writeKeysFile(saved, keys, await newSealKey('correct horse battery', cost))
  const again = join(root, 'again')
  const restore = ['--from', file, '--data-dir', again, '--keys', join(saved, 'keys.json')] as const
  t.equal((await run('restore', ...restore)).exit, 0)
  // As a cut between the last two steps leaves it.
  await rename(join(again, 'ledger'), join(again, 'ledger.restoring'))
  t.equal((await run('restore', ...restore)).exit, 0)
  t.same((await readdir(again)).toSorted(), [
    'genesis.cbor',
    'keys.json',
    'ledger',
    'restored.json'
  ])
})
