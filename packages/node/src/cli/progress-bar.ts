import type { AuditProgress, OnProgress } from '../audit/fault.ts'
import { requireGoOn, type CliIo } from './io.ts'

/** How often the progress is told on a terminal, and where its lines are kept, ms. */
const BAR_MS = 100
const LINE_MS = 5_000

/** Characters of a full bar. */
const BAR_CHARACTERS = 30

const STAGES: Readonly<Record<AuditProgress['stage'], string>> = {
  files: 'reading files',
  blocks: 'carrying out blocks',
  records: 'comparing records',
  backup: 'writing bytes'
}

/** Shows how far something is: as a bar that is drawn again on a terminal, else as a line now and then. */
export interface ProgressBar {
  /** @throws VitalchainError `ERR_INTERRUPTED` once the command is to end */
  readonly onProgress: OnProgress
  /** Takes the bar away. */
  end(): void
}

/** A progress bar on the standard error. */
export function createProgressBar(io: CliIo, now: () => number = Date.now): ProgressBar {
  const started = now()
  let last = started
  let drawn = false
  return {
    onProgress(progress) {
      requireGoOn(io)
      const time = now()
      if (time - last < (io.draw === undefined ? LINE_MS : BAR_MS)) return
      last = time
      const text = progressText(progress, time - started)
      if (io.draw === undefined) io.err(text)
      else io.draw(text)
      drawn = true
    },
    end() {
      if (drawn) io.draw?.('')
    }
  }
}

/** One line: the stage, a bar where the end is known, and the seconds so far. */
export function progressText({ stage, done, total }: AuditProgress, ms: number): string {
  return barText(STAGES[stage], { done, total }, ms)
}

/** One line for anything that is done step by step: its name, a bar where the end is known, and the seconds so far. */
export function barText(
  name: string,
  { done, total }: { readonly done: number; readonly total: number | undefined },
  ms: number
): string {
  const seconds = `${Math.round(ms / 1_000)} s`
  if (total === undefined || total === 0) return `${name}: ${done}, ${seconds}`
  const share = Math.min(1, done / total)
  const filled = Math.round(share * BAR_CHARACTERS)
  const bar = '#'.repeat(filled).padEnd(BAR_CHARACTERS, '.')
  return `${name} [${bar}] ${Math.floor(share * 100)}%, ${seconds}`
}
