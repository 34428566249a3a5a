import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** Bytes of a page's script that can verify receipts, with all its cryptography. */
export interface BundleSize {
  readonly minified: number
  readonly gzipped: number
}

/** Bundles the verifier as for a browser. */
export async function bundleSize(): Promise<BundleSize> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { verifyReceipt } from '@vitalchain/core/verify'; globalThis.verifyReceipt = verifyReceipt`,
      resolveDir: import.meta.dirname
    },
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2023',
    conditions: ['@vitalchain/source'],
    logLevel: 'silent'
  })
  const script = outputFiles.map(file => file.text).join('')
  return { minified: script.length, gzipped: gzipSync(script, { level: 9 }).length }
}
