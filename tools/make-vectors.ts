import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

// Writes test/vectors/*.json, or with --check tells whether they are current. They are deterministic: a change of one
// is a change of a format.
//
//   npx node tools/make-vectors.ts [--check]

interface Maker {
  readonly makeVectors: () => Promise<Readonly<Record<string, unknown>>>
  readonly vectorText: (vectors: unknown) => string
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
// Imported by its address: the maker is part of another TypeScript project, the tests of core.
const source = new URL('../packages/core/test/ledger/vectors.ts', import.meta.url).href
const { makeVectors, vectorText } = (await import(source)) as Maker
const folder = new URL('../test/vectors/', import.meta.url)

function read(file: URL): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

mkdirSync(folder, { recursive: true })
for (const [name, vectors] of Object.entries(await makeVectors())) {
  const file = new URL(`${name}.json`, folder)
  const text = vectorText(vectors)
  if (read(file) === text) continue
  if (values.check) {
    process.stderr.write(
      `${name}.json is not current: run tools/make-vectors.ts and read the diff\n`
    )
    process.exitCode = 1
  } else {
    writeFileSync(file, text)
  }
}
