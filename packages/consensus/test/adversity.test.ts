import { ed25519PublicKey, signEd25519, sha256, u32be, verifyEd25519 } from '@vitalchain/core'
import t from 'tap'
import {
  HASTY,
  STRATEGIES,
  explain,
  randomScenario,
  runScenario,
  type KeyRing,
  type Mutant,
  type Scenario
} from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

/** Nothing fails but the network, in the worst way: one validator decides and the others do not hear of it. */
const AMBUSH: Partial<Scenario> = {
  validators: 4,
  faulty: new Map(),
  loss: 0,
  crashes: 0,
  powerLosses: 0,
  boundaryCrashes: 0,
  timers: HASTY,
  ambush: true
}

t.test('what one validator decided unheard, the others decide too', async t => {
  const failed = sweep(1, 4, AMBUSH).find(outcome => outcome.violation !== undefined)
  if (failed !== undefined) t.fail(explain(failed))
  t.pass()
})

for (const strategy of STRATEGIES) {
  t.test(`a validator of the kind "${strategy}" neither forks nor stops the others`, async t => {
    for (const validators of [4, 5, 7]) {
      const faulty = new Map([
        [1, strategy],
        ...(validators === 7 ? ([[4, strategy]] as const) : [])
      ] as const)
      const failed = sweep(1_000, 3, { validators, faulty }).find(
        outcome => outcome.violation !== undefined
      )
      if (failed !== undefined) t.fail(explain(failed))
    }
    t.pass()
  })
}

t.test('a run is decided by its seed alone', async t => {
  t.same(runScenario(randomScenario(5)), runScenario(randomScenario(5)))
  t.not(runScenario(randomScenario(5)).messages, runScenario(randomScenario(6)).messages)
})

t.test('without faults every block is decided in view 0', async t => {
  const quiet = {
    validators: 4,
    faulty: new Map(),
    healsAt: 0,
    loss: 0,
    crashes: 0,
    powerLosses: 0,
    boundaryCrashes: 0,
    timers: {},
    heights: 10
  }
  const outcome = runScenario(randomScenario(1, quiet))
  t.equal(outcome.violation, undefined, explain(outcome))
  t.equal(outcome.highestView, 0)
  t.ok(
    outcome.recovery < 10 * 120,
    `${outcome.recovery} ms for ten blocks at delays of up to 20 ms`
  )
})

t.test('an outage of ten minutes heals in seconds, not in minutes', async t => {
  // No two machines hear each other until it ends: the views must not have run away.
  const outage = {
    validators: 4,
    faulty: new Map(),
    healsAt: 600_000,
    loss: 1,
    crashes: 0,
    powerLosses: 0,
    boundaryCrashes: 0,
    timers: {},
    heights: 2
  }
  const outcome = runScenario(randomScenario(3, outage))
  t.equal(outcome.violation, undefined, explain(outcome))
  t.ok(outcome.highestView <= 2, `view ${outcome.highestView}`)
  t.ok(outcome.recovery < 5_000, `${outcome.recovery} ms`)
})

const mutants: readonly (readonly [Mutant, RegExp, number, Partial<Scenario>?])[] = [
  ['no-persistence', /DOUBLE-SIGN|BROKEN PROMISE/, 20],
  ['forgets-prepared', /DISAGREEMENT/, 10, AMBUSH],
  ['small-quorum', /BAD CERTIFICATE|DISAGREEMENT/, 5],
  ['no-resend', /NO LIVENESS/, 60],
  ['speaks-first', /SAID BEFORE DURABLE/, 5]
]
for (const [mutant, symptom, within, fixed] of mutants) {
  t.test(`the checker catches the mutant "${mutant}"`, async t => {
    const outcomes = sweep(1, within, { ...fixed, mutant })
    const caught = outcomes.at(-1)
    t.match(caught?.violation, symptom, `after ${outcomes.length} scenarios`)
    t.match(
      explain(caught!),
      new RegExp(`^seed ${outcomes.length}: `),
      'and says how to see it again'
    )
    t.ok(caught!.transcript.length > 0)
  })
}

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
      faulty: new Map([[1, 'silent']]),
      healsAt: 400,
      crashes: 1,
      powerLosses: 1
    })
  )
  t.equal(outcome.violation, undefined, explain(outcome))
})
