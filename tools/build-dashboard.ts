// Bundles the dashboard's pages (packages/node/web) into packages/node/dist/dashboard/pages, which the node serves and
// the package holds. A node that runs from source calls this when the pages are missing or older than what they are made of.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const web = new URL('../packages/node/web/', import.meta.url)
const folder = new URL('../packages/node/dist/dashboard/', import.meta.url)
const pages = new URL('pages/', folder)

/** A reader never sees half a file: several nodes of one machine may build at once. */
async function replaceFile(url: URL, contents: string | Uint8Array): Promise<void> {
  const next = new URL(`${url.href}.${process.pid}.tmp`)
  await writeFile(next, contents)
  await rename(next, url)
}

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['main.tsx', 'style.css', 'icon.svg'].map(file => fileURLToPath(new URL(file, web))),
  outdir: fileURLToPath(pages),
  bundle: true,
  splitting: true,
  format: 'esm',
  write: false,
  minify: true,
  metafile: true,
  legalComments: 'inline',
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.svg': 'copy' },
  conditions: ['@vitalchain/source'],
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  logLevel: 'warning'
})

await mkdir(pages, { recursive: true })
let index = await readFile(new URL('index.html', web), 'utf8')
const kept = new Set(['index.html'])
for (const { path, contents } of outputFiles) {
  const name = basename(path)
  kept.add(name)
  // main-X.js takes the place of main.tsx and so on: entries have the names of their sources.
  const [, stem = '', ending = ''] = /^(.*)-[A-Z0-9]{8}\.(js|css|svg)$/.exec(name) ?? []
  const source = ending === 'js' ? `${stem}.tsx` : `${stem}.${ending}`
  index = index.replace(`"./${source}"`, `"./${name}"`)
  await replaceFile(new URL(name, pages), contents)
}
await replaceFile(new URL('index.html', pages), index)
// What the pages were made of: newer than index.html, and they are out of date.
await replaceFile(
  new URL('inputs.json', folder),
  JSON.stringify(['packages/node/web/index.html', ...Object.keys(metafile.inputs)])
)
for (const name of await readdir(pages))
  if (!kept.has(name)) await rm(new URL(name, pages), { force: true })
