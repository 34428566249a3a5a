import t from 'tap'
import { explain, randomScenario, runScenario } from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

const SEED = process.env['SEED']
const SCENARIOS = Number(process.env['SCENARIOS'] ?? 150)

if (SEED !== undefined) {
  t.test(`seed ${SEED} holds`, async t => {
    const outcome = runScenario(randomScenario(Number(SEED)))
    t.comment(explain(outcome))
    t.equal(outcome.violation, undefined)
  })
} else {
  t.test(
    `${SCENARIOS} scenarios of loss, partitions, crashes and faulty validators hold`,
    async t => {
      const outcomes = sweep(1, SCENARIOS)
      const failed = outcomes.find(outcome => outcome.violation !== undefined)
      if (failed !== undefined) t.fail(explain(failed))
      const recoveries = outcomes.map(outcome => outcome.recovery).toSorted((a, b) => a - b)
      t.comment(
        `recovery after healing: median ${recoveries[recoveries.length >> 1]} ms, longest ${recoveries.at(-1)} ms`
      )
      t.ok(
        outcomes.some(outcome => outcome.highestView >= 3),
        'views were changed, or nothing was tried'
      )
    }
  )
}
