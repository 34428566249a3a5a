import { chown, link, lstat, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ed25519PublicKey, generateSecretKey, toHex } from '@vitalchain/core'
import t from 'tap'
import type { CliIo } from '../../src/cli/io.ts'
import { foundHospitals } from '../../src/dev/hospitals.ts'
import {
  destroyConsensusKey,
  readKeysFile,
  readSecrets,
  resealKeysFile,
  wipeOldKeys,
  writeKeysFile
} from '../../src/keys/keys-file.ts'
import { newSealKey } from '../../src/keys/sealed-text.ts'
import { createUnlock } from '../../src/keys/unlock.ts'
import { run, runWith } from '../cli/run.ts'

const KEYS = {
  transport: generateSecretKey('ed25519'),
  consensus: generateSecretKey('ed25519'),
  checkpoint: generateSecretKey('ed25519'),
  operator: generateSecretKey('ed25519')
}
const PASSPHRASE = 'correct horse battery'
/** Guesses may be cheap in a test. */
const CHEAP = { N: 2 ** 10, r: 8, p: 1 }
const unlock = createUnlock(async () => PASSPHRASE)
const wrong = createUnlock(async () => 'correct horse batterx')

t.test('encrypted keys come back with the passphrase, and with no other', async t => {
  const dir = t.testdir({})
  await writeKeysFile(dir, KEYS, await newSealKey(PASSPHRASE))
  t.same(await readSecrets(dir, unlock), { ...KEYS, retiredConsensus: undefined })
  await t.rejects(readSecrets(dir, wrong), { code: 'ERR_PASSPHRASE' })
  await t.rejects(readSecrets(dir), { code: 'ERR_PASSPHRASE' }, 'nobody to ask')
  const file = join(dir, 'keys.json')
  const text = await readFile(file, 'utf8')
  for (const key of Object.values(KEYS)) t.notMatch(text, toHex(key))
  if (process.platform !== 'win32') t.equal((await stat(file)).mode & 0o777, 0o600)
})

