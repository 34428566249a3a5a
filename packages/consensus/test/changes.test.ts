// Validators that come, go and change their keys while everything else goes wrong too.
import t from 'tap'
import {
  CALM,
  explain,
  randomScenario,
  runScenario,
  type Scenario
} from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

const FOUR = {
  ...CALM,
  validators: 4,
  heights: 12,
  load: 'sparse',
  healsAt: 2_000,
  record: true
} as const

function run(seed: number, fixed: Partial<Scenario>) {
  const outcome = runScenario(randomScenario(seed, { ...FOUR, ...fixed }))
  return { outcome, lines: outcome.transcript.join('\n') }
}

t.test('a newcomer follows first, and votes from the height after its addition', async t => {
  const { outcome, lines } = run(1, { changes: [{ kind: 'add', member: 4, at: 500 }] })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.match(lines, /#4 says (prepare|proposal) to all/)
  const added = /#4 says (?:prepare|proposal) to all height (\d+)/.exec(lines)?.[1]
  t.ok(Number(added) > 1, `its first vote is at height ${added}`)
})

t.test('a validator that was removed is not waited for', async t => {
  const { outcome, lines } = run(1, {
    validators: 5,
    changes: [{ kind: 'remove', member: 2, at: 500 }]
  })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.match(lines, /#2 leaves/)
  t.equal(outcome.highestView, 0, 'nor does it get a turn as leader')
})

t.test('who lost its vote state votes again with a new key, without waiting', async t => {
  const { outcome, lines } = run(1, {
    lost: new Map([[2, 'empty']]),
    lostAt: 400,
    changes: [{ kind: 'replace', member: 2, key: 8, at: 600 }]
  })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.match(lines, /#2 boots, to observe[^]*#2 takes its new key[^]*#2 says commit to all/)
})

t.test('machines crash at every boundary around a change of their own key', async t => {
  for (let boundary = 1; boundary <= 60; boundary += 3) {
    const { outcome } = run(boundary, {
      record: false,
      crashAt: { validator: 2, boundary },
      changes: [{ kind: 'replace', member: 2, key: 8, at: 500 }]
    })
    t.equal(outcome.violation, undefined, explain(outcome))
  }
})

t.test('four become five, six and five again, and the first validator leaves', async t => {
  const changes = [
    { kind: 'add', member: 4, at: 200 },
    { kind: 'add', member: 5, at: 300 },
    { kind: 'remove', member: 0, at: 400 },
    { kind: 'replace', member: 1, key: 9, at: 500 }
  ] as const
  const outcomes = sweep(1, 15, { validators: 4, faulty: new Map(), lost: new Map(), changes })
  const failed = outcomes.find(outcome => outcome.violation !== undefined)
  if (failed !== undefined) t.fail(explain(failed))
  for (const { faults } of outcomes) t.equal(faults['validators change: add'], 2)
})

t.test('a faulty validator is replaced by an honest one', async t => {
  const changes = [
    { kind: 'remove', member: 1, at: 300 },
    { kind: 'add', member: 5, at: 400 }
  ] as const
  for (const strategy of ['equivocates', 'twins', 'storms-views', 'forges-decided'] as const) {
    const outcomes = sweep(1, 4, {
      validators: 5,
      faulty: new Map([[1, [strategy]]]),
      lost: new Map(),
      changes
    })
    const failed = outcomes.find(outcome => outcome.violation !== undefined)
    if (failed !== undefined) t.fail(explain(failed))
    t.equal(outcomes.length, 4)
  }
})

t.test('evidence against an equivocating validator ends in a block', async t => {
  const { outcome, lines } = run(1, {
    record: true,
    faulty: new Map([[1, ['equivocates']]]),
    heights: 20
  })
  t.equal(outcome.violation, undefined, explain(outcome))
  t.match(lines, /has evidence of duplicate against #1/)
  t.ok(outcome.decided > 20, 'in a block of its own')
})
