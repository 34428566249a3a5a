import { createRandom } from '../../packages/node/src/dev/random.ts'

const HEADER =
  'minute,HR_bpm,ABPSys_mmHg,ABPDias_mmHg,ABPMean_mmHg,PULSE_bpm,RESP_pm,SpO2_%,NBPSys_mmHg,NBPDias_mmHg,NBPMean_mmHg'

/** Means of the columns, in their order. */
const MEANS = [78, 118, 62, 81, 78, 16, 97, 121, 66, 84]

/** Columns of the cuff, which measures every quarter of an hour. */
const CUFF_FROM = 7

/** A file as an ICU monitor's archive gives it: one decimal, CRLF, blank where nothing was sent, 0.0 where a sensor was off. */
export function vitalsCsv(minutes: number, seed: number): string {
  const random = createRandom(seed)
  const lines = Array.from({ length: minutes }, (_, minute) => {
    const cells = MEANS.map((mean, column) => {
      if (column >= CUFF_FROM && minute % 15 !== 7) return ''
      if (random.uniform() < 0.05) return ''
      if (random.uniform() < 0.1) return '0.0'
      return (mean * random.between(0.8, 1.2)).toFixed(1)
    })
    return [minute, ...cells].join(',')
  })
  return [HEADER, ...lines, ''].join('\r\n')
}

/** How many cells of a file are filled. */
export function filledCells(csv: string): number {
  const rows = csv.trim().split('\r\n').slice(1)
  return rows.flatMap(row => row.split(',').slice(1)).filter(cell => cell !== '').length
}
