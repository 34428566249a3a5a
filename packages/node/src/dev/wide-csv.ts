import { VitalchainError } from '@vitalchain/core'
import type { DeviceReading } from './readings-csv.ts'
import { parseVitalsCsv } from './replay-csv.ts'

/** Readings in the form of another file. */
export interface WideCsv {
  readonly text: string
  /** Readings that have no cell in that file. */
  readonly others: number
}

/**
 * Readings in the wide form of a replayed file: its header, its times and its way to write numbers, every cell of a
 * channel from the readings. So a file that was replayed comes out byte for byte as it went in.
 *
 * @param like - the file whose form to take
 * @param startTime - the time of its minute 0, ms since 1970
 * @throws VitalchainError as {@link parseVitalsCsv}, and `ERR_CSV_VALUE` when two readings claim one cell
 */
export function readingsToWideCsv(
  readings: Iterable<DeviceReading>,
  { like, startTime }: { readonly like: string; readonly startTime: number | undefined }
): WideCsv {
  const { columns, rows } = parseVitalsCsv(like, startTime === undefined ? {} : { startTime })
  const values = new Map<string, string>()
  let count = 0
  for (const { reading } of readings) {
    const { name, time, value } = reading
    count++
    const cell = `${time}/${name}`
    const text = String(value)
    if ((values.get(cell) ?? text) !== text) {
      throw new VitalchainError('ERR_CSV_VALUE', 'two readings claim one cell', {
        values: { column: name, time }
      })
    }
    values.set(cell, text)
  }
  const lines = like.split('\n')
  const headers = cellsOf(lines[0] ?? '')
  const codeOf = new Map(columns.map(({ header, channel }) => [header, channel.code]))
  const decimals = headers.map((_, column) => fewestDecimals(lines.slice(1), column))

  let row = 0
  let used = 0
  const written = lines.map((line, index) => {
    if (index === 0 || line.trim() === '') return line
    const { time } = rows[row++] ?? { time: Number.NaN }
    const cells = cellsOf(line).map((cell, column) => {
      const code = codeOf.get(headers[column] ?? '')
      if (code === undefined) return cell
      const value = values.get(`${time}/${code}`)
      if (value === undefined) return ''
      used++
      return padDecimals(value, decimals[column] ?? 0)
    })
    return cells.join(',') + (line.endsWith('\r') ? '\r' : '')
  })
  return { text: written.join('\n'), others: count - used }
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\uFEFF/, '')
    .split(',')
    .map(cell => cell.trim())
}

/** How many decimals every number of a column has at least: 62.0 and 62.85 say one. */
function fewestDecimals(lines: readonly string[], column: number): number {
  let fewest = Number.POSITIVE_INFINITY
  for (const line of lines) {
    const cell = cellsOf(line)[column] ?? ''
    if (cell !== '') fewest = Math.min(fewest, decimalsOf(cell))
  }
  return Number.isFinite(fewest) ? fewest : 0
}

function decimalsOf(number: string): number {
  const point = number.indexOf('.')
  return point < 0 ? 0 : number.length - point - 1
}

function padDecimals(value: string, decimals: number): string {
  const missing = decimals - decimalsOf(value)
  if (missing <= 0 || value.includes('e')) return value
  return `${value}${value.includes('.') ? '' : '.'}${'0'.repeat(missing)}`
}
