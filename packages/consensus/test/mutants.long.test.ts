import t from 'tap'
import {
  MUTANTS,
  explain,
  randomScenario,
  runScenario,
  shrinkScenario
} from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

/** Its run takes as long as those of half the others together. */
const SLOW = 'certificates-of-the-old-set'

// `npm run simulate -- --mutants` hunts those, too, that take long.
for (const mutant of MUTANTS.filter(each => each.within <= 20 && each.name !== SLOW)) {
  t.test(`the checker catches the mutant "${mutant.name}"`, async t => {
    const outcomes = sweep(1, mutant.within, { ...mutant.fixed, mutant })
    const caught = outcomes.at(-1)
    t.ok(caught?.violation, `after ${outcomes.length} scenarios`)
    t.match(
      explain(caught!),
      new RegExp(`^seed ${outcomes.length}: `),
      'and says how to see it again'
    )
    t.ok(caught!.transcript.length > 0)
    const { mutant: _, ...sound } = caught!.scenario
    t.equal(runScenario(sound).violation, undefined, 'the same scenario holds without the mutant')
  })
}

t.test('what went wrong is made small, and is still the same', async t => {
  const mutant = MUTANTS.find(each => each.name === 'believes-blocks')!
  const caught = sweep(1, mutant.within, { ...mutant.fixed, mutant }).at(-1)!
  const { fixed, outcome } = shrinkScenario(caught)
  t.match(outcome.violation, /^INVALID BLOCK/)
  t.ok(outcome.scenario.heights < caught.scenario.heights)
  const again = runScenario(
    randomScenario(caught.scenario.seed, { ...mutant.fixed, mutant, ...fixed })
  )
  t.equal(again.violation, outcome.violation, 'the seed and the changed parts give it again')
})
