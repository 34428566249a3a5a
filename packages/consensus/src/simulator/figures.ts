import { faultTolerance } from '@vitalchain/core'
import type { Outcome, Scenario } from './outcome.ts'
import { randomScenario, runScenario } from './scenario.ts'
import { CALM } from './settings.ts'

/** A message delay in which nothing else takes time, ms: short of every timeout. */
const UNIT_MS = 20
/** Heights over which a figure is averaged. */
const HEIGHTS = 10
/** A time to commit that leads to the shortest base timeout, ms: that of a network that ran for a while. */
const MEASURED_LATENCY_MS = 50
/** The network runs for so long before half of it goes, ms, with more work than it can do until then. */
const BEFORE_OUTAGE_MS = 500
const WORK_OF_OUTAGE = 40

/** What a network of one size costs. */
export interface SizeFigures {
  readonly validators: number
  /** Messages and their bytes for each height, over all links, without faults. */
  readonly messages: number
  readonly bytes: number
  /** Message delays from one decision by all to the next, without faults and with no time for anything else. */
  readonly delays: number
  /** Time of a height with delays of 1 to 20 ms and disks, ms. */
  readonly heightMs: number
  /** The first f leaders are silent: the view of the decision, and after how long it comes, ms. */
  readonly view: number
  /** With the base timeout of a network that measured nothing yet. */
  readonly firstMs: number
  /** With the base timeout of a network that ran for a while. */
  readonly laterMs: number
}

/**
 * Measures networks of one size: without faults, and with as many silent leaders one after the other as are tolerated.
 *
 * @throws Error when a run goes wrong
 */
export function measureSize(validators: number, seed: number = 1): SizeFigures {
  const calm: Partial<Scenario> = { ...CALM, validators, load: 'saturated' }
  const over = (heights: number, unit?: number): Outcome => sound(seed, { ...calm, heights, unit })
  const short = over(HEIGHTS, UNIT_MS)
  const long = over(2 * HEIGHTS, UNIT_MS)
  const faults = faultTolerance(validators)
  const faulty = new Map(
    Array.from({ length: faults }, (_, view) => [(1 + view) % validators, ['silent']] as const)
  )
  const failing = sound(seed, { ...calm, heights: 1, faulty })
  const timers = { firstLatency: MEASURED_LATENCY_MS }
  const later = sound(seed, { ...calm, heights: 1, faulty, timers })
  return {
    validators,
    messages: (long.messages - short.messages) / HEIGHTS,
    bytes: (long.bytes - short.bytes) / HEIGHTS,
    delays: (long.recovery - short.recovery) / HEIGHTS / UNIT_MS,
    heightMs: over(HEIGHTS).recovery / HEIGHTS,
    view: failing.highestView,
    firstMs: failing.recovery,
    laterMs: later.recovery
  }
}

/** Two of four validators are away for so long, ms, while there is work. */
export function runOutage(seed: number, ms: number): Outcome {
  const absent = [seed % 4, (seed + 1 + (seed % 3)) % 4]
  const healsAt = BEFORE_OUTAGE_MS + ms
  return runScenario(
    randomScenario(seed, {
      ...CALM,
      validators: 4,
      heights: WORK_OF_OUTAGE,
      load: 'saturated',
      absent,
      absentFrom: BEFORE_OUTAGE_MS,
      healsAt
    })
  )
}

/** What an idle network does. */
export interface IdleFigures {
  /** Blocks beyond those of the transaction before and the one after. */
  readonly blocks: number
  /** Bytes each second on each link, one way. */
  readonly bytesPerSecond: number
}

/**
 * A network decides one transaction, is idle for so long, ms, and decides another one.
 *
 * @throws Error when the run goes wrong
 */
export function measureIdle(validators: number, ms: number, seed: number = 1): IdleFigures {
  const { decided, bytes } = sound(seed, {
    ...CALM,
    validators,
    heights: 2,
    load: 'sparse',
    healsAt: 2 * ms
  })
  const links = validators * (validators - 1)
  return { blocks: decided - 2, bytesPerSecond: bytes / links / (ms / 1_000) }
}

/** The first leader is dead: how long its height takes, ms, at a base timeout of 1 s. */
export function runDeadLeader(seed: number, validators: number = 4): Outcome {
  const faulty = new Map([[1 % validators, ['silent']]] as const)
  return runScenario(
    randomScenario(seed, { ...CALM, validators, faulty, heights: 1, load: 'saturated' })
  )
}

function sound(seed: number, fixed: Partial<Scenario>): Outcome {
  const outcome = runScenario(randomScenario(seed, fixed))
  if (outcome.violation !== undefined) throw new Error(outcome.violation)
  return outcome
}
