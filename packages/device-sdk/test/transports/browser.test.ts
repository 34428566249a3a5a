import { build } from 'esbuild'
import t from 'tap'

for (const name of ['http', 'websocket']) {
  t.test(`the ${name} transport needs nothing but what browsers have`, async t => {
    const { metafile } = await build({
      entryPoints: [new URL(`../../src/transports/${name}.ts`, import.meta.url).pathname],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      conditions: ['@vitalchain/source'],
      logLevel: 'silent'
    })
    const inputs = Object.keys(metafile.inputs)
    t.ok(inputs.length > 10)
    t.same(
      inputs.filter(path => /libp2p|mqtt|node_modules\/ws|^node:/.test(path)),
      []
    )
  })
}
