import { runCli } from '../../src/cli/main.ts'

/** What a command answered. */
export interface Ran {
  readonly exit: number
  readonly out: readonly string[]
  readonly err: readonly string[]
}

/** Runs a command in this process. */
export async function run(...argv: readonly string[]): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const exit = await runCli(argv, {
    out: line => out.push(...line.split('\n')),
    err: line => err.push(...line.split('\n')),
    stop: new AbortController().signal,
    inputEnd: () => new Promise(() => undefined)
  })
  return { exit, out, err }
}
