import { askSecret } from './ask-secret.ts'
import type { Painted } from './io.ts'
import { runCli } from './main.ts'
import { createPainter } from './painter.ts'

/** How long an ended command may keep the process alive with what it left open, ms. */
const LINGER_MS = 2_000

/** A terminal and a parent that passes signals on say the same thing twice within this, ms. */
const SAME_SIGNAL_MS = 300

/** Columns of a terminal that does not tell. */
const COLUMNS = 80

/** Runs the command of this process, with its signals and streams. */
export async function runProcess(): Promise<void> {
  const stop = new AbortController()
  let toldAt: number | undefined
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143]
  ] as const) {
    process.on(signal, () => {
      // Told again, it ends at once; what is on the disk is whole at any moment.
      if (performance.now() - (toldAt ?? Infinity) > SAME_SIGNAL_MS) process.exit(code)
      toldAt ??= performance.now()
      stop.abort()
    })
  }
  // Whoever reads us may stop early, as `head` does.
  process.stdout.on('error', () => process.exit())
  const painter = createPainter(text => void process.stderr.write(text))
  process.exitCode = await runCli(process.argv.slice(2), {
    out: line => painter.above(() => void process.stdout.write(`${line}\n`)),
    err: line => painter.above(() => void process.stderr.write(`${line}\n`)),
    ...(process.stderr.isTTY && process.stdout.isTTY
      ? { paint: (lines: Painted) => painter.paint(lines(process.stderr.columns || COLUMNS)) }
      : {}),
    ...(process.stderr.isTTY
      ? { draw: (line: string) => void process.stderr.write(`\r\u001B[2K${line}`) }
      : {}),
    ...(process.stdin.isTTY ? { askSecret } : {}),
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
