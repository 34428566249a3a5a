import { ed25519PublicKey, signEd25519, sha256, u32be, verifyEd25519 } from '@vitalchain/core'
import t from 'tap'
import {
  AMBUSH,
  CALM,
  MUTANTS,
  STRATEGIES,
  explain,
  randomScenario,
  runScenario,
  shrinkScenario,
  type KeyRing
} from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

t.test('what one validator decided unheard, the others decide too', async t => {
  const failed = sweep(1, 4, AMBUSH).find(outcome => outcome.violation !== undefined)
  if (failed !== undefined) t.fail(explain(failed))
  t.pass()
})

t.test('f validators with any one strategy neither fork nor stop the others', async t => {
  // f = 1 of 4, 2 of 7, 3 of 10, and the sizes at which 2f + 1 is no quorum.
  const sizes = [4, 5, 7, 10, 6, 8, 9]
  for (const [k, strategy] of STRATEGIES.entries()) {
    const chosen = process.env['SIZES'] === 'all' ? sizes : [4, sizes[1 + (k % 6)]!]
    for (const validators of chosen) {
      const faults = Math.floor((validators - 1) / 3)
      const faulty = new Map(
        Array.from({ length: faults }, (_, index) => [(1 + 3 * index) % validators, [strategy]])
      )
      const outcome = runScenario(
        randomScenario(1_000 + k, { validators, faulty, lost: new Map(), heights: 8 })
      )
      t.equal(outcome.violation, undefined, explain(outcome))
    }
  }
})

t.test('a run is decided by its seed alone', async t => {
  t.same(runScenario(randomScenario(5)), runScenario(randomScenario(5)))
  t.not(runScenario(randomScenario(5)).messages, runScenario(randomScenario(6)).messages)
})

t.test('without faults every block is decided in view 0', async t => {
  const quiet = { ...CALM, validators: 4, heights: 10, load: 'saturated' } as const
  const outcome = runScenario(randomScenario(1, quiet))
  t.equal(outcome.violation, undefined, explain(outcome))
  t.equal(outcome.highestView, 0)
  t.ok(
    outcome.recovery < 10 * 120,
    `${outcome.recovery} ms for ten blocks at delays of up to 20 ms`
  )
})

// `npm run simulate -- --mutants` hunts those, too, that take many seeds.
for (const mutant of MUTANTS.filter(each => each.within <= 100)) {
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

t.test('the protocol holds with real Ed25519 signatures', async t => {
  const secrets = [0, 1, 2, 3].map(index => sha256(u32be(500 + index)))
  const validators = secrets.map((secret, index) => ({
    member: sha256(u32be(index)),
    consensusKey: ed25519PublicKey(secret),
    checkpointKey: sha256(u32be(900 + index))
  }))
  const keys: KeyRing = {
    validators,
    sign: (validator, message) => signEd25519(secrets[validator]!, message),
    verify: (publicKey, message, signature) => verifyEd25519(publicKey, message, signature)
  }
  const outcome = runScenario(
    randomScenario(2, {
      keys,
      validators: 4,
      heights: 3,
      faulty: new Map([[1, ['silent']]]),
      lost: new Map(),
      healsAt: 400,
      crashes: 1,
      powerLosses: 1
    })
  )
  t.equal(outcome.violation, undefined, explain(outcome))
})
