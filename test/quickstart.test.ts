import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { bundle } from './browser/chromium.ts'
import { plainEnvironment } from './plain-processes.ts'

/** Lines of code from nothing to a verified receipt: what a reader tries before deciding. */
const QUICKSTART_LINES_MAX = 15

const sdk = join(import.meta.dirname, '../packages/device-sdk')
const readme = await readFile(join(sdk, 'README.md'), 'utf8')

t.test("the quickstart of the device SDK's README proves a reading in 15 lines", async t => {
  const program = /```js\n(?<code>.*?\n)```/s.exec(readme)?.groups?.['code'] ?? ''
  const lines = program.split('\n').filter(line => line.trim() !== '')
  t.ok(lines.length > 0 && lines.length <= QUICKSTART_LINES_MAX, `${lines.length} lines`)
  const file = join(t.testdir(), 'quickstart.mjs')
  await writeFile(file, program)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@vitalchain/source', file],
    { timeout: 60_000, env: plainEnvironment() }
  )
  t.equal(stdout, 'proved at height 2\n')
})

const rows = [
  ...readme.matchAll(/^\| `(?<name>@vitalchain\/device-sdk[^`]*)` .*\| (?<where>[^|]*?) *\|$/gm)
].map(({ groups }) => ({ name: groups?.['name'] ?? '', where: groups?.['where'] ?? '' }))

t.test('the README names every import of the device SDK, and no other', async t => {
  const { exports } = JSON.parse(await readFile(join(sdk, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, unknown>>
  }
  const named = rows.map(({ name }) => name.replace('@vitalchain/device-sdk', '.'))
  t.same(named.toSorted(), Object.keys(exports).toSorted())
})

t.test('what the README says runs in browsers needs no module of Node', async t => {
  const forBrowsers = rows.filter(({ where }) => where.includes('browsers'))
  t.ok(forBrowsers.length > 0)
  for (const { name } of forBrowsers) {
    const contents = `export * from '${name}'`
    const script = await bundle({
      stdin: { contents, resolveDir: import.meta.dirname },
      format: 'esm'
    })
    t.ok(script.length > 0, name)
  }
  const contents = "export * from '@vitalchain/device-sdk/node'"
  const bundled = bundle({ stdin: { contents, resolveDir: import.meta.dirname }, format: 'esm' })
  await t.rejects(bundled, { message: /Could not resolve "node:/ }, 'a module of Node is noticed')
})
