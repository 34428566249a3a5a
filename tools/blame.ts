/**
 * Forks made on purpose by more traitors than a network tolerates, and what `blame` finds.
 *
 *   npm run blame -- --seeds 2000     seeds until so many forked; a summary; exit 1 when one names too few, or an honest
 *   npm run blame -- --seed 7         one attack in full
 *
 * Option: --from (first seed, 1).
 */
import {
  culpritsOwed,
  randomFork,
  runFork,
  type ForkOutcome
} from '@vitalchain/consensus/simulator'
import { readFlags, wholeNumber } from './flags.ts'

interface Row {
  forks: number
  culprits: number
  fewest: number
  caught: number
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** How a fork came about, by its attack and whether one view decided twice. */
function kindOf({ scenario, certificates }: ForkOutcome): string {
  const [a, b] = certificates ?? []
  return `${scenario.attack}, ${a?.view === b?.view ? 'one view' : 'across views'}`
}

/** What is wrong with an outcome; undefined when nothing is. */
function faultOf({ scenario, certificates, culprits, wronged }: ForkOutcome): string | undefined {
  if (wronged.length > 0) return `accuses honest validators: ${wronged.join(', ')}`
  const owed = culpritsOwed(scenario)
  if (certificates === undefined || culprits.length >= owed) return undefined
  return `names ${culprits.length} culprits, ${owed} are owed`
}

function describe(outcome: ForkOutcome): void {
  const { scenario, certificates, culprits, kinds, caught } = outcome
  say(JSON.stringify(scenario))
  if (certificates === undefined) return say('no fork')
  say(`forked in the views ${certificates.map(each => each.view).join(' and ')}`)
  say(`culprits ${culprits.join(', ')} (${kinds.join(', ')}); owed ${culpritsOwed(scenario)}`)
  say(`caught in the act: ${caught.join(', ') || 'nobody'}`)
}

const values = readFlags({
  seeds: { type: 'string', default: '2000' },
  seed: { type: 'string' },
  from: { type: 'string', default: '1' }
})

if (values.seed !== undefined) {
  const outcome = runFork(randomFork(wholeNumber('seed', values.seed, 0)))
  describe(outcome)
  const fault = faultOf(outcome)
  if (fault !== undefined) say(`FAILED: ${fault}`)
  process.exitCode = fault === undefined ? 0 : 1
} else {
  campaign(wholeNumber('seeds', values.seeds, 1), wholeNumber('from', values.from, 1))
}

function campaign(wanted: number, from: number): void {
  const began = performance.now()
  const rows = new Map<string, Row>()
  const sizes = new Map<number, number>()
  const failed: string[] = []
  let [seed, forks, fewestAbove, culprits, wronged, highest] = [from, 0, Infinity, 0, 0, 0]
  // An attack may fail to fork: a leaked vote makes the halves agree. Far too many of those would be a fault here.
  for (; forks < wanted && seed < from + 4 * wanted; seed += 1) {
    const outcome = runFork(randomFork(seed))
    const fault = faultOf(outcome)
    if (fault !== undefined) failed.push(`seed ${seed}: ${fault}`)
    wronged += outcome.wronged.length
    if (outcome.certificates === undefined) continue
    forks += 1
    const above = outcome.culprits.length - culpritsOwed(outcome.scenario)
    fewestAbove = Math.min(fewestAbove, above)
    culprits += outcome.culprits.length
    highest = Math.max(highest, ...outcome.certificates.map(each => each.view))
    const { validators } = outcome.scenario
    sizes.set(validators, (sizes.get(validators) ?? 0) + 1)
    const kind = kindOf(outcome)
    const row = rows.get(kind) ?? { forks: 0, culprits: 0, fewest: Infinity, caught: 0 }
    row.forks += 1
    row.culprits += outcome.culprits.length
    row.fewest = Math.min(row.fewest, outcome.culprits.length)
    row.caught += outcome.caught.length > 0 ? 1 : 0
    rows.set(kind, row)
  }
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  say(`${seed - from} seeds from ${from}, ${forks} forks in ${seconds} s, views up to ${highest}`)
  const bySize = [...sizes].toSorted(([a], [b]) => a - b).map(([n, count]) => `${n}: ${count}`)
  say(`forks by number of validators: ${bySize.join(', ')}`)
  for (const [kind, row] of [...rows].toSorted(([a], [b]) => a.localeCompare(b))) {
    const average = (row.culprits / row.forks).toFixed(2)
    say(
      `  ${kind}: ${row.forks} forks, culprits at least ${row.fewest}, on average ${average}; ` +
        `an honest replica caught somebody in ${row.caught}`
    )
  }
  say(
    `culprits: on average ${(culprits / forks).toFixed(2)}, at least f + 1 + ${fewestAbove}; honest accused: ${wronged}`
  )
  for (const line of failed.slice(0, 10)) say(`FAILED ${line}`)
  if (forks < wanted) say(`FAILED: only ${forks} of ${wanted} attacks forked`)
  process.exitCode = failed.length > 0 || forks < wanted ? 1 : 0
}
