import type { Reading, ReadingFlag } from '@vitalchain/core'
import { createRandom, type Random } from './random.ts'
import { VITAL_SIGNS, type VitalSign } from './vital-signs.ts'

/** How to make a simulated patient. */
export interface PatientOptions {
  /** An integer; the same seed and the same times give the same readings. */
  readonly seed: number
  /** Whether sensors are shaken and fall off. Default: true. */
  readonly artefacts?: boolean
}

/** A simulated patient on a bedside monitor. No real person and no medical model: data to try a ledger with. */
export interface Patient {
  /**
   * What the monitor shows at a time: heart rate, pulse, respiration, oxygen saturation and temperature, and every
   * 15 minutes the cuff's three pressures.
   *
   * @param timeMs - milliseconds since 1970-01-01T00:00:00Z; the state moves on by the time since the call before,
   * by at most {@link STEP_MS_MAX}, and not at all when the clock went back
   */
  next(timeMs: number): Reading[]
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Longest time that one step moves a patient on. Over more, all that fluctuates has forgotten its past anyway. */
const STEP_MS_MAX = HOUR_MS

/** How often the cuff measures: the usual setting on a ward. */
const CUFF_INTERVAL_MS = 15 * MINUTE_MS

/** Body temperature, and with it the rest, is highest at about 17:00 and lowest at about 05:00. */
const CIRCADIAN_PEAK_MS = 17 * HOUR_MS

/** Heart beats a minute for each degree of fever (Liebermeister's rule: 8 to 10). */
const HEART_RATE_PER_DEGREE = 9

/** Breaths a minute for each degree of fever. */
const BREATHS_PER_DEGREE = 2

/** Heart beats a minute for each percent of saturation below {@link SATURATION_NORMAL}: the answer to hypoxia. */
const HEART_RATE_PER_MISSING_PERCENT = 1.6

/** Breaths a minute for each percent of saturation below {@link SATURATION_NORMAL}. */
const BREATHS_PER_MISSING_PERCENT = 0.7

/** Saturation above which nothing drives the heart or the breath, in percent. */
const SATURATION_NORMAL = 94

/**
 * Makes a simulated patient: a resting state drawn by the seed, a daily rhythm, fluctuations that return to the mean, and spells of fever,
 * effort and desaturation. They are coupled as in people: fever, effort and lack of oxygen speed up heart and breath; effort raises the
 * pressure. Shaken sensors give readings flagged `artefact`, those that fell off give 0 flagged `sensor-off`.
 */
export function createPatient({ seed, artefacts = true }: PatientOptions): Patient {
  const random = createRandom(seed)
  const body = createBody(random)
  const clip = createSensor(random)
  const leads = createSensor(random)
  let last: number | undefined
  let cuffDue = Number.NEGATIVE_INFINITY

  return {
    next(timeMs) {
      const elapsed = Math.min(Math.max(timeMs - (last ?? timeMs), 0), STEP_MS_MAX)
      last = timeMs
      const now = body.advance(timeMs, elapsed)
      const clipState = artefacts ? clip.advance(elapsed) : 'on'
      const leadState = artefacts ? leads.advance(elapsed) : 'on'

      const readings = [
        read(VITAL_SIGNS.heartRate, timeMs, now.heartRate, leadState, random),
        read(VITAL_SIGNS.respiratoryRate, timeMs, now.breaths, leadState, random),
        read(VITAL_SIGNS.oxygenSaturation, timeMs, now.saturation, clipState, random),
        read(
          VITAL_SIGNS.pulseRate,
          timeMs,
          now.heartRate + random.normal() * 0.7,
          clipState,
          random
        ),
        read(VITAL_SIGNS.bodyTemperature, timeMs, now.temperature, 'on', random)
      ]
      // A clock set back must not silence the cuff until the old time comes again.
      if (timeMs >= cuffDue || cuffDue - timeMs > CUFF_INTERVAL_MS) {
        cuffDue = timeMs + CUFF_INTERVAL_MS
        readings.push(
          read(VITAL_SIGNS.cuffSystolic, timeMs, now.systolic, 'on', random),
          read(VITAL_SIGNS.cuffDiastolic, timeMs, now.diastolic, 'on', random),
          // A third of the way from diastole to systole, as the heart rests twice as long as it beats.
          read(
            VITAL_SIGNS.cuffMean,
            timeMs,
            now.diastolic + (now.systolic - now.diastolic) / 3,
            'on',
            random
          )
        )
      }
      return readings
    }
  }
}

type SensorState = 'on' | 'shaken' | 'off'

function read(
  sign: VitalSign,
  time: number,
  truth: number,
  state: SensorState,
  random: Random
): Reading {
  const { code: name, unit } = sign
  if (state === 'off') return { name, unit, time, value: 0, flag: 'sensor-off' }
  // Motion makes a monitor count too much or lose signal, but it shows nothing that it cannot measure.
  const measured = state === 'shaken' ? truth * random.between(0.6, 1.7) : truth
  const { min, max } = sign.plausible
  const bounded = Math.min(Math.max(measured, min), max)
  const flag: { flag?: ReadingFlag } = state === 'shaken' ? { flag: 'artefact' } : {}
  return { name, unit, time, value: Number(bounded.toFixed(sign.decimals)), ...flag }
}

interface BodyState {
  readonly heartRate: number
  readonly breaths: number
  readonly saturation: number
  readonly temperature: number
  readonly systolic: number
  readonly diastolic: number
}

interface Body {
  advance(timeMs: number, elapsed: number): BodyState
}

function createBody(random: Random): Body {
  const resting = {
    heartRate: random.between(55, 85),
    breaths: random.between(12, 18),
    saturation: random.between(95.5, 98.5),
    temperature: random.between(36.5, 37),
    systolic: random.between(105, 138),
    pulsePressure: random.between(36, 54)
  }
  const heart = createFluctuation(random, 2.5, 3 * MINUTE_MS)
  const breath = createFluctuation(random, 1.2, 2 * MINUTE_MS)
  const oxygen = createFluctuation(random, 0.5, 4 * MINUTE_MS)
  const warmth = createFluctuation(random, 0.12, 6 * HOUR_MS)
  const tone = createFluctuation(random, 5, 40 * MINUTE_MS)
  const spread = createFluctuation(random, 3, 40 * MINUTE_MS)
  const desaturation = createSpells(random, {
    everyMs: 90 * MINUTE_MS,
    lastMs: [MINUTE_MS, 5 * MINUTE_MS],
    size: [3, 13]
  })
  const effort = createSpells(random, {
    everyMs: 2 * HOUR_MS,
    lastMs: [3 * MINUTE_MS, 20 * MINUTE_MS],
    size: [0.2, 1]
  })
  const fever = createSpells(random, {
    everyMs: 4 * DAY_MS,
    lastMs: [8 * HOUR_MS, 30 * HOUR_MS],
    size: [0.8, 2.5]
  })

  return {
    advance(timeMs, elapsed) {
      const circadian = Math.cos((2 * Math.PI * (timeMs - CIRCADIAN_PEAK_MS)) / DAY_MS)
      const degrees = fever.advance(elapsed)
      const exertion = effort.advance(elapsed)
      const saturation = Math.min(
        100,
        resting.saturation + oxygen.advance(elapsed) - desaturation.advance(elapsed)
      )
      const missing = Math.max(0, SATURATION_NORMAL - saturation)
      const systolic = resting.systolic + 5 * circadian + 25 * exertion + tone.advance(elapsed)
      return {
        saturation,
        temperature: resting.temperature + 0.35 * circadian + degrees + warmth.advance(elapsed),
        heartRate:
          resting.heartRate +
          4 * circadian +
          35 * exertion +
          HEART_RATE_PER_DEGREE * degrees +
          HEART_RATE_PER_MISSING_PERCENT * missing +
          heart.advance(elapsed),
        breaths:
          resting.breaths +
          10 * exertion +
          BREATHS_PER_DEGREE * degrees +
          BREATHS_PER_MISSING_PERCENT * missing +
          breath.advance(elapsed),
        systolic,
        diastolic:
          systolic - Math.max(20, resting.pulsePressure + 8 * exertion + spread.advance(elapsed))
      }
    }
  }
}

interface Process {
  /** The value after `elapsed` milliseconds more. */
  advance(elapsed: number): number
}

/**
 * A fluctuation about 0 (Ornstein-Uhlenbeck), in its exact discrete form, so that its spread does not depend on how often it is asked.
 *
 * @param deviation - its standard deviation
 * @param memoryMs - the time in which it forgets all but 1/e of where it was
 */
function createFluctuation(random: Random, deviation: number, memoryMs: number): Process {
  let value = deviation * random.normal()
  return {
    advance(elapsed) {
      const kept = Math.exp(-elapsed / memoryMs)
      value = value * kept + deviation * Math.sqrt(1 - kept * kept) * random.normal()
      return value
    }
  }
}

interface SpellOptions {
  /** Mean time without a spell. */
  readonly everyMs: number
  /** Shortest and longest spell. */
  readonly lastMs: readonly [number, number]
  /** Smallest and largest peak. */
  readonly size: readonly [number, number]
}

/** Spells that come at random (a Poisson process), rise to a peak and fall back to 0 as half a sine. */
function createSpells(random: Random, { everyMs, lastMs, size }: SpellOptions): Process {
  let age = 0
  let length = 0
  let peak = 0
  return {
    advance(elapsed) {
      age += elapsed
      if (age < length) return peak * Math.sin((Math.PI * age) / length)
      if (random.uniform() >= Math.exp(-elapsed / everyMs)) {
        age = 0
        length = random.between(...lastMs)
        peak = random.between(...size)
      }
      return 0
    }
  }
}

/** A sensor on the skin. It is on, shaken for some seconds, or off until a nurse comes. */
function createSensor(random: Random): { advance(elapsed: number): SensorState } {
  let state: SensorState = 'on'
  let left = 0
  const begins = (elapsed: number, everyMs: number): boolean =>
    random.uniform() >= Math.exp(-elapsed / everyMs)
  return {
    advance(elapsed) {
      left -= elapsed
      if (left > 0) return state
      state = 'on'
      if (begins(elapsed, 3 * HOUR_MS)) {
        state = 'off'
        left = random.between(MINUTE_MS / 2, 8 * MINUTE_MS)
      } else if (begins(elapsed, 25 * MINUTE_MS)) {
        state = 'shaken'
        left = random.between(2_000, 20_000)
      }
      return state
    }
  }
}
