import type { Reading } from '@vitalchain/core'
import t from 'tap'
import { createPatient, type PatientOptions } from '../../src/dev/physiology.ts'
import { VITAL_SIGNS, vitalSignOfCode } from '../../src/dev/vital-signs.ts'

const start = Date.UTC(2026, 0, 5)
const stepMs = 20_000
const dayMs = 86_400_000

/** What a monitor shows of a patient, every 20 s. */
function watch(options: PatientOptions, days: number): Reading[][] {
  const patient = createPatient(options)
  return Array.from({ length: (days * dayMs) / stepMs }, (_, step) =>
    patient.next(start + step * stepMs)
  )
}

/** The value of a channel in one look at the monitor, unless its sensor was shaken or off. */
function valueOf(readings: readonly Reading[], { code }: { code: string }): number | undefined {
  const reading = readings.find(each => each.name === code && each.flag === undefined)
  return typeof reading?.value === 'number' ? reading.value : undefined
}

function mean(values: readonly (number | undefined)[]): number {
  const present = values.filter(value => value !== undefined)
  if (present.length < 20) throw new Error(`only ${present.length} values`)
  return present.reduce((sum, value) => sum + value, 0) / present.length
}

t.test('a seed decides the patient', async t => {
  const [first, again, other] = [7, 7, 8].map(seed => JSON.stringify(watch({ seed }, 0.2)))
  t.equal(first, again)
  t.not(first, other)
})

t.test(
  'every value is plausible, rounded as a monitor rounds, and in the unit of its channel',
  async t => {
    const wrong: Reading[] = []
    for (const seed of [1, 2, 3]) {
      for (const reading of watch({ seed }, 2).flat()) {
        const sign = vitalSignOfCode(reading.name)!
        const value = Number(reading.value)
        const plausible = value >= sign.plausible.min && value <= sign.plausible.max
        const rounded = Number(value.toFixed(sign.decimals)) === value
        const off = reading.flag === 'sensor-off'
        if (reading.unit !== sign.unit || !rounded || plausible === off || (off && value !== 0))
          wrong.push(reading)
      }
    }
    t.same(wrong, [])
  }
)

t.test('at rest the values are those of an adult', async t => {
  for (const seed of [11, 12, 13]) {
    const looks = watch({ seed, artefacts: false }, 3)
    const averages = Object.fromEntries(
      (
        [
          'heartRate',
          'respiratoryRate',
          'oxygenSaturation',
          'bodyTemperature',
          'cuffSystolic'
        ] as const
      ).map(name => [name, mean(looks.map(look => valueOf(look, VITAL_SIGNS[name])))])
    )
    t.ok(averages.heartRate! > 55 && averages.heartRate! < 105, `heart rate ${averages.heartRate}`)
    t.ok(averages.respiratoryRate! > 11 && averages.respiratoryRate! < 24)
    t.ok(averages.oxygenSaturation! > 93 && averages.oxygenSaturation! < 99.5)
    t.ok(averages.bodyTemperature! > 36 && averages.bodyTemperature! < 39)
    t.ok(averages.cuffSystolic! > 100 && averages.cuffSystolic! < 155)
  }
})

function oxygen(look: readonly Reading[]): number {
  return valueOf(look, VITAL_SIGNS.oxygenSaturation)!
}

t.test('lack of oxygen speeds up heart and breath', async t => {
  const looks = watch({ seed: 21, artefacts: false }, 6)
  const low = looks.filter(look => oxygen(look) < 88)
  const normal = looks.filter(look => oxygen(look) >= 95)
  for (const [name, least] of [
    ['heartRate', 8],
    ['respiratoryRate', 3]
  ] as const) {
    const rise =
      mean(low.map(look => valueOf(look, VITAL_SIGNS[name]))) -
      mean(normal.map(look => valueOf(look, VITAL_SIGNS[name])))
    t.ok(rise > least, `${name} rises by ${rise.toFixed(1)}`)
  }
})

