import { build } from 'esbuild'
import t from 'tap'

for (const [what, file, least] of [
  ['the core of the SDK', 'index.ts', 20],
  ['the HTTP transport', 'transports/http.ts', 10],
  ['the WebSocket transport', 'transports/websocket.ts', 10]
] as const) {
  t.test(`${what} needs nothing but what browsers have`, async t => {
    const { metafile } = await build({
      entryPoints: [new URL(`../src/${file}`, import.meta.url).pathname],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      conditions: ['@vitalchain/source'],
      logLevel: 'silent'
    })
    const inputs = Object.keys(metafile.inputs)
    t.ok(inputs.length > least)
    t.same(
      inputs.filter(path => /libp2p|mqtt|node_modules\/ws|^node:/.test(path)),
      []
    )
  })
}
