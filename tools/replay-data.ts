/**
 * Real recordings through the device SDK and a network of four hospitals, and back from another hospital's node than the one
 * that took them: every sample and every reading must be what it was.
 *
 *   npx node --conditions=@vitalchain/source tools/replay-data.ts --ecg DIR --cgm DIR
 *     --ecg DIR       a WFDB record of two signals in format 212, for example MIT-BIH record 100
 *     --seconds 60    of the electrocardiogram in one call of `recordSamples`
 *     --cgm DIR       a table hall_cgm.csv: id,time,gl,diagnosis
 *     --readings 288  of glucose in a batch
 *
 * Exits 1 when anything is missing, or another value than it was.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  CONTENT_FORMAT_SAMPLES,
  CONTENT_FORMAT_SENML_CBOR,
  createJumpFinder,
  decodeReadings,
  decodeSamples,
  equalBytes,
  TIME_JUMP_MS,
  useCryptoBackend,
  type Reading,
  type SampledSignals
} from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { readFlags, wholeNumber } from './flags.ts'
import { readGlucose } from './replay/glucose.ts'
import { openWard, type Opened, type Ward } from './replay/ward.ts'
import { encode212, faultOf, MISSING_212, readWfdbRecord, type WfdbRecord } from './replay/wfdb.ts'

/** When the recording of an electrocardiogram begins by the device's clock: its header says no date. */
const START = Date.UTC(2026, 0, 1)

/** People whose readings go in at once. */
const AT_ONCE = 4

/** Jumps in time that are shown of one person. */
const JUMPS_SHOWN = 3

const DAY_MS = 86_400_000

useCryptoBackend(nodeCryptoBackend)
const values = readFlags({
  ecg: { type: 'string' },
  cgm: { type: 'string' },
  seconds: { type: 'string', default: '60' },
  readings: { type: 'string', default: '288' }
})
const seconds = wholeNumber('seconds', values.seconds, 1)
const batch = wholeNumber('readings', values.readings, 1)
if (values.ecg === undefined && values.cgm === undefined) {
  process.stderr.write('error: nothing to replay: give --ecg DIR, --cgm DIR, or both\n')
  process.exit(2)
}

