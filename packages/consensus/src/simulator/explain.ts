import type { Outcome, Scenario } from './outcome.ts'

/** A run for people: the seed, the faults, what went wrong, how to see it again and the last events. */
export function explain({ scenario, violation, transcript }: Outcome): string {
  const { seed, validators, faulty, mutant } = scenario
  const faults = [...faulty].map(([index, strategies]) => `#${index} ${strategies.join(' + ')}`)
  return [
    `seed ${seed}: ${violation ?? 'no violation'} (${validators} validators; faulty: ${faults.length === 0 ? 'none' : faults.join(', ')}${mutant === undefined ? '' : `; mutant ${mutant.name}`})`,
    describeScenario(scenario),
    ...transcript
  ].join('\n')
}

/** The parts of a scenario that are plain data, as one line of JSON; null for what there is none of. */
export function describeScenario(scenario: Partial<Scenario>): string {
  const given = Object.entries(scenario).filter(
    ([key]) => key !== 'keys' && key !== 'mutant' && key !== 'record' && key !== 'watcher'
  )
  return JSON.stringify(Object.fromEntries(given), (_, value: unknown): unknown =>
    value instanceof Map ? Object.fromEntries(value) : (value ?? null)
  )
}
