import { existsSync, readFileSync } from 'node:fs'
import { decodeReadings, encodeReadings, type Reading } from '@vitalchain/core'
import t from 'tap'
import { readingsToCsv, READINGS_CSV_HEADER } from '../../src/dev/readings-csv.ts'
import { parseVitalsCsv, splitByDevice } from '../../src/dev/replay-csv.ts'
import { vitalSignOfCode } from '../../src/dev/vital-signs.ts'

const shared = new URL('../../../../../shared/data/', import.meta.url)
const icuFile = new URL('mimic-numerics/s00001n.csv', shared)
const glucoseFile = new URL('cgm-hall2018/hall_cgm.csv', shared)
const missing = (file: URL) => (existsSync(file) ? false : 'the shared data folder is not here')
const startTime = Date.UTC(2026, 0, 5, 8)

function parse(text: string): () => unknown {
  return () => parseVitalsCsv(text, { startTime })
}

t.test('a blank cell is no reading, and a 0 is a reading of a sensor that was off', async t => {
  const text = '\uFEFFminute,HR_bpm,NBPSys_mmHg,SpO2_%\r\n0,62.8,,0.0\r\n1,,131,97\r\n'
  const heart = { name: '8867-4', unit: '/min' }
  const oxygen = { name: '59408-5', unit: '%' }
  t.same(parseVitalsCsv(text, { startTime }), {
    columns: [
      { header: 'HR_bpm', channel: vitalSignOfCode('8867-4') },
      { header: 'NBPSys_mmHg', channel: vitalSignOfCode('76534-7') },
      { header: 'SpO2_%', channel: vitalSignOfCode('59408-5') }
    ],
    rows: [
      {
        time: startTime,
        cells: [
          { column: 0, reading: { ...heart, time: startTime, value: 62.8 } },
          { column: 2, reading: { ...oxygen, time: startTime, value: 0, flag: 'sensor-off' } }
        ]
      },
      {
        time: startTime + 60_000,
        cells: [
          {
            column: 1,
            reading: { name: '76534-7', unit: 'mm[Hg]', time: startTime + 60_000, value: 131 }
          },
          { column: 2, reading: { ...oxygen, time: startTime + 60_000, value: 97 } }
        ]
      }
    ],
    readings: 4,
    sensorOff: 1
  })
})

t.test(
  'what cannot be read is refused with its column and line, and never with the cell',
  async t => {
    t.throws(parse('minute,HR_bpm,Lactate\n0,1,2\n'), {
      code: 'ERR_CSV_COLUMN',
      values: { column: 'Lactate' }
    })
    t.throws(parse('minute,HR_bpm,HR_bpm\n'), {
      code: 'ERR_CSV_COLUMN',
      values: { column: 'HR_bpm' }
    })
    t.throws(parse('HR_bpm\n60\n'), { code: 'ERR_CSV_COLUMN' })
    t.throws(parse('minute,time,HR_bpm\n'), { code: 'ERR_CSV_COLUMN' })
    t.throws(parse(''), { code: 'ERR_CSV_COLUMN' })
    t.throws(() => parseVitalsCsv('minute,HR_bpm\n0,60\n'), {
      code: 'ERR_CSV_COLUMN',
      values: { column: 'minute' }
    })
    for (const cell of ['6O', '1e999', '0x10', 'NaN', 'Infinity', '--1', '1.', '.5', '6 0']) {
      t.throws(
        parse(`minute,HR_bpm\n0,60\n1,${cell}\n`),
        {
          code: 'ERR_CSV_VALUE',
          message: /^line 3, column HR_bpm: expected a number$/,
          values: { line: 3 }
        },
        cell
      )
    }
    t.throws(parse('minute,HR_bpm\n,60\n'), {
      code: 'ERR_CSV_VALUE',
      values: { line: 2, column: 'minute' }
    })
    t.throws(parse('minute,HR_bpm\n0,"60"\n'), { code: 'ERR_CSV_FORMAT', values: { line: 2 } })
    t.throws(parse('minute,HR_bpm\n0,60,1\n'), { code: 'ERR_CSV_FORMAT', values: { line: 2 } })
    t.throws(parse('time,HR_bpm\n2026-01-05 08:00:00,60\n'), {
      code: 'ERR_CSV_VALUE',
      values: { column: 'time' }
    })
    t.throws(parse('time,HR_bpm\n2026-13-05T08:00:00Z,60\n'), {
      code: 'ERR_CSV_VALUE',
      values: { column: 'time' }
    })
  }
)

t.test('a file of several people is read for one of them', async t => {
  const text =
    'id,time,gl,diagnosis\np-1,2014-02-03T08:42:12Z,93,x\np-2,2014-02-03T08:43:12+01:00,101,y\n'
  const replay = parseVitalsCsv(text, { subject: 'p-2' })
  t.same(
    replay.rows.flatMap(row => row.cells.map(cell => cell.reading)),
    [{ name: '99504-3', unit: 'mg/dL', time: Date.UTC(2014, 1, 3, 7, 43, 12), value: 101 }]
  )
  t.throws(() => parseVitalsCsv(text), { code: 'ERR_CSV_COLUMN', values: { column: 'id' } })
})

