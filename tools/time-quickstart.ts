/**
 * The quickstart of the device SDK's README as a new user does it, from the packed packages: in an empty folder they are installed,
 * the program is copied from the README and run, every import of the packages is tried, and `vitalchain dev` runs until
 * `vitalchain verify` says that a receipt is valid. Build first: `npm run build`.
 *
 *   npm run quickstart:timed                 or: node tools/time-quickstart.ts
 *   ... --keep                               leaves the folder, and says where it is
 *
 * Exits 1 when anything fails, the program has more than 15 lines, or it takes longer than 5 minutes from `npm i` on.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readFlags } from './flags.ts'

/** How long it may take from `npm i` to a verified receipt, ms. */
const MS_MAX = 300_000

/** Lines of code of the program. */
const LINES_MAX = 15

/** How often it is looked whether the network of development has a receipt, ms. */
const POLL_MS = 200

/** What needs a package that users install themselves. */
const NEEDS_MORE = new Set(['@vitalchain/device-sdk/pkcs11'])

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, unknown>>
}

const { keep } = readFlags({ keep: { type: 'boolean', default: false } })
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'vitalchain-quickstart-'))
// With the Node that runs this, and nothing of what npm tells the scripts of this repository.
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_OPTIONS$|^INIT_CWD$/.test(name))
  ),
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter)
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], {
    cwd: folder,
    env,
    maxBuffer: 2 ** 24,
    timeout: MS_MAX
  })
  return stdout
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Packs the packages, as they would be published. */
async function pack(): Promise<{ tarballs: readonly string[]; manifests: readonly Manifest[] }> {
  const names = (await readdir(join(root, 'packages'))).toSorted()
  const packages = names.map(name => join(root, 'packages', name))
  await run('npm', ['pack', '--silent', '--pack-destination', folder, ...packages])
  const tarballs = (await readdir(folder)).filter(name => name.endsWith('.tgz'))
  if (tarballs.length !== packages.length) throw new Error('not every package was packed')
  const manifests = packages.map(
    async each => JSON.parse(await readFile(join(each, 'package.json'), 'utf8')) as Manifest
  )
  return { tarballs, manifests: await Promise.all(manifests) }
}

async function readProgram(): Promise<string> {
  const readme = await readFile(join(root, 'packages/device-sdk/README.md'), 'utf8')
  const program = /```js\n(?<code>.*?\n)```/s.exec(readme)?.groups?.['code'] ?? ''
  const lines = program.split('\n').filter(line => line.trim() !== '').length
  if (lines === 0 || lines > LINES_MAX) throw new Error(`the program has ${lines} lines`)
  say(`the README's program has ${lines} lines`)
  return program
}

/** Imports all that the packages offer. */
async function tryImports(manifests: readonly Manifest[]): Promise<void> {
  const names = manifests
    .flatMap(({ name, exports }) => Object.keys(exports).map(path => name + path.slice(1)))
    .filter(name => !NEEDS_MORE.has(name))
  const program = names.map(name => `await import('${name}')`).join('\n')
  await writeFile(join(folder, 'imports.mjs'), program)
  await run('node', ['imports.mjs'])
  say(`all ${names.length} imports of the packages load`)
}

/** Runs the network of development until it has a receipt, and has the command verify it. */
async function tryDev(): Promise<void> {
  // Not by npx, which keeps signals to itself.
  const command = join(folder, 'node_modules/.bin/vitalchain')
  const options = ['dev', '--data-dir', 'run', '--batch', '5']
  const dev = spawn(command, options, { cwd: folder, env, stdio: 'ignore' })
  const ended = new Promise<number | null>(resolve => dev.once('exit', resolve))
  try {
    while (!(await hasReceipt())) {
      const code = await Promise.race([ended, delay(POLL_MS)])
      if (code !== undefined) throw new Error(`vitalchain dev ended with ${code}`)
      if (performance.now() - started > MS_MAX) throw new Error('vitalchain dev proves nothing')
    }
  } finally {
    dev.kill('SIGINT')
    await ended
  }
  const genesis = ['--genesis', 'run/genesis.cbor', '--quiet']
  const said = await run(command, ['verify', 'run/receipts', ...genesis])
  if (!said.startsWith('VALID ')) throw new Error(`vitalchain verify says ${said}`)
}

async function hasReceipt(): Promise<boolean> {
  const names = await readdir(join(folder, 'run/receipts'), { recursive: true }).catch(() => [])
  return names.some(name => name.endsWith('.receipt'))
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1_000).toFixed(1)} s`
}

let started = 0
try {
  const { tarballs, manifests } = await pack()
  const program = await readProgram()
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  started = performance.now()
  await run('npm', ['install', '--no-audit', '--no-fund', ...tarballs.map(name => `./${name}`)])
  const installed = seconds(started)
  await writeFile(join(folder, 'quickstart.mjs'), program)
  const proved = await run('node', ['quickstart.mjs'])
  if (!/^proved at height \d+\n$/.test(proved)) throw new Error(`the program says ${proved}`)
  const took = performance.now() - started
  say(`npm i took ${installed}; ${seconds(started)} from there to "${proved.trim()}"`)
  const developing = performance.now()
  await tryDev()
  say(`vitalchain dev, to a receipt that vitalchain verify calls valid: ${seconds(developing)}`)
  await tryImports(manifests)
  if (took > MS_MAX) throw new Error('that is longer than 5 minutes')
} catch (error) {
  const { message, stderr } = error as Error & { readonly stderr?: string }
  process.stderr.write(`FAILED: ${message}\n${stderr ?? ''}\n`)
  process.exitCode = 1
} finally {
  if (keep) say(folder)
  else await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}
