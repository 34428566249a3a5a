import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import t from 'tap'
import { verdictOf } from './verdict.ts'

/** What a page that verifies receipts may make a patient download, in bytes. */
const BUNDLE_GZIP_BYTES_MAX = 64 * 1024

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
const noBrowser = existsSync(executablePath)
  ? false
  : `no Chromium at ${executablePath}; set CHROMIUM_PATH`

interface Vector {
  readonly why: string
  readonly network: string
  readonly receipt: string
  readonly code?: string
  readonly proves?: {
    readonly index: number
    readonly height: number
    readonly blockHash: string
    readonly transactionId: string
  }
}

function readVectors(): readonly Vector[] {
  const text = readFileSync(new URL('../vectors/receipts.json', import.meta.url), 'utf8')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file, which a test of core keeps current
  const { valid, invalid } = JSON.parse(text) as {
    readonly valid: readonly Vector[]
    readonly invalid: readonly Vector[]
  }
  return [...valid, ...invalid]
}

/** Bundles the page's script. Fails when anything in it imports from Node: a browser has no such modules. */
async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2023',
    conditions: ['@vitalchain/source'],
    logLevel: 'silent'
  })
  return outputFiles.map(file => file.text).join('')
}

const script = await bundlePage()

t.test('a page with the verifier is small and needs no module of Node', async t => {
  const gzipped = gzipSync(script, { level: 9 }).length
  t.comment(`the verifier is ${script.length} bytes minified, ${gzipped} bytes gzipped`)
  t.ok(gzipped <= BUNDLE_GZIP_BYTES_MAX, `${gzipped} bytes gzipped`)
  t.notMatch(script, /node:|require\(/)
})

t.test(
  'a browser gives every receipt the verdict that Node gives it',
  { skip: noBrowser },
  async t => {
    const browser = await chromium.launch({
      executablePath,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run'
      ]
    })
    t.teardown(async () => browser.close())
    const page = await browser.newPage()
    await page.context().setOffline(true)
    await page.addScriptTag({ content: script })
    const vectors = readVectors()
    const found = await page.evaluate(
      each => each.map(({ receipt, network }) => globalThis.vitalchainVerdict(receipt, network)),
      vectors.map(({ receipt, network }) => ({ receipt, network }))
    )
    t.equal(found.length, vectors.length)
    for (const [at, { why, code, proves, network, receipt }] of vectors.entries()) {
      t.same(found[at], verdictOf(receipt, network), `in Node and in the browser: ${why}`)
      if (code !== undefined) t.same(found[at], { code }, `as the vector says: ${why}`)
      if (proves !== undefined) {
        const { index, height, blockHash, transactionId } = proves
        t.same(found[at], { index, height, blockHash, transactionId }, `as the vector says: ${why}`)
      }
    }
  }
)
