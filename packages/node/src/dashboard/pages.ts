import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { errorCode, VitalchainError } from '@vitalchain/core'

/** A file of the dashboard as it is served. */
export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array
  readonly gzipped: Uint8Array
}

/** The dashboard's files by their name. */
export type Pages = ReadonlyMap<string, PageFile>

/** The page that everything begins with. */
export const INDEX: string = 'index.html'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

/** The same place from `src/dashboard` and from `dist/dashboard`. */
const FOLDER = new URL('../../dist/dashboard/', import.meta.url)

/** Where the source tree begins, if this is one. */
const ROOT = new URL('../../../../', import.meta.url)

/** How long the bundler may take, ms; it takes less than a second. */
const BUILD_MS_MAX = 60_000

let loaded: Promise<Pages> | undefined

/**
 * The dashboard's files, read once. In the source tree they are made when they are missing or older than their sources.
 *
 * @throws VitalchainError `ERR_NOT_FOUND` when they were not built
 */
export function dashboardPages(): Promise<Pages> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined
    throw error
  })
  return loaded
}

async function load(): Promise<Pages> {
  // Built, the package holds them; a test or `npm start` runs from source.
  if (import.meta.url.endsWith('.ts') && (await isOutOfDate())) await build()
  return readPages(new URL('pages/', FOLDER))
}

async function readPages(folder: URL): Promise<Pages> {
  const files = new Map<string, PageFile>()
  try {
    for (const name of await readdir(folder)) {
      const type = TYPES[extname(name)]
      if (type === undefined) continue
      const bytes = await readFile(new URL(name, folder))
      files.set(name, { type, bytes, gzipped: await promisify(gzip)(bytes) })
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  if (!files.has(INDEX))
    throw new VitalchainError(
      'ERR_NOT_FOUND',
      'the pages of the dashboard were not built: run "npm run build" in the source tree'
    )
  return files
}

/** Whether something that the pages are made of is newer than they are. */
async function isOutOfDate(): Promise<boolean> {
  try {
    const { mtimeMs: built } = await stat(new URL(`pages/${INDEX}`, FOLDER))
    const inputs: unknown = JSON.parse(await readFile(new URL('inputs.json', FOLDER), 'utf8'))
    if (!Array.isArray(inputs)) return true
    for (const input of inputs) {
      const { mtimeMs } = await stat(new URL(String(input), ROOT))
      if (mtimeMs > built) return true
    }
    return false
  } catch {
    // One of them is gone.
    return true
  }
}

/** In a process of its own: a node does not load a bundler. */
async function build(): Promise<void> {
  const tool = new URL('tools/build-dashboard.ts', ROOT)
  try {
    await promisify(execFile)(process.execPath, [fileURLToPath(tool)], {
      timeout: BUILD_MS_MAX,
      // Flags of this process, such as those of a test runner, are not for it.
      env: { ...process.env, NODE_OPTIONS: '' }
    })
  } catch (cause) {
    throw new VitalchainError(
      'ERR_NOT_FOUND',
      'the pages of the dashboard could not be built: "node tools/build-dashboard.ts" in the source tree says why',
      { cause }
    )
  }
}
