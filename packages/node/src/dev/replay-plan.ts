import { VitalchainError, type Reading } from '@vitalchain/core'
import { parseVitalsCsv, splitByDevice, type CsvReplay } from './replay-csv.ts'

/** What each device replays, and from when. */
export interface ReplayPlan {
  /** The time of minute 0, ms since 1970; undefined for a file with times of its own. */
  readonly startTime: number | undefined
  readonly devices: readonly {
    /** Headers of the columns that it feeds. */
    readonly columns: readonly string[]
    readonly readings: readonly Reading[]
  }[]
  readonly readings: number
}

/** How a file is replayed. */
export interface ReplayPlanOptions {
  readonly devices: number
  /** Whose rows, in a file of several people. */
  readonly subject: string | undefined
  /** Now, ms since 1970. */
  readonly now: number
  /** Whether the readings are fed at their times: then they begin now, else they end now. */
  readonly inTime: boolean
}

/** Name of the reading that holds a note, see `--note`. */
const NOTE_NAME = 'note'

/**
 * Deals a file to devices. Minutes are placed on the clock, whole milliseconds, so that no reading is of the future.
 *
 * @throws VitalchainError as `parseVitalsCsv`; `ERR_CSV_FORMAT` when there is nothing to replay, `ERR_CSV_VALUE` when one
 * time occurs twice: two readings would claim one cell
 */
export function planReplay(text: string, options: ReplayPlanOptions): ReplayPlan {
  const { devices, subject, now, inTime } = options
  const who = subject === undefined ? {} : { subject }
  const hasMinutes = /(^\uFEFF?|,) *minute *(,|\r?\n|$)/.test(text.slice(0, text.indexOf('\n') + 1))
  const fromZero = parseVitalsCsv(text, { ...who, startTime: 0 })
  checkRows(fromZero)
  const lastMs = inTime ? 0 : fromZero.rows.reduce((last, { time }) => Math.max(last, time), 0)
  const startTime = hasMinutes ? now - lastMs : undefined
  const replay = startTime === undefined ? fromZero : parseVitalsCsv(text, { ...who, startTime })
  return {
    startTime,
    readings: replay.readings,
    devices: splitByDevice(replay, devices).map(({ columns, readings }) => ({
      columns: columns.map(({ header }) => header),
      readings
    }))
  }
}

function checkRows({ rows, readings }: CsvReplay): void {
  if (readings === 0) {
    throw new VitalchainError('ERR_CSV_FORMAT', 'the file has no readings to replay')
  }
  const times = new Set<number>()
  for (const { time } of rows) {
    if (times.has(time)) {
      const row = times.size + 1
      throw new VitalchainError(
        'ERR_CSV_VALUE',
        `row ${row} of those to replay has the time of a row before it`,
        { values: { row } }
      )
    }
    times.add(time)
  }
}

/** The readings with a text before them, at the time of the first. */
export function withNote(
  readings: readonly Reading[],
  note: string | undefined
): readonly Reading[] {
  const [first] = readings
  if (note === undefined || first === undefined) return readings
  return [{ name: NOTE_NAME, time: first.time, value: note }, ...readings]
}
