import { ed25519PublicKey, signEd25519, sha256, u32be, verifyEd25519 } from '@vitalchain/core'
import t from 'tap'
import {
  AMBUSH,
  CALM,
  STRATEGIES,
  explain,
  randomScenario,
  runScenario,
  type KeyRing
} from '@vitalchain/consensus/simulator'
import { sweep } from './support.ts'

t.test('what one validator decided unheard, the others decide too', async t => {
  const failed = sweep(1, 4, AMBUSH).find(outcome => outcome.violation !== undefined)
  if (failed !== undefined) t.fail(explain(failed))
  t.pass()
})

// f = 1 of 4, 2 of 7, 3 of 10; `npm run simulate -- --strategies` tries the sizes at which 2f + 1 is no quorum, too.
for (const [validators, faults] of [
  [4, 1],
  [7, 2],
  [10, 3]
] as const) {
  t.test(
    `${faults} of ${validators} with any one strategy neither fork nor stop the others`,
    async t => {
      for (const [k, strategy] of STRATEGIES.entries()) {
        const faulty = new Map(
          Array.from({ length: faults }, (_, index) => [(1 + 3 * index) % validators, [strategy]])
        )
        const fixed = { validators, faulty, lost: new Map(), heights: 6, workAfter: 3 } as const
        const outcome = runScenario(randomScenario(1_000 + k, fixed))
        t.equal(outcome.violation, undefined, explain(outcome))
        t.type(outcome.firstDecision, 'number', `${strategy}: commits go on after healing`)
      }
    }
  )
}

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
