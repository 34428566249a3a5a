import { chmod, link, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ed25519PublicKey, generateSecretKey, toHex } from '@vitalchain/core'
import t from 'tap'
import { destroyConsensusKey, readKeysFile, wipeOldKeys } from '../../src/keys/keys-file.ts'

const SECRET = generateSecretKey('ed25519')
const PUBLIC = ed25519PublicKey(SECRET)
const OTHERS = { transport: '11'.repeat(32), checkpoint: '22'.repeat(32) }

async function directory(dir: string): Promise<string> {
  const file = join(dir, 'keys.json')
  await writeFile(file, JSON.stringify({ ...OTHERS, consensus: toHex(SECRET) }), { mode: 0o600 })
  return file
}

t.test(
  'a consensus key is gone from the file and from the old file, and the rest stays',
  async t => {
    const dir = t.testdir({ 'keys.json.new': 'what a killed process left' })
    const file = await directory(dir)
    const old = join(dir, 'old')
    await link(file, old)
    await destroyConsensusKey(dir, PUBLIC)
    t.same(JSON.parse(await readFile(file, 'utf8')), { ...OTHERS, retiredConsensus: toHex(PUBLIC) })
    if (process.platform !== 'win32') {
      t.equal((await stat(file)).mode & 0o777, 0o600)
      t.ok((await readFile(old)).every(byte => byte === 0))
    }
    await t.rejects(stat(`${file}.new`), { code: 'ENOENT' })
    await destroyConsensusKey(dir, PUBLIC)
    t.equal((await readKeysFile(dir)).optional('consensus'), undefined, 'again does nothing')
  }
)

t.test('what was killed before the old file was overwritten is done at the next start', async t => {
  const dir = t.testdir({})
  const file = await directory(dir)
  const [old, other] = [join(dir, 'keys.json.destroying'), join(dir, 'other')]
  await link(file, old)
  await wipeOldKeys(dir)
  t.equal((await readKeysFile(dir)).field('consensus').text(), toHex(SECRET), 'not replaced yet')
  await t.rejects(stat(old), { code: 'ENOENT' })

  await link(file, old)
  await link(file, other)
  await writeFile(`${file}.new`, JSON.stringify(OTHERS), { mode: 0o600 })
  await rename(`${file}.new`, file)
  await wipeOldKeys(dir)
  t.ok((await readFile(other)).every(byte => byte === 0))
  await t.rejects(stat(old), { code: 'ENOENT' })
  t.same(JSON.parse(await readFile(file, 'utf8')), OTHERS)
})

t.test('another key is left alone, and a file that others may read is refused', async t => {
  const dir = t.testdir({})
  const file = await directory(dir)
  const before = await readFile(file, 'utf8')
  await destroyConsensusKey(dir, ed25519PublicKey(generateSecretKey('ed25519')))
  t.equal(await readFile(file, 'utf8'), before)
  if (process.platform === 'win32') return
  await chmod(file, 0o644)
  await t.rejects(destroyConsensusKey(dir, PUBLIC), { code: 'ERR_KEYS_READABLE' })
})
