import { resolve } from 'node:path'
import { checkValue, parseValue } from './check-value.ts'
import { readConfigFile } from './config-file.ts'
import { toNodeConfig, type LoadedNodeConfig } from './node-config.ts'
import { flagOf, SETTINGS, variableOf, type Setting } from './settings.ts'
import { didYouMean } from './suggestion.ts'

/** Variables that other programs and tools of this project read. */
const PREFIX = 'VITALCHAIN_'
/** The variable of `--data-dir`, and that of `--config`. */
const OTHER_VARIABLES: readonly string[] = ['VITALCHAIN_DATA_DIR', 'VITALCHAIN_CONFIG']

/** What settings flags say: by the path of the setting. */
export type FlagValues = ReadonlyMap<string, unknown>

/** One setting as it holds. */
export interface HeldSetting {
  readonly setting: Setting
  /** Undefined when nothing says it. */
  readonly value: unknown
  /** Where the value comes from: a flag, a variable, a file or `default`. */
  readonly source: string
}

/** The whole configuration of a node. */
export interface LoadedConfig {
  readonly config: LoadedNodeConfig
  readonly settings: readonly HeldSetting[]
  readonly file: string
  /** Variables of the environment that look like settings and are none. */
  readonly unknownVariables: readonly string[]
}

/**
 * Puts the layers together: flags before the environment before the file before what holds by default.
 *
 * @throws VitalchainError `ERR_FILE`, `ERR_CONFIG` naming layer and setting
 */
export async function loadConfig({
  dataDir,
  file,
  flags = new Map(),
  env = process.env
}: {
  readonly dataDir?: string | undefined
  /** The file of settings, when it is not in the data directory. */
  readonly file?: string | undefined
  readonly flags?: FlagValues
  readonly env?: Readonly<Record<string, string | undefined>>
}): Promise<LoadedConfig> {
  const read = await readConfigFile(dataDir, file ?? env['VITALCHAIN_CONFIG'])
  const settings = SETTINGS.map(setting => held(setting, { flags, env, file: read }))
  const tree: Record<string, unknown> = {}
  for (const { setting, value } of settings) put(tree, setting.path.split('.'), value)
  const variables = SETTINGS.map(variableOf)
  const known = [...variables, ...OTHER_VARIABLES]
  return {
    config: toNodeConfig(tree),
    settings,
    file: resolve(read.file),
    unknownVariables: Object.keys(env)
      .filter(name => name.startsWith(PREFIX) && !known.includes(name))
      .map(name => `${name}${didYouMean(name, known)}`)
  }
}

function held(
  setting: Setting,
  layers: {
    readonly flags: FlagValues
    readonly env: Readonly<Record<string, string | undefined>>
    readonly file: Awaited<ReturnType<typeof readConfigFile>>
  }
): HeldSetting {
  const { path, fallback } = setting
  const flag = layers.flags.get(path)
  if (flag !== undefined) {
    const source = flagOf(setting) ?? path
    checkValue(setting, flag, source)
    return { setting, value: flag, source }
  }
  const source = variableOf(setting)
  const text = layers.env[source]
  // Empty as a compose file passes on what is not set.
  if (text !== undefined && text !== '')
    return { setting, value: parseValue(setting, text, source), source }
  const { file, values } = layers.file
  const value = values.get(path)
  if (value !== undefined) return { setting, value, source: file }
  return { setting, value: fallback, source: fallback === undefined ? 'not set' : 'default' }
}

function put(tree: Record<string, unknown>, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    if (value !== undefined) tree[name] = value
    return
  }
  const inner = Object.fromEntries(Object.entries(tree[name] ?? {}))
  put(inner, rest, value)
  tree[name] = inner
}
