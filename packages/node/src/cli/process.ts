import { runCli } from './main.ts'

/** How long an ended command may keep the process alive with what it left open, ms. */
const LINGER_MS = 2_000

/** Runs the command of this process, with its signals and streams. */
export async function runProcess(): Promise<void> {
  const stop = new AbortController()
  // Only the first counts: a terminal and a parent that passes signals on would otherwise say it twice.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  // Whoever reads us may stop early, as `head` does.
  process.stdout.on('error', () => process.exit())
  process.exitCode = await runCli(process.argv.slice(2), {
    out: line => void process.stdout.write(`${line}\n`),
    err: line => void process.stderr.write(`${line}\n`),
    ...(process.stderr.isTTY
      ? { draw: (line: string) => void process.stderr.write(`\r\u001B[2K${line}`) }
      : {}),
    stop: stop.signal,
    inputEnd
  })
  // What was written is flushed first, and an idle process ends by itself before this.
  setTimeout(() => process.exit(), LINGER_MS).unref()
}

function inputEnd(): Promise<void> {
  return new Promise(resolve => {
    process.stdin.on('error', () => resolve())
    process.stdin.on('close', () => resolve())
    process.stdin.on('end', () => resolve())
    process.stdin.resume()
  })
}
