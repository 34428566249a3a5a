import { gzipSync } from 'node:zlib'
import t from 'tap'
import type * as verifier from '@vitalchain/core/verify'
import { bundle, noBrowser, openPage } from './chromium.ts'
import type { Json } from './finding.ts'
import type { ReceiptJson } from './judge-proofs.ts'
import { vectorText } from './vectors.ts'

/** What a page that verifies receipts may make a patient download, in bytes minified and gzipped, cryptography included. */
const VERIFIER_GZIP_BYTES_MAX = 30_000

declare global {
  var vitalchainVerifier: typeof verifier
}

type Vector = ReceiptJson & {
  readonly why: string
  readonly code?: string
  readonly proves?: Readonly<Record<string, Json>>
}

/** The verifier as a page loads it. */
async function bundleVerifier(): Promise<string> {
  return bundle({
    stdin: { contents: "export * from '@vitalchain/core/verify'", resolveDir: import.meta.dirname },
    format: 'iife',
    globalName: 'vitalchainVerifier'
  })
}

const script = await bundleVerifier()

t.test('the verifier is small and needs no module of Node', async t => {
  const gzipped = gzipSync(script, { level: 9 }).length
  t.comment(`the verifier is ${script.length} bytes minified, ${gzipped} bytes gzipped`)
  t.ok(gzipped <= VERIFIER_GZIP_BYTES_MAX, `${gzipped} bytes gzipped`)
  t.notMatch(script, /node:|require\(/)
})

t.test(
  'the small verifier alone gives every receipt its verdict, in a page without a network',
  { skip: noBrowser ?? false },
  async t => {
    const opened = await openPage()
    const { page } = opened
    t.teardown(async () => opened.close())
    await page.addScriptTag({ content: script })
    const file = JSON.parse(vectorText('receipts')) as Readonly<
      Record<'valid' | 'invalid', readonly Vector[]>
    >
    const vectors = [...file.valid, ...file.invalid]
    const found = await page.evaluate(
      each =>
        each.map(({ receipt, network, pin }) => {
          const { errorCode, fromHex, toHex, verifyReceipt } = globalThis.vitalchainVerifier
          const bytes = (hex: string | undefined) => (hex === undefined ? hex : fromHex(hex))
          try {
            const proven = verifyReceipt(fromHex(receipt), {
              genesis: fromHex(network),
              pin: pin && {
                size: pin.size,
                root: fromHex(pin.root),
                validators: bytes(pin.validators)
              }
            })
            const { index, header, blockHash, trust } = proven
            return { index, height: header.height, blockHash: toHex(blockHash), trust }
          } catch (error) {
            return { code: errorCode(error) }
          }
        }),
      vectors.map(({ receipt, network, pin }): ReceiptJson => ({
        receipt,
        network,
        ...(pin && { pin })
      }))
    )
    t.equal(found.length, vectors.length)
    for (const [at, { why, code, proves }] of vectors.entries()) {
      const { index, height, blockHash, trust } = proves ?? {}
      t.same(found[at], code === undefined ? { index, height, blockHash, trust } : { code }, why)
    }
  }
)
