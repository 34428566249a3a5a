import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createTestNetwork } from '@vitalchain/node'
import { createSigner, generateSecretKey } from '@vitalchain/core'

const root = join(import.meta.dirname, '..')

async function run(example: string, ...args: string[]): Promise<string> {
  const file = join(root, 'examples', example)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@vitalchain/source', file, ...args],
    { timeout: 60_000, cwd: root }
  )
  return stdout
}

t.test('the quickstart of the README is the example, and it proves a reading', async t => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const example = await readFile(join(root, 'examples/quickstart.ts'), 'utf8')
  t.ok(readme.includes('```ts\n' + example + '```'), 'the README shows the example as it is')
  t.equal(await run('quickstart.ts'), 'at height 2, by 3 hospitals\n')
})

t.test('a service embeds a node and follows what is committed', async t => {
  const output = await run('embed-a-node.ts')
  t.match(output, /committed 1\.0 call\n/)
  t.match(output, /committed 2\.0 statement\n/)
  t.match(output, /proved at height 2 for device [0-9a-f]{8}\n/)
})

t.test('a ward device fails over to another node and loses nothing', async t => {
  const output = await run('ward-device.ts')
  t.match(output, /the first node is gone\n/)
  t.match(output, /6 of 6 batches proved\n/)
})

t.test('a receipt is verified offline, and a damaged one is not', async t => {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const { publicKey } = createSigner('ed25519', generateSecretKey('ed25519'))
  const receipt = await network.nodes[0]!.registerDevice({
    publicKey,
    model: 'm',
    firmware: undefined
  })
  const dir = await mkdtemp(join(tmpdir(), 'vitalchain-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const [good, bad, genesis] = ['good', 'bad', 'genesis'].map(name => join(dir, name)) as [
    string,
    string,
    string
  ]
  const damaged = Uint8Array.from(receipt)
  damaged[receipt.length >> 1]! ^= 1
  await Promise.all([
    writeFile(good, receipt),
    writeFile(bad, damaged),
    writeFile(genesis, network.genesis)
  ])
  t.match(await run('verify-receipt.ts', good, genesis), /^VALID: recorded by height 1 /)
  await t.rejects(run('verify-receipt.ts', bad, genesis), { code: 1, stdout: /^INVALID: ERR_/ })
})
