import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

// Writes test/vectors/*.json and test/vectors/device/*.json, or with --check tells whether they are current. They are deterministic: a change of one
// is a change of a format.
//
//   npx node tools/make-vectors.ts [--check]

interface Maker {
  readonly makeVectors: () => Promise<Readonly<Record<string, unknown>>>
  readonly vectorText: (vectors: unknown) => string
}

interface DeviceMaker {
  readonly makeDeviceVectors: Maker['makeVectors']
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
// Imported by their addresses: the makers are part of another TypeScript project, the tests of core.
const tests = (path: string): string =>
  new URL(`../packages/core/test/${path}`, import.meta.url).href
const { makeVectors, vectorText } = (await import(tests('ledger/vectors.ts'))) as Maker
const { makeDeviceVectors } = (await import(tests('device/protocol-vectors.ts'))) as DeviceMaker
const folder = new URL('../test/vectors/', import.meta.url)

function read(file: URL): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const forDevices = Object.entries(await makeDeviceVectors()).map(
  ([name, vectors]) => [`device/${name}`, vectors] as const
)
mkdirSync(new URL('device/', folder), { recursive: true })
for (const [name, vectors] of [...Object.entries(await makeVectors()), ...forDevices]) {
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
