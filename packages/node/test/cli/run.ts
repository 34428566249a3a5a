import type { CliIo } from '../../src/cli/io.ts'
import { runCli } from '../../src/cli/main.ts'

/** What a command answered. */
export interface Ran {
  readonly exit: number
  readonly out: readonly string[]
  readonly err: readonly string[]
}

/** Runs a command in this process. */
export function run(...argv: readonly string[]): Promise<Ran> {
  return runUntil(new AbortController().signal, argv)
}

/** Runs a command that is told to end at once. */
export function runStopped(...argv: readonly string[]): Promise<Ran> {
  return runUntil(AbortSignal.abort(), argv)
}

/** Runs a command in this process, with outputs of the test's own. @returns the exit code */
export function runWith(
  io: Pick<CliIo, 'out' | 'err' | 'stop'> & Partial<CliIo>,
  ...argv: readonly string[]
): Promise<number> {
  return runCli(argv, { inputEnd: () => new Promise(() => undefined), ...io })
}

async function runUntil(stop: AbortSignal, argv: readonly string[]): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const exit = await runCli(argv, {
    out: line => out.push(...line.split('\n')),
    err: line => err.push(...line.split('\n')),
    stop,
    inputEnd: () => new Promise(() => undefined)
  })
  return { exit, out, err }
}
