// What the tools are called with. A number that is none must not turn into a run of nothing that ends well.
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

type Values<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T }>
>['values']

/** Ends the process: it was called wrongly. */
function wrong(message: string): never {
  process.stderr.write(`error: ${message}\n`)
  process.exit(2)
}

/** The values of the options; ends the process when one is unknown, and after `--help`. */
export function readFlags<T extends ParseArgsOptionsConfig>(options: T): Values<T> {
  const known = Object.entries(options)
    .map(([name, { type }]) => (type === 'string' ? `--${name} X` : `--${name}`))
    .join(', ')
  if (process.argv.includes('--help')) {
    process.stdout.write(`options: ${known}; docs/assurance.md says what they do\n`)
    process.exit(0)
  }
  try {
    return parseArgs({ options }).values
  } catch {
    return wrong(`the options are ${known}`)
  }
}

/** A whole number from `min`; ends the process when it is none. */
export function wholeNumber(name: string, text: string, min: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= min) return Number(text)
  return wrong(`--${name} takes a whole number from ${min}, not "${text}"`)
}

/** A number above 0; ends the process when it is none. */
export function positiveNumber(name: string, text: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text) && Number(text) > 0) return Number(text)
  return wrong(`--${name} takes a number above 0, not "${text}"`)
}
