import { existsSync, readFileSync } from 'node:fs'
import {
  encodeReadings,
  PAYLOAD_OVERHEAD_BYTES,
  sealPayload,
  type Reading,
  type StatementPlace
} from '@vitalchain/core'

// How much smaller compression makes payloads of real readings, and what it costs. spec P-4
//
//   npx node --conditions=@vitalchain/source tools/bench/compression.ts [folder of data, default ../shared/data]

const BATCHES = 100
const folder = process.argv[2] ?? '../shared/data'
const place: StatementPlace = {
  network: new Uint8Array(32),
  device: new Uint8Array(32),
  lane: 0,
  boot: 0,
  seq: 0,
  previous: new Uint8Array(32)
}
const key = new Uint8Array(32)
const salt = new Uint8Array(16)

if (!existsSync(folder)) {
  process.stderr.write(`skipped: there is no data in ${folder}\n`)
  process.exit(0)
}
const vitals = monitor()
report('monitor, all channels', vitals, [60, 300, 600])
report(
  'monitor, heart rate',
  vitals.filter(each => each.name === 'HR_bpm'),
  [60, 300]
)
report('glucose', glucose(), [12, 60, 288])
report('electrocardiogram, 360 Hz', ecg(), [360, 3_600])

function report(name: string, readings: readonly Reading[], sizes: readonly number[]): void {
  for (const size of sizes) {
    const batches = Array.from({ length: Math.floor(readings.length / size) }, (_, k) =>
      encodeReadings(readings.slice(k * size, (k + 1) * size))
    ).slice(0, BATCHES)
    const started = performance.now()
    const plain = batches.map(clear => sealPayload(clear, place, key, salt).payload.length)
    const between = performance.now()
    const small = batches.map(
      clear => sealPayload(clear, place, key, salt, { compress: true }).payload.length
    )
    const extra = (performance.now() - between - (between - started)) / batches.length
    const [from, to] = [mean(plain), mean(small)]
    process.stdout.write(
      `${name.padEnd(28)} ${String(size).padStart(5)} readings: ${from.toFixed(0).padStart(6)} to ${to.toFixed(0).padStart(6)} bytes, ` +
        `factor ${(from / to).toFixed(1)}, ${extra.toFixed(2)} ms more\n`
    )
  }
}

/** What a payload has on average besides its seal. */
function mean(lengths: readonly number[]): number {
  return lengths.reduce((a, b) => a + b, 0) / lengths.length - PAYLOAD_OVERHEAD_BYTES
}

function rows(path: string): readonly (readonly string[])[] {
  const text = readFileSync(`${folder}/${path}`, 'utf8')
  return text.split(/\r?\n/).map(line => line.split(','))
}

/** A row a minute, taken as one a second by a clock that is late by some ms. */
function monitor(): readonly Reading[] {
  const [head = [], ...lines] = rows('mimic-numerics/s00001n.csv')
  return lines.flatMap((line, k) =>
    line.flatMap((text, column) => {
      const name = head[column]?.replaceAll(/[^A-Za-z0-9_]/g, '') ?? ''
      if (column === 0 || text === '') return []
      const time = 1_700_000_000_000 + k * 1_000 + ((k * 37) % 11)
      return { name, unit: '1', time, value: Number(text) }
    })
  )
}

function glucose(): readonly Reading[] {
  return rows('cgm-hall2018/hall_cgm.csv')
    .slice(1)
    .flatMap(([, time, value]) =>
      time === undefined || value === undefined
        ? []
        : { name: '99504-3', unit: 'mg/dL', time: Date.parse(time), value: Number(value) }
    )
}

/** The first lead of format 212 (WFDB): two samples of 12 bits in three bytes. */
function ecg(): readonly Reading[] {
  const bytes = readFileSync(`${folder}/ecg-wfdb/100.dat`)
  return Array.from({ length: Math.floor(bytes.length / 3) }, (_, k) => {
    const raw = (bytes[k * 3] ?? 0) | (((bytes[k * 3 + 1] ?? 0) & 15) << 8)
    const time = Math.round(1_700_000_000_000 + (k * 1_000) / 360)
    return { name: 'MLII', unit: 'mV', time, value: raw > 2_047 ? raw - 4_096 : raw }
  })
}