t.test('fever speeds up the heart by 7 to 11 beats a degree', async t => {
  const rises: number[] = []
  for (let seed = 1; seed <= 8; seed++) {
    const looks = watch({ seed, artefacts: false }, 6)
    const hot = looks.filter(look => valueOf(look, VITAL_SIGNS.bodyTemperature)! >= 38.3)
    const cool = looks.filter(look => valueOf(look, VITAL_SIGNS.bodyTemperature)! <= 37.2)
    if (hot.length < 200) continue
    const difference = (of: { code: string }) =>
      mean(hot.map(l => valueOf(l, of))) - mean(cool.map(l => valueOf(l, of)))
    rises.push(difference(VITAL_SIGNS.heartRate) / difference(VITAL_SIGNS.bodyTemperature))
  }
  t.ok(rises.length >= 3, `${rises.length} of 8 patients had fever`)
  const average = rises.reduce((sum, rise) => sum + rise, 0) / rises.length
  t.ok(average > 7 && average < 11, `${average.toFixed(1)} a degree`)
})

t.test('a body is warmer in the afternoon than before dawn', async t => {
  const looks = watch({ seed: 31, artefacts: false }, 4)
  const between = (from: number, to: number) =>
    mean(
      looks
        .filter((_, step) => {
          const hour = ((step * stepMs) % dayMs) / 3_600_000
          return hour >= from && hour < to
        })
        .map(look => valueOf(look, VITAL_SIGNS.bodyTemperature))
    )
  t.ok(between(15, 19) - between(3, 7) > 0.3)
})

t.test('the cuff measures every 15 minutes, its mean between diastole and systole', async t => {
  const looks = watch({ seed: 41 }, 1)
  const cuffs = looks.flatMap((look, step) => (look.length > 5 ? [{ look, step }] : []))
  t.equal(cuffs.length, 96)
  t.ok(cuffs.every(({ step }) => (step * stepMs) % 900_000 === 0))
  for (const { look } of cuffs) {
    const [systolic, diastolic, average] = (
      ['cuffSystolic', 'cuffDiastolic', 'cuffMean'] as const
    ).map(name => valueOf(look, VITAL_SIGNS[name])!)
    if (!(diastolic! < average! && average! < systolic!))
      t.fail(`${diastolic} ${average} ${systolic}`)
  }
})

t.test(
  'sensors are shaken and fall off, both values of one sensor together, and are put back',
  async t => {
    const looks = watch({ seed: 51 }, 3)
    const flagsOf = ({ code }: { code: string }) =>
      looks.map(look => look.find(each => each.name === code)?.flag)
    const oxygen = flagsOf(VITAL_SIGNS.oxygenSaturation)
    t.same(oxygen, flagsOf(VITAL_SIGNS.pulseRate))
    t.same(flagsOf(VITAL_SIGNS.heartRate), flagsOf(VITAL_SIGNS.respiratoryRate))
    t.notSame(oxygen, flagsOf(VITAL_SIGNS.heartRate))
    for (const flag of ['sensor-off', 'artefact']) {
      const share = oxygen.filter(each => each === flag).length / oxygen.length
      t.ok(share > 0.001 && share < 0.1, `${flag} ${share}`)
    }
    t.equal(
      watch({ seed: 51, artefacts: false }, 1)
        .flat()
        .filter(each => each.flag !== undefined).length,
      0
    )
  }
)

t.test('a clock set back holds the body still and does not silence the cuff', async t => {
  const patient = createPatient({ seed: 61, artefacts: false })
  patient.next(start)
  const before = valueOf(patient.next(start + 1000), VITAL_SIGNS.bodyTemperature)!
  const after = patient.next(start - 10 * dayMs)
  t.ok(Math.abs(valueOf(after, VITAL_SIGNS.bodyTemperature)! - before) < 0.2)
  t.equal(after.length, 8)
  t.ok(after.every(reading => reading.time === start - 10 * dayMs))
})

/** How far breathing strays from its mean when the monitor looks every `step` milliseconds. */
function spread(step: number): number {
  const patient = createPatient({ seed: 71, artefacts: false })
  const values = Array.from({ length: (4 * dayMs) / step }, (_, index) => {
    return valueOf(patient.next(start + index * step), VITAL_SIGNS.respiratoryRate)!
  })
  const average = mean(values)
  return Math.sqrt(mean(values.map(value => (value - average) ** 2)))
}

t.test('fluctuations do not depend on how often the monitor looks', async t => {
  const ratio = spread(5_000) / spread(60_000)
  t.ok(ratio > 0.7 && ratio < 1.4, `${ratio}`)
})
