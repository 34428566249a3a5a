import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { plainEnvironment } from '../plain-processes.ts'

const bin = fileURLToPath(new URL('../../packages/node/src/cli/bin.ts', import.meta.url))
const start = fileURLToPath(new URL('../../tools/start.mjs', import.meta.url))

/** A command that ran to its end. */
export interface Finished {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess
  /** Resolves when a line of its output fits, or one of its error output. */
  line(fits: RegExp): Promise<string>
  finished(): Promise<Finished>
}

/** Runs `vitalchain` in a process of its own. */
export function vitalchain(...argv: readonly string[]): Running {
  return run(['--conditions=@vitalchain/source', bin, ...argv])
}

/** Runs what `npm start` runs. */
export function npmStart(...argv: readonly string[]): Running {
  return run([start, ...argv])
}

function run(argv: readonly string[]): Running {
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: plainEnvironment()
  })
  const text = { out: '', err: '' }
  let wake: (() => void) | undefined
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    text.out += data
    wake?.()
  })
  child.stderr.setEncoding('utf8').on('data', (data: string) => {
    text.err += data
    wake?.()
  })
  const closed = once(child, 'close').then(() => wake?.())
  let ended = false
  void closed.then(() => (ended = true))
  return {
    child,
    async line(fits) {
      while (true) {
        const found = `${text.out}\n${text.err}`.split('\n').find(line => fits.test(line))
        if (found !== undefined) return found
        if (ended) throw new Error(`it ended without a line ${fits}: ${text.out}${text.err}`)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    async finished() {
      await closed
      return { code: child.exitCode, ...text }
    }
  }
}