t.test('no byte of the file can be changed unseen', async t => {
  const dir = t.testdir({})
  await writeKeysFile(dir, KEYS, await newSealKey(PASSPHRASE, CHEAP))
  const file = join(dir, 'keys.json')
  const text = await readFile(file, 'utf8')
  for (const [from, to] of [
    [/"sealed": "(.)/, (digit: string) => `"sealed": "${digit === '0' ? '1' : '0'}`],
    [/"nonce": "(.)/, (digit: string) => `"nonce": "${digit === '0' ? '1' : '0'}`],
    [/"salt": "(.)/, (digit: string) => `"salt": "${digit === '0' ? '1' : '0'}`],
    [/"p": (1)/, () => '"p": 2']
  ] as const) {
    await writeFile(
      file,
      text.replace(from, (_, digit: string) => to(digit))
    )
    await t.rejects(
      readSecrets(
        dir,
        createUnlock(async () => PASSPHRASE)
      ),
      { code: 'ERR_PASSPHRASE' }
    )
  }
  for (const [from, to] of [
    ['keys/1', 'keys/2'],
    ['aes-256-gcm', 'none'],
    ['"N": 1024', '"N": 1073741824']
  ] as const) {
    await writeFile(file, text.replace(from, to))
    await t.rejects(readSecrets(dir, unlock), { code: 'ERR_FILE' }, to)
  }
})

t.test('a consensus key is destroyed in the encrypted form without asking again', async t => {
  const dir = t.testdir({})
  await writeKeysFile(dir, KEYS, await newSealKey(PASSPHRASE, CHEAP))
  let asked = 0
  const once = createUnlock(async () => {
    asked++
    return PASSPHRASE
  })
  await readSecrets(dir, once)
  const old = join(dir, 'old')
  await link(join(dir, 'keys.json'), old)
  await destroyConsensusKey(dir, ed25519PublicKey(KEYS.consensus), once)
  const now = await readKeysFile(dir, once)
  t.equal(now.optional('consensus'), undefined)
  t.equal(now.field('retiredConsensus').text(), toHex(ed25519PublicKey(KEYS.consensus)))
  t.same(now.field('operator').hex(32), KEYS.operator)
  t.equal(asked, 1)
  if (process.platform !== 'win32')
    t.ok(
      (await readFile(old)).every(byte => byte === 0),
      'the old file is overwritten'
    )
})

t.test('keys are encrypted, encrypted anew and decrypted in place', async t => {
  const dir = t.testdir({})
  await writeKeysFile(dir, KEYS, undefined)
  t.same((await readSecrets(dir)).consensus, KEYS.consensus, 'the plain form is read')
  const plain = join(dir, 'plain')
  await link(join(dir, 'keys.json'), plain)
  await resealKeysFile(dir, unlock, await newSealKey(PASSPHRASE, CHEAP))
  t.match(await readFile(join(dir, 'keys.json'), 'utf8'), '"format": "vitalchain-keys/1"')
  if (process.platform !== 'win32')
    t.ok(
      (await readFile(plain)).every(byte => byte === 0),
      'the plain file is overwritten'
    )
  await resealKeysFile(dir, unlock, await newSealKey('another passphrase', CHEAP))
  await t.rejects(readSecrets(dir, unlock), { code: 'ERR_PASSPHRASE' })
  const other = createUnlock(async () => 'another passphrase')
  await resealKeysFile(dir, other, undefined)
  t.same((await readSecrets(dir)).operator, KEYS.operator)
})

t.test('a signer opens encrypted keys, and they stay as they are while it runs', async t => {
  const dir = t.testdir({ passphrase: `${PASSPHRASE}\n` })
  const { hospitals } = await foundHospitals(join(dir, 'network'), 1, () => undefined)
  const { dataDir } = hospitals[0]!
  const file = join(dir, 'passphrase')
  const change = ['keys', 'passphrase', '--data-dir', dataDir] as const
  const asked: string[] = []
  const lines: string[] = []
  const never = new AbortController().signal
  const io = { out: (): void => undefined, err: (line: string) => lines.push(line), stop: never }
  const answers = (...given: string[]): Partial<CliIo> => ({
    askSecret: async question => {
      asked.push(question)
      return given.shift() ?? ''
    }
  })
  t.equal(await runWith({ ...io, ...answers(PASSPHRASE, 'something else') }, ...change), 2)
  t.match(lines, [/not the same.*ERR_PASSPHRASE/])
  t.equal(await runWith({ ...io, ...answers(PASSPHRASE, PASSPHRASE) }, ...change), 0)
  t.same(asked.slice(2), ['New passphrase for keys.json: ', 'The same again: '])

  // As a node does, a signer takes the file that the configuration names.
  t.equal((await run('config', 'set', 'passphraseFile', file, '--data-dir', dataDir)).exit, 0)
  // Not in the directory of the test: the path of a socket has at most 107 bytes.
  const name = `vitalchain-keys-${process.pid}`
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name)
  const stop = new AbortController()
  const ready = Promise.withResolvers<string>()
  const signer = runWith(
    { out: ready.resolve, err: line => lines.push(line), stop: stop.signal },
    'signer',
    `--data-dir=${dataDir}`,
    `--socket=${socket}`
  )
  t.match(JSON.parse(await Promise.race([ready.promise, signer.then(String)])), { event: 'ready' })
  lines.length = 0
  const again = ['--passphrase-file', file, '--new-passphrase-file', file]
  t.equal(await runWith(io, ...change, ...again), 1)
  t.match(lines, [/ERR_DATA_DIR_IN_USE/])
  stop.abort()
  t.equal(await signer, 0)
  t.equal(await runWith(io, ...change, ...again), 0)
})

t.test(
  'what a killed process left of new keys is overwritten and gone at the next start',
  async t => {
    const dir = t.testdir({})
    await writeKeysFile(dir, KEYS, await newSealKey(PASSPHRASE, CHEAP))
    // Cut off before the new file was in its place: the keys were to be decrypted.
    const left = join(dir, 'keys.json.new')
    const other = join(dir, 'other')
    await writeFile(left, JSON.stringify({ operator: toHex(KEYS.operator) }), { mode: 0o600 })
    await link(left, other)
    await wipeOldKeys(dir)
    await t.rejects(readFile(left), { code: 'ENOENT' })
    t.ok(
      (await readFile(other)).every(byte => byte === 0),
      'overwritten'
    )
    t.same(await readSecrets(dir, unlock), { ...KEYS, retiredConsensus: undefined })
  }
)

t.test('a link in the place of what is overwritten destroys no other file', async t => {
  const dir = t.testdir({ victim: 'precious', old: t.fixture('symlink', 'victim') })
  await writeKeysFile(dir, KEYS, undefined)
  for (const name of ['keys.json.new', 'keys.json.destroying']) {
    await rename(join(dir, 'old'), join(dir, name))
    await wipeOldKeys(dir)
    await t.rejects(lstat(join(dir, name)), { code: 'ENOENT' })
    t.equal(await readFile(join(dir, 'victim'), 'utf8'), 'precious')
    await symlink('victim', join(dir, 'old'))
  }
})

const skip = process.getuid?.() !== 0 && 'only root gives files to others'

t.test('keys that root encrypts stay those of the user whose node it is', { skip }, async t => {
  const dir = t.testdir({})
  await writeKeysFile(dir, KEYS, undefined)
  const file = join(dir, 'keys.json')
  await chown(file, 65_534, 65_534)
  await resealKeysFile(dir, unlock, await newSealKey(PASSPHRASE, CHEAP))
  t.match(await stat(file), { uid: 65_534, gid: 65_534 })
  t.equal((await stat(file)).mode & 0o777, 0o600)
})
