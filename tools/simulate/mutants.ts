/** The mutation gate: replicas and hosts that are broken on purpose must be noticed. */
import {
  MUTANTS,
  explain,
  randomScenario,
  runScenario,
  type Mutant,
  type Outcome
} from '@vitalchain/consensus/simulator'
import { say } from './print.ts'

/** Runs a mutant until it is caught; the same scenario without it must hold. */
function hunt(mutant: Mutant, from: number): { seeds: number; caught: Outcome } | undefined {
  for (let seed = from; seed < from + mutant.within; seed += 1) {
    const outcome = runScenario(randomScenario(seed, { ...mutant.fixed, mutant }))
    if (outcome.violation === undefined) continue
    const sound = runScenario(randomScenario(seed, { ...mutant.fixed }))
    if (sound.violation !== undefined) throw new Error(`without the mutant: ${explain(sound)}`)
    return { seeds: seed - from + 1, caught: outcome }
  }
  return undefined
}

/** Hunts every mutant and says so; false if one survives. */
export function huntAll(from: number): boolean {
  let survived = 0
  for (const mutant of MUTANTS) {
    const found = hunt(mutant, from)
    if (found === undefined) survived += 1
    const verdict =
      found === undefined
        ? `SURVIVED ${mutant.within} seeds`
        : `caught by seed ${found.caught.scenario.seed} (${found.seeds} of at most ${mutant.within}): ${(found.caught.violation ?? '').slice(0, 80)}`
    say(`${mutant.name.padEnd(28)} ${verdict}   [${mutant.rule}]`)
  }
  say(`mutants ${MUTANTS.length}, survived ${survived}`)
  return survived === 0
}