t.test('columns are dealt to devices in turn, each with its readings in order of time', async t => {
  const text = 'minute,HR_bpm,SpO2_%,RESP_pm\n2,62,97,12\n0,60,,10\n1,61,96,11\n'
  const replay = parseVitalsCsv(text, { startTime })
  const dealt = splitByDevice(replay, 2)
  t.same(
    dealt.map(device => device.columns.map(column => column.header)),
    [['HR_bpm', 'RESP_pm'], ['SpO2_%']]
  )
  t.same(
    dealt.map(device => device.readings.map(reading => reading.value)),
    [
      [60, 10, 61, 11, 62, 12],
      [96, 97]
    ]
  )
  t.same(
    splitByDevice(replay, 5).map(device => device.readings.length),
    [3, 2, 3, 0, 0]
  )
  for (const devices of [0, -1, 1.5, Number.NaN]) {
    t.throws(() => splitByDevice(replay, devices), { code: 'ERR_CSV_DEVICES' })
  }
})

t.test('an export prints every value so that it reads back the same', async t => {
  const values = [0, -0, 0.1, 62.8, 1e21, 5e-324, -1.7976931348623157e308]
  const readings: Reading[] = values.map((value, time) => ({ name: 'a', time, value }))
  const lines = [...readingsToCsv(readings.map(reading => ({ device: 'd', reading })))]
  t.equal(lines[0], READINGS_CSV_HEADER)
  lines.slice(1).forEach((line, index) => {
    const [time, device, code, unit, value, flag] = line.split(',')
    t.ok(Object.is(Number(value), values[index]), line)
    t.same([Date.parse(time!), device, code, unit, flag], [index, 'd', 'a', '', ''])
  })
  const others: Reading[] = [
    { name: 'a', unit: '%', time: 8.64e15 + 1, value: true, flag: 'test' },
    { name: 'a', unit: '{a,b}', time: -1, value: 'says "5",\nthen 6' }
  ]
  t.same([...readingsToCsv(others.map(reading => ({ device: 'bed 4, left', reading })))].slice(1), [
    '8640000000000001,"bed 4, left",a,%,true,test',
    '1969-12-31T23:59:59.999Z,"bed 4, left",a,"{a,b}","says ""5"",\nthen 6",'
  ])
})

t.test(
  '32 hours of an intensive-care monitor replay without losing a cell',
  { skip: missing(icuFile) },
  async t => {
    const text = readFileSync(icuFile, 'utf8')
    const replay = parseVitalsCsv(text, { startTime })
    // Counted in the file by other means: 1936 rows of 7 full columns, and 152 rows with the cuff's three.
    t.equal(replay.rows.length, 1936)
    t.equal(replay.columns.length, 10)
    t.equal(replay.readings, 7 * 1936 + 3 * 152)
    t.equal(replay.sensorOff, 46 + 1929 + 1929 + 1928 + 363 + 45 + 363)

    for (const count of [1, 3, 10]) {
      const devices = splitByDevice(replay, count)
      t.equal(
        devices.reduce((sum, device) => sum + device.readings.length, 0),
        replay.readings
      )
      t.ok(
        devices.every(({ readings }) =>
          readings.every((each, i) => i === 0 || readings[i - 1]!.time <= each.time)
        )
      )
    }

    // Through SenML and back out as text, each cell of the file is found again with its very number.
    const exported = new Map<string, string>()
    for (const [index, { readings }] of splitByDevice(replay, 3).entries()) {
      for (let from = 0; from < readings.length; from += 1000) {
        const decoded = decodeReadings(encodeReadings(readings.slice(from, from + 1000)))
        t.same(decoded, readings.slice(from, from + 1000))
        for (const line of readingsToCsv(
          decoded.map(reading => ({ device: `${index}`, reading }))
        )) {
          const [time, , code, , value, flag] = line.split(',')
          exported.set(`${time} ${code}`, `${value} ${flag}`)
        }
      }
    }
    exported.delete('time code')
    t.equal(exported.size, replay.readings)
    const wrong: string[] = []
    const [headers = [], ...rows] = text
      .trimEnd()
      .split('\r\n')
      .map(line => line.split(','))
    for (const row of rows) {
      for (const [index, cell] of row.entries()) {
        const channel = replay.columns.find(column => column.header === headers[index])?.channel
        if (channel === undefined || cell === '') continue
        const time = new Date(startTime + Number(row[0]) * 60_000).toISOString()
        const [value, flag] = exported.get(`${time} ${channel.code}`)?.split(' ') ?? []
        const expectedFlag = Number(cell) === 0 ? 'sensor-off' : ''
        if (value === undefined || Number(value) !== Number(cell) || flag !== expectedFlag)
          wrong.push(`${time} ${cell}`)
      }
    }
    t.same(wrong, [])
  }
)

t.test(
  'a continuous glucose monitor replays for one person',
  { skip: missing(glucoseFile) },
  async t => {
    const replay = parseVitalsCsv(readFileSync(glucoseFile, 'utf8'), { subject: '1636-69-001' })
    t.equal(replay.readings, 1846)
    t.equal(replay.sensorOff, 0)
    t.equal(replay.rows[0]?.time, Date.UTC(2014, 1, 3, 8, 42, 12))
    t.equal(splitByDevice(replay, 1)[0]?.readings[0]?.value, 93)
  }
)