const ward = await openWard()
try {
  const faults = [
    ...(values.ecg === undefined ? [] : await replayEcg(ward, values.ecg)),
    ...(values.cgm === undefined ? [] : await replayGlucose(ward, values.cgm))
  ]
  for (const fault of faults) say(`WRONG: ${fault}`)
  say(faults.length === 0 ? 'all came back as it was' : 'FAILED')
  if (faults.length > 0) process.exitCode = 1
} finally {
  await ward.stop()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** What each sample or reading takes, and how fast they went. */
function sayCost(what: string, count: number, opened: readonly Opened[], ms: number): void {
  const sealed = opened.reduce((sum, { bytes }) => sum + bytes, 0)
  const clear = opened.reduce((sum, { clear }) => sum + clear.length, 0)
  say(
    `  ${opened.length} statements; ${(clear / count).toFixed(2)} bytes a ${what} in clear, ${(sealed / count).toFixed(2)} encrypted; ` +
      `${Math.round((count * 1_000) / ms)} ${what}s a second, from the device to its proof`
  )
}

async function replayEcg(ward: Ward, folder: string): Promise<readonly string[]> {
  const header = (await readdir(folder)).find(name => name.endsWith('.hea'))
  if (header === undefined) throw new Error(`${folder} has no .hea file`)
  const record = await readWfdbRecord(folder, header)
  const length = record.signals[0]?.samples.length ?? 0
  const { device, readBack, stop } = await ward.device('electrocardiograph', 1)
  const started = performance.now()
  const perCall = Math.ceil((seconds * record.rate.numerator) / record.rate.denominator)
  for (let first = 0; first < length; first += perCall)
    await device.recordSamples(stretchOf(record, first, first + perCall))
  await device.drained()
  const ms = performance.now() - started
  const opened = await readBack()
  await stop()
  say(
    `record ${record.name}: ${record.signals.length} leads of ${length} samples at ${record.rate.numerator / record.rate.denominator} Hz`
  )
  sayCost('sample', length * record.signals.length, opened, ms)
  return ecgFaults(record, opened)
}

function stretchOf({ signals, rate }: WfdbRecord, first: number, end: number): SampledSignals {
  return {
    start: START,
    first,
    rate,
    signals: signals.map(({ description, unit, gain, baseline, samples }) => ({
      name: description,
      unit,
      scale: { numerator: gain.denominator, denominator: gain.numerator },
      zero: baseline,
      missing: MISSING_212,
      samples: samples.subarray(first, end)
    }))
  }
}

function ecgFaults(record: WfdbRecord, opened: readonly Opened[]): readonly string[] {
  const faults: string[] = []
  const parts = opened.map(({ statement, clear }) => {
    if (statement.contentFormat !== CONTENT_FORMAT_SAMPLES) faults.push('another content format')
    return decodeSamples(clear)
  })
  let next = 0
  for (const { start, first, rate, signals } of parts) {
    if (first !== next || start !== START || !isDeepStrictEqual(rate, record.rate))
      faults.push(`a stretch does not go on at sample ${next}`)
    next = first + (signals[0]?.samples.length ?? 0)
  }
  const leads = record.signals.map((signal, k) => {
    const samples = Int32Array.from(
      parts.flatMap(({ signals }) => [...(signals[k]?.samples ?? [])])
    )
    const fault = faultOf(signal, samples)
    if (fault !== undefined) faults.push(`${signal.description}: ${fault}`)
    else say(`  ${signal.description}: sum ${signal.checksum} as the header says`)
    return samples
  })
  const [one = new Int32Array(0), two = new Int32Array(0)] = leads
  if (equalBytes(encode212(one, two), record.bytes))
    say(
      `  ${record.file} written again from what came back is the same ${record.bytes.length} bytes`
    )
  else faults.push(`${record.file} is another`)
  return faults
}

async function replayGlucose(ward: Ward, folder: string): Promise<readonly string[]> {
  const people = await readGlucose(join(folder, 'hall_cgm.csv'))
  const faults: string[] = []
  const all: Opened[] = []
  const count = [...people.values()].reduce((sum, readings) => sum + readings.length, 0)
  const started = performance.now()
  const left = [...people]
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [id, readings] = next
      const opened = await throughLedger(ward, readings)
      all.push(...opened)
      faults.push(...glucoseFaults(id, readings, opened))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  say(`glucose: ${count} readings of ${people.size} people`)
  sayCost('reading', count, all, performance.now() - started)
  return faults
}

async function throughLedger(ward: Ward, readings: readonly Reading[]): Promise<readonly Opened[]> {
  const { device, readBack, stop } = await ward.device('glucose monitor', batch)
  const stored = device.record(readings)
  await device.flush()
  await stored
  const opened = await readBack()
  await stop()
  return opened
}

function glucoseFaults(
  id: string,
  readings: readonly Reading[],
  opened: readonly Opened[]
): readonly string[] {
  const faults: string[] = []
  const back = opened.flatMap(({ statement, clear }) => {
    if (statement.contentFormat !== CONTENT_FORMAT_SENML_CBOR) faults.push('another content format')
    return decodeReadings(clear)
  })
  if (!isDeepStrictEqual(back, readings)) faults.push(`${id}: other readings came back`)
  const find = createJumpFinder()
  const jumps = back.flatMap(reading => find(reading) ?? [])
  for (const { from, to } of jumps.slice(0, JUMPS_SHOWN))
    say(
      `  ${id}: recorded as given and flagged, times jump by ${Math.round((to - from) / DAY_MS)} days, from ${date(from)} to ${date(to)}`
    )
  const wide = opened.filter(({ statement: { from, to } }) => to - from > TIME_JUMP_MS)
  if (wide.length > 0)
    say(`  ${id}: ${wide.length} statement tells of it without any key: its times are wide apart`)
  return faults
}

function date(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
