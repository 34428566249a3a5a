import { open, rename, rm, stat } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import { parseJson, readTextFile } from '../cli/json-file.ts'
import { keepOwner } from '../keep-owner.ts'
import { readConfigFile } from './config-file.ts'

/**
 * Changes one setting in a node's file and leaves the rest as it is; in YAML, its comments too.
 *
 * @param path - of the setting, such as `http.port`
 * @param value - undefined takes it out of the file
 * @returns the file
 * @throws VitalchainError `ERR_FILE`, `ERR_CONFIG` when the file does not hold settings
 */
export async function writeSetting(dataDir: string, path: string, value: unknown): Promise<string> {
  const { file } = await readConfigFile(dataDir, undefined)
  const text = await readTextFile(file)
  const isYaml = /\.ya?ml$/.test(file)
  const names = path.split('.')
  const made = `${file}.new`
  const before = await stat(file)
  // What a process left that was killed here.
  await rm(made, { force: true })
  const handle = await open(made, 'wx', 0o600)
  try {
    await handle.writeFile(isYaml ? inYaml(text, names, value) : inJson(text, file, names, value))
    // A password may be in it: whoever could not read the file still cannot.
    await handle.chmod(before.mode & 0o777)
    await keepOwner(handle, before)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(made, file)
  return file
}

function inYaml(text: string, names: readonly string[], value: unknown): string {
  const document = parseDocument(text)
  if (value === undefined) document.deleteIn(names)
  else document.setIn(names, value)
  return document.toString()
}

function inJson(text: string, file: string, names: readonly string[], value: unknown): string {
  const before: unknown = JSON.parse(parseJson(text.replace(/^\uFEFF/, ''), file).json())
  return `${JSON.stringify(changed(before, names, value), undefined, 2)}\n`
}

function changed(before: unknown, [name = '', ...rest]: readonly string[], value: unknown): object {
  const entries = new Map<string, unknown>(
    Object.entries(typeof before === 'object' && before !== null ? before : {})
  )
  const now = rest.length === 0 ? value : changed(entries.get(name), rest, value)
  if (now === undefined) entries.delete(name)
  else entries.set(name, now)
  return Object.fromEntries(entries)
}
