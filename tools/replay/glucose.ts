// Readings of continuous glucose monitors as a table: id,time,gl,diagnosis.
import { readFile } from 'node:fs/promises'
import type { Reading } from '@vitalchain/core'

/** LOINC: glucose in interstitial fluid. */
const GLUCOSE = '99504-3'

/** The readings of each person, in the order of the file, with their times as it gives them. */
export async function readGlucose(file: string): Promise<ReadonlyMap<string, readonly Reading[]>> {
  const people = new Map<string, Reading[]>()
  const [head, ...lines] = (await readFile(file, 'utf8')).trim().split(/\r?\n/)
  if (head?.startsWith('id,time,gl') !== true) throw new Error(`${file}: not id,time,gl`)
  for (const [k, line] of lines.entries()) {
    const [id = '', at = '', value = ''] = line.split(',')
    const time = Date.parse(at)
    if (Number.isNaN(time) || value === '' || !Number.isFinite(Number(value)))
      throw new Error(`${file}: line ${k + 2} is no reading`)
    const readings = people.get(id) ?? []
    people.set(id, readings)
    readings.push({ name: GLUCOSE, unit: 'mg/dL', time, value: Number(value) })
  }
  return people
}
