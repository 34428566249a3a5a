import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import {
  decodeReadings,
  epochKey,
  fromHex,
  openPayload,
  sha256,
  toHex,
  utf8,
  verifyReceipt,
  type Reading
} from '@vitalchain/core'
import { createHttpApi, createTestNetwork } from '@vitalchain/node'
import { bundle, noBrowser, openPage } from './chromium.ts'

/** What the device SDK may make a device or a page load, in bytes minified and gzipped, cryptography included. */
const SDK_GZIP_BYTES_MAX = 60_000

/** The same for a whole device in a page: with a transport, a durable outbox and a key in WebCrypto. */
const PAGE_GZIP_BYTES_MAX = 64_000

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

const READINGS: readonly Reading[] = [
  { name: '8867-4', unit: '/min', time: 1_700_000_000_000, value: 72 },
  { name: '59408-5', unit: '%', time: 1_700_000_000_500, value: 97.5 },
  { name: '8867-4', unit: '/min', time: 1_700_000_001_000, value: 71, flag: 'artefact' }
]

function checkSize(t: Test, script: string, bytesMax: number): void {
  const gzipped = gzipSync(script, { level: 9 }).length
  t.comment(`${script.length} bytes minified, ${gzipped} bytes gzipped`)
  t.ok(gzipped <= bytesMax, `${gzipped} bytes gzipped`)
  t.notOk(/["'`]node:|\brequire\(/.test(script), 'no module of Node')
}

t.test('the SDK is small and needs no libp2p and no module of Node', async t => {
  const contents = "export * from '@vitalchain/device-sdk'"
  const script = await bundle({
    stdin: { contents, resolveDir: import.meta.dirname },
    format: 'iife',
    globalName: 'vitalchainDeviceSdk'
  })
  checkSize(t, script, SDK_GZIP_BYTES_MAX)
})

const script = await bundle({ entryPoints: ['device-page.ts'], format: 'iife' })

t.test('a page with all that a device needs is small too', async t => {
  checkSize(t, script, PAGE_GZIP_BYTES_MAX)
})

/** An empty page of an origin of its own. On the loopback it is a secure one: it has WebCrypto and Web Locks. */
async function servePage(t: Test): Promise<string> {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>device</title>')
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test(
  'a page records, seals, signs and submits over HTTP, and shows what the receipt proves',
  { skip: noBrowser ?? false },
  async t => {
    const origin = await servePage(t)
    const network = await createTestNetwork()
    t.teardown(() => network.stop())
    const [node] = network.nodes
    if (node === undefined) throw new Error('a test network has nodes')
    const api = createHttpApi({ node, token: TOKEN, allowOrigins: [origin] })
    t.teardown(() => api.close())
    const url = await api.listen({ port: 0 })

    const browser = await openPage()
    t.teardown(() => browser.close())
    const { page } = browser
    await page.context().setOffline(false)
    await page.goto(origin)
    await page.addScriptTag({ content: script })
    const key = await page.evaluate(() => globalThis.vitalchainDevice.makeKey())
    await node.registerDevice({
      publicKey: { algorithm: 'es256', bytes: fromHex(key) },
      model: 'page',
      firmware: undefined
    })
    const secret = sha256(utf8('stream of a page'))
    const receipt = await page.evaluate(task => globalThis.vitalchainDevice.record(task), {
      genesis: toHex(network.genesis),
      addresses: [`${url}#${toHex(node.transportKey)}`],
      stream: { id: '0f'.repeat(16), secret: toHex(secret) },
      readings: READINGS
    })

    const { header, certifiedBy, transaction } = verifyReceipt(fromHex(receipt), {
      genesis: network.genesis
    })
    const shown = `proved at height ${header.height} by ${certifiedBy.length} hospitals`
    t.equal(await page.textContent('body'), shown)
    t.equal(certifiedBy.length, 3)
    if (transaction.type !== 'statement' || transaction.statement.type !== 'readings')
      throw new Error('the receipt is for readings')
    const { statement } = transaction
    const payload = node.ledger.getPayload(statement.payloadDigest)
    if (payload === undefined) throw new Error('the node has the payload')
    const clear = openPayload(statement, payload, epochKey(secret, statement.epoch))
    t.same(decodeReadings(clear), READINGS, 'the hospital opens exactly what the page recorded')
  }
)
