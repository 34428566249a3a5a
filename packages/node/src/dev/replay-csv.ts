import { type Reading, VitalchainError } from '@vitalchain/core'
import { VITAL_SIGNS, type VitalSign } from './vital-signs.ts'

/** Largest file, in UTF-16 code units. A year of one monitor, eleven columns a minute, has 30 million. */
const CSV_LENGTH_MAX = 64 * 1024 * 1024

/** Characters of a header that a message repeats. */
const HEADER_SHOWN_MAX = 64

const MS_PER_MINUTE = 60_000

/** A column of values. */
interface CsvColumn {
  readonly header: string
  readonly channel: VitalSign
}

/** One filled cell. */
interface CsvCell {
  /** Index into the columns of the replay. */
  readonly column: number
  readonly reading: Reading
}

/** One line: what was read at one time. Empty cells are not among its cells. */
interface CsvRow {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly time: number
  readonly cells: readonly CsvCell[]
}

/** A file of vital signs as readings. */
export interface CsvReplay {
  readonly columns: readonly CsvColumn[]
  readonly rows: readonly CsvRow[]
  /** How many cells are filled, those of a sensor that was off included. */
  readonly readings: number
  /** How many of the readings are the 0 of a sensor that was off. */
  readonly sensorOff: number
}

/** How to read a file of vital signs. */
export interface ParseVitalsOptions {
  /** The time of minute 0, in milliseconds since 1970. Needed for files with a `minute` column. */
  readonly startTime?: number
  /** Whose rows to take. Needed for files with an `id` column: several people are not one monitor. */
  readonly subject?: string
}

/** Headers that this replay knows, and the channel of each. */
const CHANNELS: ReadonlyMap<string, VitalSign> = new Map([
  ['HR_bpm', VITAL_SIGNS.heartRate],
  ['ABPSys_mmHg', VITAL_SIGNS.arterialSystolic],
  ['ABPDias_mmHg', VITAL_SIGNS.arterialDiastolic],
  ['ABPMean_mmHg', VITAL_SIGNS.arterialMean],
  ['PULSE_bpm', VITAL_SIGNS.pulseRate],
  ['RESP_pm', VITAL_SIGNS.respiratoryRate],
  ['SpO2_%', VITAL_SIGNS.oxygenSaturation],
  ['NBPSys_mmHg', VITAL_SIGNS.cuffSystolic],
  ['NBPDias_mmHg', VITAL_SIGNS.cuffDiastolic],
  ['NBPMean_mmHg', VITAL_SIGNS.cuffMean],
  ['Temp_C', VITAL_SIGNS.bodyTemperature],
  ['gl', VITAL_SIGNS.glucose]
])

/** Columns about the person, which no device measures. */
const ABOUT_SUBJECT: ReadonlySet<string> = new Set(['id', 'diagnosis'])

const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/

/**
 * Reads a comma-separated file of vital signs: a header line, a column `minute` (since `startTime`) or `time` (ISO 8601 with
 * its zone), and a column for each channel. An empty cell is no reading. A 0 is what a monitor writes while its
 * sensor is off: a reading flagged `sensor-off`, not dropped and not a measurement.
 *
 * @param text - the file; lines end in LF or CRLF, no quotes
 * @throws VitalchainError `ERR_CSV_COLUMN` for a column that is unknown, occurs twice or is missing, `ERR_CSV_VALUE`
 * for a cell that is not a number or a time, `ERR_CSV_FORMAT` for anything else; with the line where there is one.
 */
