import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { VitalchainError } from '@vitalchain/core'

/** How long a node may take until it says that it is ready, ms. */
const READY_MS = 30_000

/** How long a node may take to stop before it is killed, ms. */
const STOP_MS = 10_000

/** A line of a log that says why the program ended: the command's own, or one that Node writes of what nobody caught. */
const LAST_WORDS = /^(?:\w*Error\b.*|error: .*)$/gm

/** Characters of such a line that are repeated. */
const LAST_WORDS_MAX = 300

/** One hospital's node in a process of its own. It dies with this process, however that ends. */
export interface HospitalProcess {
  /** Undefined while it does not run. */
  readonly pid: number | undefined
  /**
   * Runs the node; resolves when it says that it is ready. While it starts already or runs, that is all that it waits for.
   *
   * @param flags - more flags of `vitalchain start`
   * @throws VitalchainError `ERR_NODE_ENDED` when it ends before
   */
  start(...flags: readonly string[]): Promise<void>
  /** SIGKILL: what it did not write is lost. Resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM. Resolves when it is gone, to whether it ended well. */
  stop(): Promise<boolean>
}

/**
 * Makes the process of a node. Nothing runs before `start()`.
 *
 * @param onEnd - told when the node ends by itself
 */
export function createHospitalProcess(
  { name, dataDir }: { readonly name: string; readonly dataDir: string },
  onEnd: (error: VitalchainError) => void
): HospitalProcess {
  const logFile = join(dataDir, 'node.log')
  let child: ChildProcess | undefined
  let exit: Promise<unknown> = Promise.resolve()
  /** Where this run's lines begin in the log. */
  let logFrom = 0
  let starting: Promise<void> | undefined

  const ended = (code: number | null, signal: NodeJS.Signals | null): VitalchainError => {
    const how = signal ?? `code ${code ?? ''}`
    const why = code === 0 || code === null ? '' : lastWords(logFile, logFrom)
    return new VitalchainError('ERR_NODE_ENDED', `the node of ${name} ended with ${how}${why}`)
  }

  const run = async (flags: readonly string[]): Promise<void> => {
    const log = openSync(logFile, 'a', 0o600)
    logFrom = fstatSync(log).size
    const started = spawn(process.execPath, [...nodeArguments(dataDir), ...flags], {
      // The end of its input tells it that we are gone, even by SIGKILL.
      stdio: ['pipe', 'pipe', log],
      // A terminal's Ctrl-C goes to the whole group; nodes are stopped by us, after the devices.
      detached: process.platform !== 'win32',
      windowsHide: true
    })
    closeSync(log)
    child = started
    exit = once(started, 'exit')
    // The error of a write to a child that is gone says nothing that its end does not.
    started.stdin?.on('error', () => undefined)
    try {
      await ready(started, name)
    } catch (error) {
      started.kill('SIGKILL')
      if (child === started) child = undefined
      throw started.exitCode === null ? error : ended(started.exitCode, started.signalCode)
    }
    started.once('exit', (code, signal) => {
      if (child !== started) return
      child = undefined
      onEnd(ended(code, signal))
    })
  }

  return {
    get pid() {
      return child?.pid
    },
    start(...flags) {
      if (starting === undefined && child !== undefined) return Promise.resolve()
      starting ??= run(flags).finally(() => (starting = undefined))
      return starting
    },
    async kill() {
      const killed = child
      child = undefined
      killed?.kill('SIGKILL')
      await exit
    },
    async stop() {
      const stopping = child
      if (stopping === undefined) return true
      child = undefined
      stopping.kill('SIGTERM')
      const force = setTimeout(() => stopping.kill('SIGKILL'), STOP_MS)
      await exit
      clearTimeout(force)
      return stopping.exitCode === 0
    }
  }
}

/** Why a run ended as its log says, with a colon before it; empty when it does not. */
function lastWords(logFile: string, from: number): string {
  const text = readFileSync(logFile).subarray(from).toString('utf8')
  const line = text.match(LAST_WORDS)?.at(-1)
  return line === undefined ? '' : `: ${line.replace(/^error: /, '').slice(0, LAST_WORDS_MAX)}`
}

/** The same program, from source or built: this process's flags and entry with another command. */
function nodeArguments(dataDir: string): readonly string[] {
  const built = import.meta.url.endsWith('.js')
  const entry = new URL(`../cli/bin.${built ? 'js' : 'ts'}`, import.meta.url)
  // From source, packages resolve to their source by an export condition.
  const flags = built ? [] : ['--conditions=@vitalchain/source']
  return [...flags, fileURLToPath(entry), 'start', '--data-dir', dataDir, '--stop-on-input-end']
}

async function ready(child: ChildProcess, name: string): Promise<void> {
  const output = child.stdout
  if (output === null) throw new Error('a child without an output')
  const lines = createInterface({ input: output })
  const first = new Promise<void>((resolve, reject) => {
    const fail = (what: string): void =>
      reject(new VitalchainError('ERR_NODE_ENDED', `the node of ${name} ${what}`))
    lines.once('line', () => resolve())
    child.once('exit', () => fail('ended before it was ready'))
    child.once('error', () => fail('could not be started'))
    setTimeout(() => fail(`was not ready after ${READY_MS / 1_000} s`), READY_MS).unref()
  })
  await first
}
