import { interruptedLine } from '../dev/interrupted.ts'
import { runDev, type DevRunOptions } from '../dev/run.ts'
import { summaryLines } from '../dev/summary.ts'
import { EXIT, type CliIo } from './io.ts'

/** What `vitalchain dev` was asked for. */
export interface DevOptions extends DevRunOptions {
  /** Whether the last line is the summary as JSON, and everything before it goes to the standard error. */
  readonly json: boolean
}

/**
 * Runs a network of development.
 *
 * @returns 1 when a run was interrupted that was to come to its end, when anything was lost, stood there twice, was not proved, or the validators do not agree
 * @throws VitalchainError what ended the run
 */
export async function devCommand({ json, ...options }: DevOptions, io: CliIo): Promise<number> {
  const say = json ? io.err : io.out
  const { stop, paint } = io
  const summary = await runDev(options, { say, stop, ...(paint === undefined ? {} : { paint }) })
  if (summary === undefined) return EXIT.ok
  if (json) io.out(JSON.stringify(summary))
  else if ('interrupted' in summary) io.err(interruptedLine(summary))
  else for (const line of summaryLines(summary)) io.out(line)
  return summary.ok ? EXIT.ok : EXIT.failed
}