export function parseVitalsCsv(text: string, options: ParseVitalsOptions = {}): CsvReplay {
  if (text.length > CSV_LENGTH_MAX) {
    throw new VitalchainError('ERR_CSV_FORMAT', `a file has at most ${CSV_LENGTH_MAX} characters`, {
      values: { length: text.length }
    })
  }
  const [first = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (first.trim() === '' && lines.every(line => line.trim() === ''))
    throw columnFault('the file is empty', 'time')
  const headers = splitLine(first, 1)
  const { columns, channels, timeOf, idIndex } = readHeaders(headers, options)

  const rows: CsvRow[] = []
  let sensorOff = 0
  let readings = 0
  for (const [index, content] of lines.entries()) {
    // The header is line 1.
    const line = index + 2
    if (content === '') continue
    const values = splitLine(content, line)
    if (values.length !== headers.length) {
      throw new VitalchainError(
        'ERR_CSV_FORMAT',
        `line ${line} has ${values.length} cells, the header ${headers.length}`,
        { values: { line, cells: values.length } }
      )
    }
    if (idIndex >= 0 && values[idIndex] !== options.subject) continue
    const time = timeOf(values, line)
    const cells: CsvCell[] = []
    for (const [column, { index, sign }] of channels.entries()) {
      const cell = values[index] ?? ''
      if (cell === '') continue
      const value = numberOf(cell, headers[index] ?? '', line)
      const reading = { name: sign.code, unit: sign.unit, time, value }
      cells.push({ column, reading: value === 0 ? { ...reading, flag: 'sensor-off' } : reading })
      if (value === 0) sensorOff++
    }
    readings += cells.length
    rows.push({ time, cells })
  }
  return { columns, rows, readings, sensorOff }
}

interface Headers {
  readonly columns: readonly CsvColumn[]
  /** For each column of the replay, its place in a line. */
  readonly channels: readonly { readonly index: number; readonly sign: VitalSign }[]
  /** Place of the column that says whose row it is, or -1. */
  readonly idIndex: number
  readonly timeOf: (values: readonly string[], line: number) => number
}

function readHeaders(
  headers: readonly string[],
  { startTime, subject }: ParseVitalsOptions
): Headers {
  const columns: CsvColumn[] = []
  const channels: { index: number; sign: VitalSign }[] = []
  for (const [index, header] of headers.entries()) {
    if (headers.indexOf(header) !== index)
      throw columnFault(`the column ${shown(header)} occurs twice`, header)
    if (header === 'minute' || header === 'time' || ABOUT_SUBJECT.has(header)) continue
    const channel = CHANNELS.get(header)
    if (channel === undefined)
      throw columnFault(`no channel is known for the column ${shown(header)}`, header)
    columns.push({ header, channel })
    channels.push({ index, sign: channel })
  }
  const idIndex = headers.indexOf('id')
  if (idIndex >= 0 && subject === undefined) {
    throw columnFault('the file has a column id: say whose rows to take', 'id')
  }
  return { columns, channels, idIndex, timeOf: clockOf(headers, startTime) }
}

function clockOf(headers: readonly string[], startTime: number | undefined): Headers['timeOf'] {
  const time = headers.indexOf('time')
  const minute = headers.indexOf('minute')
  if (time < 0 === minute < 0) throw columnFault('a file has one column minute or time', 'time')
  if (time >= 0) return (values, line) => isoTimeOf(values[time] ?? '', line)
  if (startTime === undefined || !Number.isSafeInteger(startTime)) {
    throw columnFault(
      'a file with a column minute needs the time of minute 0 in whole milliseconds',
      'minute'
    )
  }
  return (values, line) => {
    return startTime + Math.round(numberOf(values[minute] ?? '', 'minute', line) * MS_PER_MINUTE)
  }
}

function splitLine(content: string, line: number): string[] {
  if (content.includes('"')) {
    throw new VitalchainError(
      'ERR_CSV_FORMAT',
      `line ${line} has quotes, which this reader does not take`,
      {
        values: { line }
      }
    )
  }
  return content.split(',').map(cell => cell.trim())
}

// The cell itself stays out of the messages: it may be a patient's.
function valueFault(column: string, line: number, expected: string): VitalchainError {
  return new VitalchainError(
    'ERR_CSV_VALUE',
    `line ${line}, column ${column}: expected ${expected}`,
    {
      values: { line, column }
    }
  )
}

function columnFault(message: string, column: string): VitalchainError {
  return new VitalchainError('ERR_CSV_COLUMN', message, { values: { column: shown(column) } })
}

/** A header fit for a terminal and a log, whatever the file is. */
function shown(header: string): string {
  return header.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, HEADER_SHOWN_MAX)
}

function numberOf(cell: string, column: string, line: number): number {
  const value = NUMBER.test(cell) ? Number(cell) : Number.NaN
  if (!Number.isFinite(value)) throw valueFault(column, line, 'a number')
  return value
}

function isoTimeOf(cell: string, line: number): number {
  const time = ISO_TIME.test(cell) ? Date.parse(cell) : Number.NaN
  if (Number.isNaN(time)) throw valueFault('time', line, 'an ISO 8601 time with its zone')
  return time
}

/** What one of several devices replays. */
export interface DeviceReplay {
  /** Its columns, as in the replay. */
  readonly columns: readonly CsvColumn[]
  /** The readings of its columns, in order of time; those of one time in the order of the columns. */
  readonly readings: readonly Reading[]
}

/**
 * Deals the columns of a replay to devices like cards: column c to device c mod `devices`. Devices beyond the number
 * of columns get none.
 *
 * @param devices - how many, at least 1
 * @throws VitalchainError `ERR_CSV_DEVICES` when `devices` is not a positive integer
 */
export function splitByDevice(replay: CsvReplay, devices: number): DeviceReplay[] {
  if (!Number.isSafeInteger(devices) || devices < 1) {
    throw new VitalchainError('ERR_CSV_DEVICES', 'a replay needs at least one device', {
      values: { devices }
    })
  }
  const dealt = Array.from({ length: devices }, (_, device) => ({
    columns: replay.columns.filter((_column, index) => index % devices === device),
    readings: [] as Reading[]
  }))
  // Files have rows out of order where a clock was set back; the sort keeps the order of rows at one time.
  for (const row of replay.rows.toSorted((a, b) => a.time - b.time)) {
    for (const { column, reading } of row.cells) dealt[column % devices]?.readings.push(reading)
  }
  return dealt
}
