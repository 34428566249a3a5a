import { multiaddr } from '@multiformats/multiaddr'
import { VitalchainError } from '@vitalchain/core'
import type { Setting } from './settings.ts'

/**
 * Checks a value of a setting.
 *
 * @param where - the layer that has it, for the error
 * @throws VitalchainError `ERR_CONFIG`, without the value where it is a secret
 */
export function checkValue(setting: Setting, value: unknown, where: string): void {
  const expected = expectation(setting, value)
  if (expected === undefined) return
  const { path, secret } = setting
  const found = secret === true ? '' : `, not ${JSON.stringify(value)}`
  const name = where === path ? path : `${where}: ${path}`
  throw new VitalchainError('ERR_CONFIG', `${name}: expected ${expected}${found}`, {
    values: { path }
  })
}

/**
 * The value that a text of the environment or of a flag stands for. Lists are separated by commas or spaces.
 *
 * @throws VitalchainError `ERR_CONFIG`
 */
export function parseValue(setting: Setting, text: string, where: string): unknown {
  const value = valueOf(setting, text)
  checkValue(setting, value, where)
  return value
}

/** Whether a text is an address as libp2p writes it, such as `/ip4/0.0.0.0/tcp/4001`. */
export function isMultiaddr(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

function valueOf({ kind }: Setting, text: string): unknown {
  if (kind === 'integer') return /^\d{1,15}$/.test(text) ? Number(text) : text
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if (kind === 'texts' || kind === 'addresses')
    return text.split(/[,\s]+/).filter(each => each !== '')
  return text
}

/** What is wrong, as what was expected instead; undefined when it is right. */
function expectation(setting: Setting, value: unknown): string | undefined {
  const { kind, range: [min, max] = [0, Number.MAX_SAFE_INTEGER], choices } = setting
  switch (kind) {
    case 'text':
      if (typeof value !== 'string' || value === '') return 'a text'
      return choices === undefined || choices.includes(value) ? undefined : choices.join(' or ')
    case 'integer':
      return typeof value === 'number' &&
        Number.isSafeInteger(value) &&
        value >= min &&
        value <= max
        ? undefined
        : `a whole number from ${min} to ${max}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false'
    case 'texts':
      return isTexts(value) ? undefined : 'a list of texts'
    case 'addresses':
      return isTexts(value) && value.every(isMultiaddr)
        ? undefined
        : 'a list of multiaddrs such as /ip4/0.0.0.0/tcp/4001'
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(each => typeof each === 'string')
}
