import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createHttpApi, createTestNetwork } from '@vitalchain/node'
import { createSigner, generateSecretKey } from '@vitalchain/core'
import { plainEnvironment } from './plain-processes.ts'

const root = join(import.meta.dirname, '..')

async function run(example: string, ...args: string[]): Promise<string> {
  const file = join(root, 'examples', example)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@vitalchain/source', file, ...args],
    { timeout: 60_000, cwd: root, env: plainEnvironment() }
  )
  return stdout
}

/** Runs the command. */
function vitalchain(...args: readonly string[]): Promise<string> {
  return run('../packages/node/src/cli/bin.ts', ...args)
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

t.test('a service runs the node of a directory, and goes on where it was', async t => {
  const guide = await readFile(join(root, 'docs/guides/embedding.md'), 'utf8')
  const example = await readFile(join(root, 'examples/embed-from-directory.ts'), 'utf8')
  t.ok(guide.includes('```ts\n' + example + '```'), 'the guide shows the example as it is')
  const dir = t.testdir({ passphrase: 'correct horse battery' })
  const passphrase = ['--passphrase-file', join(dir, 'passphrase')]
  const member = join(dir, 'h', 'member.json')
  const network = join(dir, 'network.json')
  await vitalchain('init', '--data-dir', join(dir, 'h'), '--name', 'Hospital 1', ...passphrase)
  const create = ['genesis', 'create', member, '--name', 'Trial', '--unsafe-small-network']
  await vitalchain(...create, '--out', network)
  await vitalchain('genesis', 'accept', network, '--data-dir', join(dir, 'h'))
  for (const cursor of ['1.0', '2.0']) {
    const file = join(root, 'examples/embed-from-directory.ts')
    const service = spawn(
      process.execPath,
      ['--conditions=@vitalchain/source', file, join(dir, 'h'), join(dir, 'cursor')],
      { env: plainEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] }
    )
    t.teardown(() => service.kill('SIGKILL'))
    const lines: readonly unknown[] = await once(service.stdout, 'data')
    t.match(String(lines[0]), new RegExp(`^committed ${cursor} call [0-9a-f]{8}\\n$`))
    service.kill('SIGTERM')
    t.same(await once(service, 'exit'), [0, null])
  }
})

t.test('a ward device fails over to another node and loses nothing', async t => {
  const output = await run('ward-device.ts')
  t.match(output, /the first node is gone\n/)
  t.match(output, /6 of 6 batches proved\n/)
})

t.test('a gateway signs for sensors that cannot, and every batch says so', async t => {
  const output = await run('gateway.ts')
  t.match(output, /^bed-1: 200 {"outcome":"stored","readings":1}$/m)
  t.match(output, /^bed-2: 200 /m)
  t.match(output, /^1 reading, gateway-attested: true, times the sensor's$/m)
  t.match(output, /^1 reading, gateway-attested: true, times of arrival$/m)
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

t.test('a light client follows two hospitals, and goes on where it was', async t => {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const [node] = network.nodes
  const urls: string[] = []
  for (const each of network.nodes.slice(0, 2)) {
    const api = createHttpApi({ node: each, token: 'a'.repeat(32) })
    t.teardown(() => api.close())
    urls.push(await api.listen({ port: 0 }))
  }
  const dir = await mkdtemp(join(tmpdir(), 'vitalchain-'))
  t.teardown(() => rm(dir, { recursive: true }))
  const files = [join(dir, 'genesis'), join(dir, 'state')]
  await writeFile(files[0]!, network.genesis)
  for (const height of [1, 2]) {
    const { publicKey } = createSigner('ed25519', generateSecretKey('ed25519'))
    await node!.registerDevice({ publicKey, model: 'm', firmware: undefined })
    const output = await run('light-client.ts', ...files, String(height), ...urls)
    t.match(output, new RegExp(`height ${height}, ${height} transactions, certified by 3 of 4 `))
    t.equal((await readFile(files[1]!)).length > 1_000, true, 'its state')
  }
})
