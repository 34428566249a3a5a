import { quorum, toHex } from '@vitalchain/core'
import { contextOf, validatorsAt } from './chain.ts'
import { applyChanges } from './members.ts'
import { withRound, type Mutant } from './mutant.ts'
import { advanceLeadership } from './replica.ts'
import { CALM, HASTY } from './settings.ts'

/** A validator comes, and with it another quorum: 3 of 4, then 4 of 5. */
const GROWS = [{ kind: 'add', member: 4, at: 500 }] as const
/** The indices of most validators move, while a silent one is seen to fail. */
const MOVES = [
  { kind: 'add', member: 7, at: 500 },
  { kind: 'remove', member: 2, at: 700 }
] as const

/** Breaks what happens when the validators change. */
export const MEMBER_MUTANTS: readonly Mutant[] = [
  {
    name: 'quorum-of-the-old-set',
    rule: 'C-2: counts the quorum of the first validators after they changed',
    fixed: { ...CALM, validators: 4, healsAt: 1_500, heights: 8, load: 'sparse', changes: GROWS },
    within: 20,
    step: (step, state, input, host) => {
      const first = quorum(host.firstValidators)
      return step(state.round === undefined ? state : withRound(state, { quorum: first }), input)
    }
  },
  {
    name: 'certificates-of-the-old-set',
    rule: 'C-5: checks a certificate with the validators of the height before',
    fixed: { ...CALM, validators: 4, healsAt: 1_500, heights: 8, load: 'sparse', changes: GROWS },
    within: 20,
    setOf: (chain, keys, height) => validatorsAt(chain, keys, Math.max(1, height - 1))
  },
  {
    name: 'votes-one-height-early',
    rule: 'C-3: takes part as soon as its addition is proposed',
    fixed: { ...CALM, validators: 4, healsAt: 1_500, heights: 8, load: 'sparse', changes: GROWS },
    within: 20,
    validators: ({ validators }, host, world) => {
      if (host.indexOf(host.validator) !== undefined || host.validator < world.scenario.validators)
        return undefined
      const proposed = world.pool.pendingAt(host).map(({ transaction }) => transaction)
      return applyChanges(validators, proposed, world.keys)
    }
  },
  {
    name: 'leaders-by-index',
    rule: 'C-4: keeps the index of a failed leader, not its member',
    fixed: {
      ...CALM,
      validators: 7,
      healsAt: 2_000,
      heights: 20,
      load: 'sparse',
      timers: HASTY,
      faulty: new Map([[5, ['silent']]]),
      changes: MOVES
    },
    within: 20,
    leadership: (before, after, keys) => {
      const { leadership, validators } = contextOf(before, keys)
      const next = advanceLeadership(
        leadership,
        after.length,
        validators,
        after.at(-1)?.block.previousCertificate?.view
      )
      const moved = after.at(-1)?.validators ?? validators
      const failures = next.failures.map(failure => {
        const index = validators.findIndex(each => toHex(each.member) === toHex(failure.member))
        return { ...failure, member: moved[index]?.member ?? failure.member }
      })
      return { ...next, failures }
    }
  },
  {
    name: 'keeps-its-old-key',
    rule: 'C-27: goes on with the key that was replaced',
    fixed: {
      ...CALM,
      validators: 4,
      healsAt: 1_500,
      heights: 8,
      load: 'sparse',
      changes: [{ kind: 'replace', member: 2, key: 8, at: 500 }]
    },
    within: 20,
    // The replica is told that its old key is in force still.
    validators: ({ validators }, host, world) => {
      const own = host.indexOf(host.validator)
      const old = world.keys.validators[host.validator]
      if (own === undefined || old === undefined || host.validator !== 2) return undefined
      return validators.map((each, index) => (index === own ? old : each))
    },
    keepsKey: true
  }
]
