import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSigner, sha256, toHex, utf8 } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { createHttpApi } from '../../src/http/index.ts'
import { createTestNetwork, type LedgerNode } from '../../src/index.ts'
import { until } from '../node/wait.ts'
import { freePort } from './mosquitto.ts'

/** A name that only the proxy knows: who gets there went through it. */
const HOST = 'node.vitalchain.test'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

interface Hospital {
  readonly node: LedgerNode
  readonly genesis: string
  readonly port: number
}

async function startHospital(t: Test): Promise<Hospital> {
  const network = await createTestNetwork({ validators: 1 })
  const node = network.nodes[0]!
  const api = createHttpApi({ node, token: TOKEN })
  const url = await api.listen({ port: 0 })
  t.teardown(async () => {
    await api.close()
    await network.stop()
  })
  const dir = t.testdir({ 'genesis.cbor': Buffer.from(network.genesis) })
  return { node, genesis: join(dir, 'genesis.cbor'), port: Number(new URL(url).port) }
}

/** Runs a device that has nothing but the proxy. */
async function runDevice(
  { node, genesis, port }: Hospital,
  transport: 'http' | 'ws',
  proxy: string
): Promise<string> {
  const name = `proxied ${transport}`
  const { publicKey } = createSigner('ed25519', sha256(utf8(name)))
  await node.registerDevice({ publicKey, model: 'Monitor', firmware: undefined })
  const script = fileURLToPath(new URL('proxied-device-child.ts', import.meta.url))
  const address = `${transport}://${HOST}:${port}#${toHex(node.transportKey)}`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@vitalchain/source', script, transport, address, genesis, name],
    {
      env: {
        PATH: process.env['PATH'],
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: proxy,
        HTTPS_PROXY: proxy
      },
      timeout: 60_000
    }
  )
  return stdout
}

/** A proxy that does CONNECT (RFC 9110 section 9.3.6) and nothing else; it knows one host. */
async function startProxy(t: Test): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const open = new Set<Socket>()
  const server = createServer((_request, response) => response.writeHead(405).end())
  server.on('connect', (request, socket: Socket) => {
    const { hostname, port } = new URL(`http://${request.url}`)
    asked.push(hostname)
    const upstream = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket)
      socket.pipe(upstream)
    })
    for (const each of [socket, upstream]) {
      open.add(each)
      each.on('error', () => undefined)
      each.on('close', () => open.delete(each))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

for (const transport of ['http', 'ws'] as const) {
  t.test(`a device with nothing but a CONNECT proxy gets its proofs over ${transport}`, async t => {
    const hospital = await startHospital(t)
    const proxy = await startProxy(t)
    t.equal(await runDevice(hospital, transport, proxy.url), '5 proved')
    t.ok(proxy.asked.length > 0)
    t.ok(proxy.asked.every(host => host === HOST))
  })
}

function noSquid(): string | false {
  try {
    execFileSync('squid', ['-v'], { stdio: 'ignore' })
    return false
  } catch {
    return 'squid is not installed'
  }
}

/** A squid that knows the host by its own table of names, and writes down whom it connects. */
async function startSquid(t: Test): Promise<{ readonly url: string; asked(): Promise<string> }> {
  const port = await freePort()
  // Started by root it becomes another user, who has to write here.
  const dir = await mkdtemp(join(tmpdir(), 'vitalchain-squid-'))
  await chmod(dir, 0o777)
  await writeFile(join(dir, 'hosts'), `127.0.0.1 ${HOST}\n`)
  const log = join(dir, 'access.log')
  const config = [
    `http_port 127.0.0.1:${port}`,
    'http_access allow all',
    'cache deny all',
    'pid_filename none',
    `hosts_file ${join(dir, 'hosts')}`,
    `access_log stdio:${log}`,
    `cache_log ${join(dir, 'cache.log')}`,
    `coredump_dir ${dir}`,
    'shutdown_lifetime 0 seconds'
  ]
  const file = join(dir, 'squid.conf')
  await writeFile(file, `${config.join('\n')}\n`)
  const squid = spawn('squid', ['-N', '-f', file], { stdio: 'ignore' })
  t.teardown(async () => {
    squid.kill('SIGKILL')
    if (squid.exitCode === null && squid.signalCode === null) await once(squid, 'exit')
    await rm(dir, { recursive: true, force: true })
  })
  let up = false
  await until('squid listens', () => {
    const socket = connect(port, '127.0.0.1', () => {
      up = true
      socket.destroy()
    })
    socket.on('error', () => undefined)
    return up
  })
  return { url: `http://127.0.0.1:${port}`, asked: () => readFile(log, 'utf8') }
}

t.test('a device behind squid gets its proofs', { skip: noSquid() }, async t => {
  const hospital = await startHospital(t)
  const squid = await startSquid(t)
  for (const transport of ['http', 'ws'] as const)
    t.equal(await runDevice(hospital, transport, squid.url), '5 proved')
  t.match(await squid.asked(), new RegExp(`CONNECT ${HOST}`))
})
