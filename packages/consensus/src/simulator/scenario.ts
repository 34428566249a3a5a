import { faultTolerance } from '@vitalchain/core'
import { STRATEGIES, type Strategy } from './adversary.ts'
import { createRandom } from './random.ts'
import type { TimerSettings } from './replica.ts'
import type { Outcome, Scenario } from './outcome.ts'
import { World } from './world.ts'

/** Timeouts shorter than many a message's delay, so that views change all the time, ms. */
export const HASTY: Partial<TimerSettings> = {
  baseMin: 30,
  baseMax: 500,
  resendMin: 40,
  resendMax: 200,
  firstLatency: 10
}

/** A scenario drawn from a seed; parts can be fixed. */
export function randomScenario(seed: number, fixed: Partial<Scenario> = {}): Scenario {
  const random = createRandom(seed ^ 0x5bd1_e995)
  const validators = fixed.validators ?? random.pick([4, 4, 4, 5, 6, 7])
  const faulty = new Map<number, Strategy>()
  const faults = random.integer(faultTolerance(validators) + 1)
  while (faulty.size < faults) faulty.set(random.integer(validators), random.pick(STRATEGIES))
  return {
    seed,
    validators,
    heights: 4 + random.integer(6),
    faulty,
    healsAt: 1_500 + random.integer(2_500),
    loss: random.pick([0, 0.1, 0.3, 0.5]),
    crashes: random.integer(8),
    powerLosses: random.integer(6),
    boundaryCrashes: random.pick([0, 0.01, 0.05]),
    timers: random.chance(0.3) ? {} : HASTY,
    ambush: random.chance(0.1),
    ...fixed
  }
}

/** Runs a scenario to its end. The same scenario always ends the same way. */
export function runScenario(scenario: Scenario): Outcome {
  return new World(scenario).run()
}

/** A run for people: the seed, the faults, what went wrong, how to see it again and the last events. */
export function explain({ scenario, violation, transcript }: Outcome): string {
  const { seed, validators, faulty, mutant } = scenario
  const faults = [...faulty].map(([index, strategy]) => `#${index} ${strategy}`).join(', ')
  return [
    `seed ${seed}: ${violation ?? 'no violation'} (${validators} validators; faulty: ${faults === '' ? 'none' : faults}${mutant === undefined ? '' : `; mutant ${mutant}`})`,
    `replay: SEED=${seed} npx tap packages/consensus/test/simulation.test.ts (a scenario with fixed parts: run those again)`,
    JSON.stringify({ ...scenario, faulty: [...faulty], keys: undefined }),
    ...transcript
  ].join('\n')
}
