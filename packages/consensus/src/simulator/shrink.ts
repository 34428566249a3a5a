import type { Outcome, Scenario } from './outcome.ts'
import { runScenario } from './scenario.ts'
import { CALM } from './settings.ts'

/** Runs that a shrinking may take: a few seconds. */
const TRIES_MAX = 60

/** The faults that may not be needed. */
const CALMED = [
  'lost',
  'loss',
  'delays',
  'partitions',
  'oneWay',
  'crashes',
  'tornWrites',
  'powerLosses',
  'boundaryCrashes',
  'pauses',
  'fullDisks',
  'diskMs',
  'skew',
  'clockJump',
  'startViews',
  'ambush',
  'changes'
] as const satisfies readonly (keyof Scenario)[]

/**
 * A smaller scenario that goes wrong in the same way, for people to read: without the faults that are not needed, with
 * fewer blocks and less time.
 *
 * @returns the parts that were changed, and the run
 */
export function shrinkScenario(outcome: Outcome): {
  readonly fixed: Partial<Scenario>
  readonly outcome: Outcome
} {
  let best = { fixed: {} as Partial<Scenario>, outcome }
  let tries = 0
  let smaller = true
  while (smaller && tries < TRIES_MAX) {
    smaller = false
    for (const change of simplifications(best.outcome.scenario)) {
      if (tries >= TRIES_MAX) break
      tries += 1
      const tried = runScenario({ ...best.outcome.scenario, ...change })
      if (kindOf(tried) !== kindOf(outcome)) continue
      best = { fixed: { ...best.fixed, ...change }, outcome: tried }
      smaller = true
    }
  }
  return best
}

/** What went wrong, without its place. */
function kindOf({ violation }: Outcome): string | undefined {
  return violation === undefined ? undefined : /^[A-Z -]+\b/.exec(violation)?.[0]
}

function simplifications(scenario: Scenario): Partial<Scenario>[] {
  const { heights, healsAt, faulty } = scenario
  const calmed = CALMED.filter(key => describe(scenario[key]) !== describe(CALM[key])).map(
    (key): Partial<Scenario> => ({ [key]: CALM[key] })
  )
  const fewer = [...faulty.keys()].map(validator => ({
    faulty: new Map([...faulty].filter(([each]) => each !== validator))
  }))
  const simpler = [...faulty].flatMap(([validator, strategies]) =>
    strategies.length < 2
      ? []
      : strategies.map(without => ({
          faulty: new Map(faulty).set(
            validator,
            strategies.filter(each => each !== without)
          )
        }))
  )
  const shorter = [
    ...(heights > 1 ? [{ heights: Math.ceil(heights / 2) }, { heights: heights - 1 }] : []),
    ...(healsAt > 10 ? [{ healsAt: Math.floor(healsAt / 2) }] : [])
  ]
  return [...shorter, ...fewer, ...simpler, ...calmed]
}

function describe(value: unknown): string {
  return JSON.stringify(value instanceof Map ? [...value] : value) ?? ''
}
