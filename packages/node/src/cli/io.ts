import { isVitalchainError, type VitalchainError } from '@vitalchain/core'

/** What a command knows of the process that it runs in. */
export interface CliIo {
  /** Writes a line of what was asked for. */
  readonly out: (line: string) => void
  /** Writes a line about how it goes: progress, faults, logs. */
  readonly err: (line: string) => void
  /** Aborts when the command is to end: SIGINT or SIGTERM. */
  readonly stop: AbortSignal
  /** Resolves when the standard input ends. */
  inputEnd(): Promise<void>
}

/** Exit codes of every command. */
export const EXIT: { readonly ok: 0; readonly failed: 1; readonly usage: 2 } = {
  ok: 0,
  /** It ran and the answer is no: an invalid receipt, nothing found, something lost; or it stopped with an error. */
  failed: 1,
  /** It was called wrongly, or a file that it was given cannot be read. */
  usage: 2
}

/** One line about an error, with its code. */
export function errorLine(error: unknown): string {
  if (isVitalchainError(error)) return `error: ${error.message} (${error.code})`
  return `error: ${error instanceof Error ? error.message : String(error)}`
}

/** The exit code for an error: {@link EXIT}.usage for one about what the caller gave. */
export function errorExit(error: unknown): number {
  return isVitalchainError(error) && isUsageError(error) ? EXIT.usage : EXIT.failed
}

function isUsageError({ code }: VitalchainError): boolean {
  return code === 'ERR_USAGE' || code === 'ERR_FILE'
}
