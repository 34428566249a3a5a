import type { Reading } from '@vitalchain/core'

/** A reading and the device that made it. */
export interface DeviceReading {
  /** How the file names the device. */
  readonly device: string
  readonly reading: Reading
}

/** The first line of an export. */
export const READINGS_CSV_HEADER: string = 'time,device,code,unit,value,flag'

/** Largest distance from 1970 that ISO 8601 dates of ECMAScript reach, in milliseconds. */
const DATE_MS_MAX = 8.64e15

/**
 * Readings as comma-separated lines in long form (RFC 4180), header first, without line ends: the inverse of a
 * replay, for the export command.
 *
 * The time is ISO 8601 in UTC with milliseconds, or the number of milliseconds where a clock was beyond the calendar.
 * `Number(text)` of a printed number is the value, bit for bit. Text values are always in quotes, so `"5"` is a text
 * and `5` a number.
 */
export function* readingsToCsv(readings: Iterable<DeviceReading>): Generator<string> {
  yield READINGS_CSV_HEADER
  for (const { device, reading } of readings) {
    const { name, unit = '', time, value, flag = '' } = reading
    const printedTime = Math.abs(time) <= DATE_MS_MAX ? new Date(time).toISOString() : `${time}`
    yield [printedTime, escape(device), name, escape(unit), printValue(value), flag].join(',')
  }
}

function printValue(value: Reading['value']): string {
  if (typeof value === 'string') return quote(value)
  return Object.is(value, -0) ? '-0' : String(value)
}

function escape(text: string): string {
  return /[",\r\n]/.test(text) ? quote(text) : text
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
