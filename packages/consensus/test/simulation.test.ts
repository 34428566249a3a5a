import t from 'tap'
import {
  EMPTY_TALLY,
  RULES,
  addOutcome,
  digestOf,
  explain,
  randomScenario,
  runScenario
} from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

const SEED = process.env['SEED']
const SCENARIOS = Number(process.env['SCENARIOS'] ?? 30)
/** Branches that a sweep as short as this one may miss. */
const RARE = 8

if (SEED !== undefined) {
  t.test(`seed ${SEED} holds`, async t => {
    const outcome = runScenario(randomScenario(Number(SEED), { record: true }))
    t.comment(explain(outcome))
    t.equal(outcome.violation, undefined)
  })
} else {
  t.test(`${SCENARIOS} scenarios of everything that can go wrong hold`, async t => {
    const outcomes = sweep(1, SCENARIOS)
    const failed = outcomes.find(outcome => outcome.violation !== undefined)
    if (failed !== undefined) t.fail(explain(failed))
    const tally = outcomes.reduce(addOutcome, EMPTY_TALLY)
    const faults = Object.values(tally.faults).reduce((sum, count) => sum + count, 0)
    t.ok(tally.decided >= 20 * SCENARIOS, `${tally.decided} heights`)
    t.ok(faults >= 100 * SCENARIOS, `${faults} faults`)
    t.ok(tally.byzantine >= SCENARIOS / 3, `${tally.byzantine} with f faulty validators`)
    t.ok(tally.highestView >= 3, 'views were changed, or nothing was tried')
    const missed = RULES.filter(rule => tally.rules[rule] === undefined)
    t.ok(missed.length <= RARE, `not tried: ${missed.join(', ')}`)
  })
}

t.test('a seed gives the same transcript to the byte', async t => {
  const scenario = randomScenario(11, { record: true })
  const first = runScenario(scenario)
  t.ok(first.transcript.length > 1_000)
  t.equal(digestOf(runScenario(scenario).transcript), digestOf(first.transcript))
  const bare = runScenario(randomScenario(11))
  t.equal(bare.steps, first.steps, 'whether it is recorded or not')
})
