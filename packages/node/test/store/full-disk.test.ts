import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { utf8 } from '@vitalchain/core'
import { openStore } from '../../src/store/store.ts'

/** Of util-linux. */
const PRLIMIT = 'prlimit'

const child = join(import.meta.dirname, 'full-disk-child.ts')
const cannot = process.platform !== 'linux' || spawnSync(PRLIMIT, ['--version']).status !== 0

t.test(
  'after a write that a full disk cut short nothing is acknowledged that a restart would lose',
  { skip: cannot && 'prlimit(1) of Linux sets the limit' },
  async t => {
    const location = join(t.testdir(), 'db')
    const { stdout } = spawnSync(
      process.execPath,
      ['--conditions=@vitalchain/source', child, location],
      { encoding: 'utf8' }
    )
    t.same(JSON.parse(stdout), { codes: ['ok', 'ERR_STORE', 'ERR_STORE'], failures: 1 })
    const store = await openStore(location)
    t.teardown(() => store.close())
    t.same(store.get('state', utf8('before')), new Uint8Array(1_000))
    t.equal(store.get('state', utf8('too large')), undefined)
    await store.write([{ table: 'state', key: utf8('after'), value: utf8('again') }])
    t.same(store.get('state', utf8('after')), utf8('again'))
  }
)
