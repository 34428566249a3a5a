import type { Glance } from './progress.ts'

/** Bars from low to high, for a row of figures in one line. */
const BARS = '▁▂▃▄▅▆▇█'

/** Seconds that the row of committed readings goes back. */
export const HISTORY_S: number = 60

/** Characters of a bar that shows how much of a replay is committed. */
const BAR_CHARACTERS = 40

/** A hospital as the view shows it. */
export interface HospitalGlance extends Glance {
  readonly name: string
}

/** What the view shows at one moment. */
export interface DevGlance {
  readonly hospitals: readonly HospitalGlance[]
  readonly counts: {
    readonly accepted: number
    readonly committed: number
    readonly batches: number
    readonly proved: number
  }
  /** How many readings the replay has; undefined when it has no end. */
  readonly readings: number | undefined
  /** Median and 99th percentile of a batch signed to its receipt verified, ms; undefined before the first. */
  readonly latency: readonly [number, number] | undefined
  /** Readings committed in each of the last seconds, the newest last. */
  readonly history: readonly number[]
  readonly seconds: number
}

/**
 * The lines of the live view: each hospital's place, the readings, the latency.
 *
 * @param columns - the width of the terminal; nothing is longer, or its lines would break
 */
export function liveLines(glance: DevGlance, columns: number): readonly string[] {
  const { hospitals, counts, readings, latency, history, seconds } = glance
  const width = Math.max(8, ...hospitals.map(({ name }) => name.length))
  const leader = hospitals.find(({ state, last }) => state === 'up' && last !== undefined)?.last
    ?.leader
  const per = history.at(-1) ?? 0
  const share = readings === undefined ? undefined : Math.min(1, counts.committed / readings)
  const lines = [
    '',
    `  ${'hospital'.padEnd(width)}  ${'state'.padEnd(7)}  ${'height'.padStart(8)}  ${'view'.padStart(5)}  ${'links'.padStart(5)}  ${'waits'.padStart(6)}`,
    ...hospitals.map(each => hospitalLine(each, width, leader)),
    '',
    `  readings   ${counts.accepted} accepted, ${counts.committed} committed${readings === undefined ? '' : ` of ${readings}`}, ${per} a second`,
    `  batches    ${counts.batches} signed, ${counts.proved} proved`,
    `  latency    ${latency === undefined ? '-' : `${Math.round(latency[0])} ms median, ${Math.round(latency[1])} ms of 99 %`}`,
    `  last ${String(HISTORY_S)} s  ${sparkline(history)}`,
    ...(share === undefined ? [] : [`  done       ${bar(share)} ${Math.floor(share * 100)} %`]),
    `  ${seconds} s; Ctrl-C stops the network`
  ]
  return lines.map(line => line.slice(0, columns - 1))
}

/** Figures as one row of bars; the highest fills its place. */
export function sparkline(figures: readonly number[]): string {
  const max = Math.max(1, ...figures)
  return figures
    .map(each => BARS[Math.min(BARS.length - 1, Math.ceil((each / max) * (BARS.length - 1)))])
    .join('')
}

function hospitalLine(
  { name, state, last }: HospitalGlance,
  width: number,
  leader: string | undefined
): string {
  const shown = state === 'down' ? undefined : last
  const mark = name === leader ? '*' : ' '
  return `${mark} ${name.padEnd(width)}  ${state.padEnd(7)}  ${place(shown?.height, 8)}  ${place(shown?.view, 5)}  ${place(shown?.links, 5)}  ${place(shown?.waiting, 6)}`
}

function bar(share: number): string {
  const filled = Math.round(share * BAR_CHARACTERS)
  return `[${'#'.repeat(filled).padEnd(BAR_CHARACTERS, '.')}]`
}

function place(value: number | undefined, cells: number): string {
  return (value === undefined ? '-' : String(value)).padStart(cells)
}
