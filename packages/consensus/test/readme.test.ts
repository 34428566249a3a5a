import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

t.test('the example of the simulator in the README runs as it is', async t => {
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8')
  const [, simulator = ''] = readme.split('## The simulator')
  const [, example = ''] = /```ts\n([^]*?)```/.exec(simulator) ?? []
  t.match(example, /runScenario/)
  // Beside this file, so that it finds the package by its name.
  const dir = await mkdtemp(join(import.meta.dirname, 'readme-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'example.ts')
  await writeFile(file, example)
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=@vitalchain/source',
    file
  ])
  t.match(stdout, /^12\nsound \{/)
})
