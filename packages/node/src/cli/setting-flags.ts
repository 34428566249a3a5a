import { InvalidArgumentError, Option, type Command } from 'commander'
import { isVitalchainError } from '@vitalchain/core'
import { parseValue } from '../config/check-value.ts'
import type { FlagValues } from '../config/load-config.ts'
import { flagOf, SETTINGS, variableOf, type Setting } from '../config/settings.ts'

/** What a setting's flag takes, for the help. */
const PLACEHOLDERS: Readonly<Record<Setting['kind'], string>> = {
  text: '<text>',
  integer: '<n>',
  boolean: '[true or false]',
  texts: '<text...>',
  addresses: '<multiaddr...>'
}

/** Gives a command a flag for each setting that has one. */
export function withSettings(command: Command): Command {
  for (const setting of SETTINGS) {
    const flag = flagOf(setting)
    if (flag === undefined) continue
    const about = `${setting.about} (${variableOf(setting)})`
    const option = new Option(`${flag} ${PLACEHOLDERS[setting.kind]}`, about)
    if (setting.kind === 'boolean') option.preset('true')
    command.addOption(
      option.argParser((text: string, before: unknown) =>
        flagValue(setting, text, Array.isArray(before) ? before : [])
      )
    )
  }
  return command
}

/** The settings among a command's options, by their paths. */
export function settingsIn(options: object): FlagValues {
  const given = new Map<string, unknown>(Object.entries(options))
  return new Map(
    SETTINGS.flatMap((setting): [string, unknown][] => {
      const value = given.get(attributeOf(setting))
      return flagOf(setting) === undefined || value === undefined ? [] : [[setting.path, value]]
    })
  )
}

function flagValue(setting: Setting, text: string, before: readonly unknown[]): unknown {
  try {
    const value = parseValue(setting, text, flagOf(setting) ?? '')
    return Array.isArray(value) ? [...before, ...value.map(String)] : value
  } catch (error) {
    if (isVitalchainError(error)) throw new InvalidArgumentError(`${error.message}.`)
    throw error
  }
}

/** The name under which commander keeps a flag: `httpPort` of `http.port`. */
function attributeOf({ path }: Setting): string {
  return path.replaceAll(/\.(.)/g, (_, first: string) => first.toUpperCase())
}
