import { readFlags } from './flags.ts'

// Judges every vector of test/vectors with the same source in Node and in Chromium. Ends with 1 when a verdict or a
// code is another than the file's, and when there is no browser to ask.
//
//   npm run test:vectors [-- --node-only]

interface Finding {
  readonly what: string
  readonly expected: unknown
  readonly found: unknown
}

interface Judging {
  readonly judgeVectors: () => Promise<
    readonly {
      readonly name: string
      readonly vectors: number
      readonly nodeWrong: readonly Finding[]
      readonly browserWrong: readonly Finding[] | undefined
    }[]
  >
}

interface Browser {
  readonly noBrowser: string | undefined
}

/** Wrong vectors that are shown of one file. */
const SHOWN_MAX = 5

const values = readFlags({ 'node-only': { type: 'boolean', default: false } })
// Imported by their addresses: they are part of another TypeScript project, the tests.
const from = (name: string): string => new URL(`../test/browser/${name}`, import.meta.url).href
const { judgeVectors } = (await import(from('vectors.ts'))) as Judging
const { noBrowser } = (await import(from('chromium.ts'))) as Browser

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

let total = 0
let wrong = 0
for (const { name, vectors, nodeWrong, browserWrong } of await judgeVectors()) {
  total += vectors
  wrong += nodeWrong.length + (browserWrong?.length ?? 0)
  const inBrowser = browserWrong === undefined ? 'not asked' : `${browserWrong.length} wrong`
  say(
    `${name.padEnd(16)} ${String(vectors).padStart(5)} vectors   Node: ${nodeWrong.length} wrong   Chromium: ${inBrowser}`
  )
  for (const { what, expected, found } of [...nodeWrong, ...(browserWrong ?? [])].slice(
    0,
    SHOWN_MAX
  ))
    say(`  ${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`)
}
say(`${total} vectors, ${wrong} wrong verdicts`)
if (noBrowser !== undefined) say(`Chromium was not asked: ${noBrowser}`)
if (wrong > 0 || (noBrowser !== undefined && !values['node-only'])) process.exitCode = 1
