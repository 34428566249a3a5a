import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { plainEnvironment } from './plain-processes.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const env = { ...plainEnvironment(), NODE_COMPILE_CACHE: join(root, '.tap/compile-cache') }
const bin = join(root, 'packages/node/src/cli/bin.ts')

/** How long a node may take to come up, and a height to be reached, ms. */
const WAIT_MS = 60_000

/** The commands of the section that is to be tried, block by block. */
async function guideBlocks(): Promise<readonly string[]> {
  const guide = await readFile(join(root, 'docs/guides/operator.md'), 'utf8')
  const [, section = ''] = /\n## A network on one machine\n([^]*?)\n## /.exec(guide) ?? []
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block)
}

/** The ports in the guide, each with one that is free here. */
async function portsFor(text: string): Promise<ReadonlyMap<string, string>> {
  const named = [...new Set(text.match(/\b(?:40|77|78)0\d\b/g))]
  const servers = named.map(() => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(each => once(each, 'listening')))
  const free = servers.map(each => String((each.address() as AddressInfo).port))
  await Promise.all(
    servers.map(each => {
      each.close()
      return once(each, 'close')
    })
  )
  return new Map(named.map((port, k) => [port, free[k] ?? '']))
}

t.test(
  'the commands of the operator guide found a network, let a fifth join and a sixth follow',
  { skip: process.platform === 'win32' && 'the guide is written for a shell' },
  async t => {
    const dir = t.testdir({
      // What `npx vitalchain` is to a reader.
      vitalchain: `#!/bin/sh\nexec '${process.execPath}' --conditions=@vitalchain/source '${bin}' "$@"\n`
    })
    const running = new Map<string, ChildProcess>()
    const stop = async (dataDir: string): Promise<void> => {
      const node = running.get(dataDir)
      if (node === undefined || node.exitCode !== null) return
      node.kill('SIGTERM')
      await once(node, 'exit')
    }
    t.teardown(() => Promise.all([...running.keys()].map(stop)))

    const start = async (dataDir: string): Promise<void> => {
      // The guide says when to stop one: a start of the same directory again.
      await stop(dataDir)
      const command = ['--conditions=@vitalchain/source', bin, 'start', '--data-dir', dataDir]
      const node = spawn(process.execPath, [...command, '--stop-on-input-end'], {
        cwd: dir,
        env,
        stdio: ['pipe', 'pipe', 'pipe']
      })
      running.set(dataDir, node)
      const log: string[] = []
      node.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()))
      const late = AbortSignal.timeout(WAIT_MS)
      const exit = once(node, 'exit', { signal: late }).then(() => {
        throw new Error(`${dataDir} ended: ${log.join('').slice(-500)}`)
      })
      await Promise.race([once(node.stdout, 'data', { signal: late }), exit])
      exit.catch(() => undefined)
    }
    const sh = async (script: string): Promise<string> => {
      const shell = script.replaceAll(/\bvitalchain (?=[a-z])/g, './vitalchain ')
      const { stdout } = await promisify(execFile)('sh', ['-ec', shell], { cwd: dir, env })
      return stdout
    }
    const status = async (dataDir: string): Promise<Record<string, unknown>> =>
      JSON.parse(await sh(`vitalchain status --data-dir ${dataDir} --json`)) as Record<
        string,
        unknown
      >

    const blocks = await guideBlocks()
    t.ok(blocks.length >= 16, `${blocks.length} blocks`)
    const ports = await portsFor(blocks.join('\n'))
    const began = performance.now()
    const fingerprints: string[] = []
    await sh('chmod +x ./vitalchain')
    for (const block of blocks) {
      const here = block.replaceAll(/\b(?:40|77|78)0\d\b/g, port => ports.get(port) ?? port)
      const starts = /^vitalchain start --data-dir (\w+)$/m
      const output = await sh(here.replaceAll(new RegExp(starts, 'gm'), ''))
      for (const [, each = ''] of output.matchAll(/^fingerprint {2}(.+)$/gm))
        fingerprints.push(each)
      const [, dataDir] = starts.exec(here) ?? []
      if (dataDir !== undefined) await start(dataDir)
      const seconds = ((performance.now() - began) / 1_000).toFixed(1)
      t.pass(`${seconds} s: ${here.trim().split('\n').at(-1)}`)
    }
    t.equal(fingerprints.length, 5)
    t.equal(new Set(fingerprints).size, 1, 'all read the same fingerprint')

    const members = JSON.parse(await sh('vitalchain member list --data-dir h5 --json')) as {
      readonly validators: number
      readonly membership: string
    }
    t.match(members, { validators: 5, membership: 'member' })
    const { height, head } = await status('h2')
    t.comment(`${Math.round((performance.now() - began) / 1_000)} s: members`)
    t.ok(Number(height) >= 4, `height ${String(height)}`)
    let follower = await status('f6')
    for (const end = Date.now() + WAIT_MS; follower['head'] !== head && Date.now() < end;)
      follower = await status('f6')
    t.match(follower, { head, height, votes: false, membership: 'follower' })
    t.comment(`${Math.round((performance.now() - began) / 1_000)} s`)
    for (const dataDir of ['h1', 'h2', 'h3', 'h4', 'h5'])
      t.match(await readFile(join(dir, dataDir, 'keys.json'), 'utf8'), 'vitalchain-keys/1')
  }
)
