import { chmod, chown, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { writeSetting } from '../../src/config/write-setting.ts'

const onWindows = process.platform === 'win32'

t.test('a file that only its owner may read stays so', { skip: onWindows }, async t => {
  const secret = JSON.stringify({ mqttPassword: 'hush' })
  for (const mode of [0o600, 0o640]) {
    const dir = t.testdir({ 'node.json': secret })
    const file = join(dir, 'node.json')
    await chmod(file, mode)
    // Of a process that was killed.
    await writeFile(`${file}.new`, 'half', { mode: 0o644 })
    await writeSetting(dir, 'http.port', 7_001)
    t.equal((await stat(file)).mode & 0o777, mode)
    t.match(JSON.parse(await readFile(file, 'utf8')), {
      mqttPassword: 'hush',
      http: { port: 7_001 }
    })
  }
})

const skip = process.getuid?.() !== 0 && 'only root gives files to others'

t.test('a node that runs as another user can still read what root changed', { skip }, async t => {
  const dir = t.testdir({ 'node.json': '{}' })
  const file = join(dir, 'node.json')
  await chmod(file, 0o600)
  await chown(file, 65_534, 65_534)
  await writeSetting(dir, 'http.port', 7_001)
  t.match(await stat(file), { uid: 65_534, gid: 65_534 })
})
