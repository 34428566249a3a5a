import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { VitalchainError } from '@vitalchain/core'
import { parse } from 'yaml'
import { readTextFile } from '../cli/json-file.ts'
import { checkValue } from './check-value.ts'
import { didYouMean } from './suggestion.ts'
import { SETTINGS } from './settings.ts'

/** The names that a node's file of settings may have in its data directory. The first is the one that commands write. */
export const CONFIG_FILES: readonly string[] = ['node.json', 'node.yaml', 'node.yml']

/** Bytes of a file of settings: a page of them has 1 kB. */
const CONFIG_BYTES_MAX = 64 * 1024

/** A key that editors read, and nobody else. */
const SCHEMA_KEY = '$schema'

/** What one file says. */
export interface ConfigFile {
  readonly file: string
  /** By the paths of the settings. */
  readonly values: ReadonlyMap<string, unknown>
}

/**
 * Reads a node's file of settings, JSON or YAML by its name.
 *
 * @param file - the file that was named; else the one in the data directory
 * @throws VitalchainError `ERR_FILE` when it cannot be read, or two are in the directory; `ERR_CONFIG` for what is wrong in it
 */
export async function readConfigFile(
  dataDir: string | undefined,
  file: string | undefined
): Promise<ConfigFile> {
  const found = file ?? (await fileIn(dataDir ?? '.'))
  return { file: found, values: readValues(await readTree(found), found) }
}

async function fileIn(dataDir: string): Promise<string> {
  const there: string[] = []
  for (const name of CONFIG_FILES) {
    const path = join(dataDir, name)
    if ((await stat(path).catch(() => undefined)) !== undefined) there.push(path)
  }
  const [first = join(dataDir, CONFIG_FILES[0] ?? ''), second] = there
  if (second !== undefined)
    throw new VitalchainError('ERR_FILE', `${first} and ${second}: only one of them can hold`)
  return first
}

async function readTree(file: string): Promise<unknown> {
  const text = (await readTextFile(file, CONFIG_BYTES_MAX)).replace(/^\uFEFF/, '')
  const isYaml = /\.ya?ml$/.test(file)
  try {
    return isYaml ? parse(text) : JSON.parse(text)
  } catch {
    // Without the cause: its message quotes the text, which may hold a secret.
    throw new VitalchainError('ERR_FILE', `${file}: expected ${isYaml ? 'YAML' : 'JSON'}`)
  }
}

function readValues(tree: unknown, file: string): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>()
  const known = SETTINGS.map(({ path }) => path)
  const walk = (node: unknown, path: string): void => {
    const setting = SETTINGS.find(each => each.path === path)
    if (setting !== undefined) {
      if (node === null) return
      checkValue(setting, node, file)
      values.set(path, node)
      return
    }
    const prefix = path === '' ? '' : `${path}.`
    if (path !== '' && !known.some(each => each.startsWith(prefix)))
      throw new VitalchainError(
        'ERR_CONFIG',
        `${file}: there is no setting ${path}${didYouMean(path, [...known, ...groups(known)])}`,
        { values: { path } }
      )
    if (typeof node !== 'object' || node === null || Array.isArray(node))
      throw new VitalchainError(
        'ERR_CONFIG',
        `${file}: ${path === '' ? '' : `${path}: `}expected an object with settings`,
        { values: { path } }
      )
    for (const [name, value] of Object.entries(node))
      if (path !== '' || name !== SCHEMA_KEY) walk(value, `${prefix}${name}`)
  }
  walk(tree, '')
  return values
}

/** `http` of `http.port`. */
function groups(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.flatMap(path => (path.includes('.') ? [path.split('.')[0] ?? ''] : [])))]
}
