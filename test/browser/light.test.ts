import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import {
  deviceStateKey,
  devices,
  encodeArgs,
  members,
  method,
  table,
  type Contract,
  type Table
} from '@vitalchain/contracts'
import {
  createSigner,
  genesisValidators,
  list,
  sha256,
  toHex,
  tuple,
  uint,
  utf8,
  validatorSetCodec,
  type Codec,
  type ValidatorSet
} from '@vitalchain/core'
import { createDevice } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { createHttpApi, createTestNetwork, type TestNetwork } from '@vitalchain/node'
import { bundle, noBrowser, openPage } from './chromium.ts'
import { followLedger, type LightTask } from './light-follow.ts'

/** What a page that follows the ledger may make a browser download, in bytes. */
const BUNDLE_GZIP_BYTES_MAX = 48 * 1024

/** What following may add to the memory of a Node that does nothing, bytes. */
const MEMORY_BYTES_MAX = 50 * 1024 * 1024

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

const sets: Table<ValidatorSet> = table('rota', 'set', validatorSetCodec)
const ONLY = new Uint8Array(0)
const order: Codec<{ readonly order: readonly number[] }> = tuple({ order: list(uint(9), 10, 1) })

/** A contract for the test: `rota.set` puts the validators into another order, which is a hand-over. */
const rota: Contract = {
  name: 'rota',
  version: 1,
  genesis: (state, genesis) => sets.put(state, ONLY, genesisValidators(genesis)),
  methods: {
    set: method(order, (state, args, _call, block) => {
      const founders = genesisValidators(block.genesis)
      sets.put(
        state,
        ONLY,
        args.order.flatMap(index => founders[index] ?? [])
      )
    })
  },
  validators: state => sets.get(state, ONLY) ?? []
}

/** An empty page of an origin of its own. */
async function servePage(t: Test): Promise<string> {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>ward</title>')
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Nodes with their HTTP APIs, and a ledger with hand-overs and the statements of a device. */
async function startLedger(
  t: Test,
  allowOrigins: readonly string[]
): Promise<{ readonly network: TestNetwork; readonly task: LightTask }> {
  const network = await createTestNetwork({ contracts: [rota, members, devices] })
  t.teardown(() => network.stop())
  const urls: string[] = []
  for (const node of network.nodes) {
    const api = createHttpApi({ node, token: TOKEN, allowOrigins })
    t.teardown(() => api.close())
    urls.push(await api.listen({ port: 0 }))
  }
  const [node] = network.nodes
  if (node === undefined) throw new Error('a test network has nodes')
  const signer = createSigner('ed25519', sha256(utf8('light test device')))
  await node.registerDevice({ publicKey: signer.publicKey, model: 'm', firmware: undefined })
  const device = createDevice({
    signer,
    genesis: network.genesis,
    stream: { id: new Uint8Array(16), generation: 0, secret: new Uint8Array(32) },
    transport: libp2pTransport({ network: node.network, addresses: node.addresses() }),
    boot: 1,
    batch: { readings: 1 }
  })
  await device.start()
  t.teardown(() => device.stop())
  const record = async (): Promise<{ readonly id: Uint8Array; readonly receipt: Uint8Array }> => {
    const [submission] = await device.record([
      { name: '8867-4', unit: '/min', time: 1_700_000_000_000, value: 72 }
    ])
    if (submission === undefined) throw new Error('a reading is in a statement')
    const { proven } = await submission.proved
    return { id: proven.transaction.id, receipt: node.receipt(proven.transaction.id) }
  }
  const first = await record()
  await node.call('rota.set', encodeArgs(order, { order: [3, 2, 1, 0] }))
  await record()
  await node.call('rota.set', encodeArgs(order, { order: [1, 0, 3, 2] }))
  const last = await record()
  return {
    network,
    task: {
      genesis: toHex(network.genesis),
      peers: urls.map(url => ({ url, token: TOKEN })),
      height: node.ledger.head.height,
      oldReceipt: toHex(first.receipt),
      id: toHex(last.id),
      stateKey: toHex(deviceStateKey(device.id)),
      device: toHex(device.id),
      to: { boot: 1, seq: 1 }
    }
  }
}

const script = await bundle({ entryPoints: ['light-page.ts'], format: 'iife' })

t.test('a page that follows the ledger needs no module of Node', async t => {
  const gzipped = gzipSync(script, { level: 9 }).length
  t.comment(`the light client is ${script.length} bytes minified, ${gzipped} bytes gzipped`)
  t.ok(gzipped <= BUNDLE_GZIP_BYTES_MAX, `${gzipped} bytes gzipped`)
  t.notMatch(script, /node:|require\(/)
})

/** The resident memory of a process of Node by the time it says so, bytes. */
async function memoryOf(...args: readonly string[]): Promise<number> {
  // By way of env: the test runner puts itself into every Node that a test starts.
  const plain = ['-u', 'NODE_OPTIONS', process.execPath, ...args]
  const { stdout } = await promisify(execFile)('env', plain, { timeout: 60_000 })
  return Number(stdout)
}

t.test('a light client follows real nodes over HTTP', async t => {
  const origin = await servePage(t)
  const { network, task } = await startLedger(t, [origin])
  const found = await followLedger(task)
  const { ledger } = network.nodes[0]!
  t.match(found, {
    height: task.height,
    handOvers: 2,
    receiptId: task.id,
    statements: 3 + 2,
    toHead: true,
    refused: 'ERR_NO_PEER',
    oldTrust: `pinned@${ledger.head.history.size}`
  })
  t.equal(found.blockHash, toHex(ledger.head.hash))
  t.ok(found.path > 0)
  t.ok(found.stateValue.length > 0)
  t.notOk(
    found.peers.some(state => state.startsWith('ERR_')),
    found.peers.join(' ')
  )

  await t.test('without a token a stranger follows, and proves nothing of devices', async t => {
    const stranger = { ...task, peers: task.peers.map(({ url }) => ({ url })) }
    await t.rejects(followLedger(stranger), { code: 'ERR_NO_PEER' })
  })

  const noEnv = process.platform === 'win32' ? 'Windows has no env' : false
  await t.test('and adds less than 50 MB to a process of Node', { skip: noEnv }, async t => {
    const child = join(t.testdir(), 'child.mjs')
    const source = await bundle({
      entryPoints: ['light-memory-child.ts'],
      format: 'esm',
      external: ['node:*']
    })
    await writeFile(child, source)
    const bare = await memoryOf('-e', 'process.stdout.write(String(process.memoryUsage.rss()))')
    const following = await memoryOf(
      child,
      task.genesis,
      String(task.height),
      ...task.peers.map(({ url }) => url)
    )
    t.comment(`following ${following} bytes, bare Node ${bare} bytes`)
    t.ok(following - bare < MEMORY_BYTES_MAX, `${following - bare} bytes more`)
  })

  await t.test(
    'a page of another origin does as Node does',
    { skip: noBrowser ?? false },
    async t => {
      const browser = await openPage()
      const { page } = browser
      t.teardown(() => browser.close())
      await page.context().setOffline(false)
      await page.goto(origin)
      await page.addScriptTag({ content: script })
      const inPage = await page.evaluate(each => globalThis.vitalchainFollow(each), task)
      t.same({ ...inPage, peers: [] }, { ...found, peers: [] })

      await page.goto('about:blank')
      const blocked = await page.evaluate(
        async url =>
          fetch(`${url}/v1/genesis`).then(
            () => 'read',
            () => 'blocked'
          ),
        task.peers[0]?.url
      )
      t.equal(blocked, 'blocked', 'a page of any other origin reads nothing')
    }
  )
})
