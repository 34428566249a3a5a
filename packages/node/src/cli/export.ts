import { writeFile } from 'node:fs/promises'
import { fromHex, unwrapStreamKeys, VitalchainError } from '@vitalchain/core'
import { keysOfDevices, keysOfStreams, type KeyFinder } from '../dev/key-finder.ts'
import { readDevKeys } from '../dev/keys-file.ts'
import { openReadings, type OpenReport } from '../dev/open-readings.ts'
import { readingsToCsv, type DeviceReading } from '../dev/readings-csv.ts'
import { readingsToWideCsv } from '../dev/wide-csv.ts'
import { EXIT, type CliIo } from './io.ts'
import { readBytes, readTextFile } from './json-file.ts'
import { isoTime } from './proven-text.ts'
import { openStoppedLedger } from './stopped-node.ts'

/** What `vitalchain export` was asked for. */
export interface ExportOptions {
  readonly dataDir: string
  /** The file with the devices' stream keys. */
  readonly keys?: string
  /** The file with a custodian's secret key, in place of `keys`, and those with what was wrapped for it. */
  readonly custodian?: string
  readonly wrapped?: readonly string[]
  /** Where to write; the standard output when absent. */
  readonly out?: string
  /** A replayed file whose form the output takes. */
  readonly like?: string
  /** Whether one line of JSON tells what was written; it needs `out`. */
  readonly json: boolean
}

/**
 * Writes the decrypted readings of one stopped node, from its store alone.
 *
 * @returns 1 when a payload or key was missing: then the rest is still written
 * @throws VitalchainError as `openStoppedLedger`, `findKeys` and `readingsToWideCsv`
 */
export async function exportCommand(options: ExportOptions, io: CliIo): Promise<number> {
  const { dataDir, out, like, json } = options
  if (json && out === undefined)
    throw new VitalchainError('ERR_USAGE', '--json needs --out: the readings are CSV')
  const { find, startTime } = await findKeys(options)
  const form = like === undefined ? undefined : await readTextFile(like, Infinity)
  const ledger = await openStoppedLedger(dataDir)
  try {
    const report: { value: OpenReport } = {
      value: { unopened: [], dropped: 0, jumps: 0, firstJumps: [] }
    }
    const readings = keepingReport(openReadings(ledger, find), report)
    if (form === undefined) {
      await writeLines(readingsToCsv(readings), out, io)
    } else {
      const wide = readingsToWideCsv(readings, { like: form, startTime })
      await writeText(wide.text, out, io)
      if (wide.others > 0) io.err(`${wide.others} readings have no cell in ${like ?? ''}`)
    }
    if (json) io.out(JSON.stringify({ file: out, ...report.value }))
    return json ? exitOf(report.value) : reportTo(report.value, io)
  } finally {
    await ledger.close()
  }
}

/** @throws VitalchainError `ERR_USAGE`, `ERR_FILE`, or as `unwrapStreamKeys` */
async function findKeys({ keys, custodian, wrapped = [] }: ExportOptions): Promise<{
  readonly find: KeyFinder
  /** Time of minute 0 of a replayed file, ms since 1970. */
  readonly startTime: number | undefined
}> {
  if (keys !== undefined) {
    const { devices, startTime } = await readDevKeys(keys)
    return { find: keysOfDevices(devices), startTime }
  }
  if (custodian === undefined || wrapped.length === 0)
    throw new VitalchainError('ERR_USAGE', '--custodian needs --wrapped, and --wrapped it')
  const secretKey = fromHex((await readTextFile(custodian)).trim())
  const streams = wrapped.map(async file => unwrapStreamKeys(await readBytes(file), secretKey))
  return { find: keysOfStreams(await Promise.all(streams)), startTime: undefined }
}

/** A generator's values, and at its end what it returned. */
function* keepingReport(
  readings: Generator<DeviceReading, OpenReport>,
  report: { value: OpenReport }
): Generator<DeviceReading> {
  report.value = yield* readings
}

function reportTo({ unopened, dropped, jumps, firstJumps }: OpenReport, io: CliIo): number {
  if (dropped > 0) io.err(`devices report that they dropped ${dropped} readings`)
  for (const { device, name, from, to } of firstJumps)
    io.err(`the times of ${name} of ${device} jump from ${isoTime(from)} to ${isoTime(to)}`)
  if (jumps > firstJumps.length) io.err(`... and ${jumps - firstJumps.length} jumps more`)
  for (const { code, statements } of unopened) {
    io.err(`error: ${unopenedText(code, statements)} (${code})`)
  }
  return exitOf({ unopened })
}

function exitOf({ unopened }: Pick<OpenReport, 'unopened'>): number {
  return unopened.length === 0 ? EXIT.ok : EXIT.failed
}

function unopenedText(code: string, statements: number): string {
  if (code === 'ERR_KEY_MISSING') return `no key for ${statements} statements`
  if (code === 'ERR_PAYLOAD_MISSING') return `the readings of ${statements} statements are missing`
  return `the readings of ${statements} statements cannot be opened`
}

async function writeLines(
  lines: Iterable<string>,
  out: string | undefined,
  io: CliIo
): Promise<void> {
  if (out === undefined) for (const line of lines) io.out(line)
  else await writeText(`${[...lines].join('\n')}\n`, out, io)
}

/** A file of readings is for its owner alone: they are a patient's, and in clear. */
async function writeText(text: string, out: string | undefined, io: CliIo): Promise<void> {
  // Whatever writes a line ends it.
  if (out === undefined) io.out(text.replace(/\n$/, ''))
  else await writeFile(out, text, { mode: 0o600 })
}
