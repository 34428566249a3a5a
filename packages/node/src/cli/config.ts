import { VitalchainError } from '@vitalchain/core'
import { checkTogether } from '../config/check-together.ts'
import { parseValue } from '../config/check-value.ts'
import { configJsonSchema } from '../config/json-schema.ts'
import { loadConfig, type FlagValues, type HeldSetting } from '../config/load-config.ts'
import { flagOf, SETTINGS, variableOf } from '../config/settings.ts'
import { didYouMean } from '../config/suggestion.ts'
import { writeSetting } from '../config/write-setting.ts'
import { EXIT, type CliIo } from './io.ts'
import { columns } from './member-text.ts'
import { say } from './own-node.ts'

/** What `vitalchain config show` and `validate` were asked for. */
export interface ConfigFlags {
  readonly dataDir?: string
  readonly config?: string
  readonly settings: FlagValues
  readonly json: boolean
}

/** Shows every setting with its value and where that comes from. @throws VitalchainError `ERR_USAGE`, as `loadConfig` */
export async function configShowCommand(flags: ConfigFlags, io: CliIo): Promise<number> {
  const { settings } = await load(flags)
  const rows = settings.map(held => ({
    setting: held.setting.path,
    value: shown(held),
    source: held.source
  }))
  say(io, flags, JSON.stringify({ settings: rows }), () =>
    columns(rows.map(({ setting, value, source }) => [setting, source, valueText(value)]))
  )
  return EXIT.ok
}

/** Checks all layers. @throws VitalchainError `ERR_USAGE`, `ERR_CONFIG`, as `loadConfig` */
export async function configValidateCommand(flags: ConfigFlags, io: CliIo): Promise<number> {
  const { config, file, unknownVariables } = await load(flags)
  checkTogether(config)
  const [first] = unknownVariables
  if (first !== undefined)
    throw new VitalchainError('ERR_CONFIG', `the environment: there is no setting ${first}`)
  say(io, flags, JSON.stringify({ valid: true, file }), () => [
    `${file} and the environment are right.`
  ])
  return EXIT.ok
}

/**
 * Changes one setting in the file of a node.
 *
 * @throws VitalchainError `ERR_CONFIG` for a setting that there is not or a value that it cannot have, `ERR_FILE`
 */
export async function configSetCommand(
  name: string,
  values: readonly string[],
  { dataDir, json }: { readonly dataDir: string; readonly json: boolean },
  io: CliIo
): Promise<number> {
  const setting = SETTINGS.find(({ path }) => path === name)
  if (setting === undefined) {
    const known = SETTINGS.map(({ path }) => path)
    throw new VitalchainError('ERR_CONFIG', `there is no setting ${name}${didYouMean(name, known)}`)
  }
  const value = values.length === 0 ? undefined : parseValue(setting, values.join(' '), name)
  const file = await writeSetting(dataDir, name, value)
  const source = flagOf(setting) ?? variableOf(setting)
  say(io, { json }, JSON.stringify({ setting: name, value: value ?? null, file }), () => [
    `Wrote ${file}. The node takes it at its next start, unless ${source} says otherwise there.`
  ])
  return EXIT.ok
}

/** Prints the JSON Schema of the file. */
export async function configSchemaCommand(
  { json }: { readonly json: boolean },
  io: CliIo
): Promise<number> {
  io.out(JSON.stringify(configJsonSchema(), undefined, json ? undefined : 2))
  return EXIT.ok
}

function load({ dataDir, config, settings }: ConfigFlags): ReturnType<typeof loadConfig> {
  if (
    dataDir === undefined &&
    config === undefined &&
    process.env['VITALCHAIN_CONFIG'] === undefined
  )
    throw new VitalchainError('ERR_USAGE', 'say which node: --data-dir or --config')
  return loadConfig({ dataDir, file: config, flags: settings })
}

/** A value as people may see it: passwords stay out, also those in URLs. */
function shown({ setting, value }: HeldSetting): unknown {
  if (value === undefined) return null
  if (setting.secret === true) return '***'
  if (typeof value !== 'string') return value
  return value.replace(/^([a-z+]+:\/\/[^:@/]*):[^@/]*@/, '$1:***@')
}

function valueText(value: unknown): string {
  if (value === null) return '-'
  if (Array.isArray(value)) return value.map(String).join(' ') || '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
