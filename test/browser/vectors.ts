import { readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { pureCryptoBackend, useCryptoBackend } from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { bundle, noBrowser, openPage } from './chromium.ts'
import type { Finding } from './finding.ts'
import { judge } from './judge.ts'

const folder = new URL('../vectors/', import.meta.url)

/** What came of one vector file. */
export interface FileVerdict {
  readonly name: string
  /** Vectors in the file. */
  readonly vectors: number
  /** Those that Node judges otherwise than the file. */
  readonly nodeWrong: readonly Finding[]
  /** Those that the browser judges otherwise than the file or than Node; undefined without a browser. */
  readonly browserWrong: readonly Finding[] | undefined
}

/** The names of the vector files, without their ending. */
export function vectorNames(): readonly string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .map(name => name.slice(0, -'.json'.length))
}

/** The text of a vector file. */
export function vectorText(name: string): string {
  return readFileSync(new URL(`${name}.json`, folder), 'utf8')
}

/** With the cryptography that a node uses; the pure one, which a page has, judges in the tests of core. */
function judgeInNode(name: string, text: string): readonly Finding[] {
  useCryptoBackend(nodeCryptoBackend)
  try {
    return judge(name, text)
  } finally {
    useCryptoBackend(pureCryptoBackend)
  }
}

/** Judges every vector file with the same source in Node and, where there is one, in Chromium. */
export async function judgeVectors(): Promise<readonly FileVerdict[]> {
  const opened = noBrowser === undefined ? await openPage() : undefined
  try {
    await opened?.page.addScriptTag({
      content: await bundle({ entryPoints: ['page.ts'], format: 'iife' })
    })
    const verdicts: FileVerdict[] = []
    for (const name of vectorNames()) {
      const text = vectorText(name)
      const inNode = judgeInNode(name, text)
      const inBrowser = await opened?.page.evaluate(
        ([name, text]) => globalThis.vitalchainJudge(name, text),
        [name, text] as const
      )
      verdicts.push({
        name,
        vectors: inNode.length,
        nodeWrong: inNode.filter(isWrong),
        // By Node's list: a vector that the browser did not judge is judged wrong.
        browserWrong: inBrowser && inNode.filter((finding, at) => isOther(finding, inBrowser[at]))
      })
    }
    return verdicts
  } finally {
    await opened?.close()
  }
}

function isOther(inNode: Finding, inBrowser: Finding | undefined): boolean {
  return inBrowser === undefined || isWrong(inBrowser) || !isDeepStrictEqual(inNode, inBrowser)
}

function isWrong({ expected, found }: Finding): boolean {
  return !isDeepStrictEqual(expected, found)
}
