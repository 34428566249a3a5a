import { isVitalchainError, VitalchainError } from '@vitalchain/core'

/** What a command knows of the process that it runs in. */
export interface CliIo {
  /** Writes a line of what was asked for. */
  readonly out: (line: string) => void
  /** Writes a line about how it goes: progress, faults, logs. */
  readonly err: (line: string) => void
  /** Draws the last line of the terminal anew; undefined when the standard error is none. */
  readonly draw?: (line: string) => void
  /** Keeps a block of lines below everything else; undefined unless both outputs are terminals. */
  readonly paint?: (lines: Painted) => void
  /** Aborts when the command is to end: SIGINT or SIGTERM. */
  readonly stop: AbortSignal
  /** Asks for something that is not shown while it is typed; undefined when nobody sits at the standard input. */
  readonly askSecret?: (question: string) => Promise<string>
  /** Resolves when the standard input ends. */
  inputEnd(): Promise<void>
}

/** The lines of a block, for a terminal of so many columns. None take it away. */
export type Painted = (columns: number) => readonly string[]

/** @throws VitalchainError `ERR_INTERRUPTED` once the command is to end */
export function requireGoOn({ stop }: Pick<CliIo, 'stop'>): void {
  if (stop.aborted) throw new VitalchainError('ERR_INTERRUPTED', 'it was told to end')
}

/** A name for people. What breaks or turns lines in it is written out: the name of a file must not pass for a verdict. */
export function printable(name: string): string {
  return name.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    character => `\\u{${character.codePointAt(0)?.toString(16)}}`
  )
}

/** Exit codes of every command. */
export const EXIT: { readonly ok: 0; readonly failed: 1; readonly usage: 2 } = {
  ok: 0,
  /** It ran and the answer is no: an invalid receipt, nothing found, something lost; or it stopped with an error. */
  failed: 1,
  /** It was called wrongly, or a file or directory that it was given cannot be used. */
  usage: 2
}

/** One line about an error, with its code: of other errors the first line, without what may follow it. */
export function errorLine(error: unknown): string {
  if (isVitalchainError(error)) return `error: ${printable(error.message)} (${error.code})`
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return `error: ${printable(first)}`
}

/** An error as one line of JSON, for who asked for JSON. */
export function errorJson(error: unknown): string {
  if (!isVitalchainError(error))
    return JSON.stringify({ error: { message: errorLine(error).replace(/^error: /, '') } })
  const { code, message, retryable } = error
  return JSON.stringify({ error: { code, message: printable(message), retryable } })
}

/** The exit code for an error: {@link EXIT}.usage for one about what the caller gave. */
export function errorExit(error: unknown): number {
  return isVitalchainError(error) && isUsageError(error) ? EXIT.usage : EXIT.failed
}

const USAGE_CODES: ReadonlySet<string> = new Set([
  'ERR_USAGE',
  'ERR_OTHER_NETWORK',
  'ERR_UNKNOWN_MEMBER',
  'ERR_CHANGE_UNKNOWN',
  'ERR_CLAIM_TEXT',
  'ERR_FILE',
  'ERR_CONFIG',
  'ERR_PASSPHRASE',
  'ERR_MEMBER_PART',
  'ERR_GENESIS',
  'ERR_LEDGER_FILE',
  'ERR_KEYS_NOT_OF_MEMBER',
  'ERR_DATA_DIR_NOT_EMPTY',
  'ERR_RESTORE_UNFINISHED',
  'ERR_CSV_FORMAT',
  'ERR_CSV_COLUMN',
  'ERR_CSV_VALUE',
  'ERR_CSV_DEVICES'
])

function isUsageError({ code }: VitalchainError): boolean {
  return USAGE_CODES.has(code)
}
