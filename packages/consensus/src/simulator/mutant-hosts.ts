import { contextOf } from './chain.ts'
import { advanceLeadership } from './replica.ts'
import { CALM, HASTY } from './settings.ts'
import type { Mutant } from './mutant.ts'

/** Breaks the host: what it writes, reads, checks and believes. */
export const HOST_MUTANTS: readonly Mutant[] = [
  {
    name: 'forgets-its-votes',
    rule: 'C-24: keeps no vote state',
    within: 20,
    reads: () => undefined
  },
  {
    name: 'derives-votes-anew',
    rule: 'C-26: keeps its place but not the signed bytes',
    within: 50,
    reads: kept => (kept === undefined ? undefined : { ...kept, sent: {} })
  },
  {
    name: 'forgets-its-lock',
    rule: 'C-24: keeps its votes but not what was prepared',
    within: 50,
    reads: kept => (kept === undefined ? undefined : { ...kept, prepared: undefined })
  },
  {
    name: 'commits-without-block',
    rule: 'C-9: writes a COMMIT without certificate and block',
    within: 20,
    writes: record => ({ ...record, prepared: undefined })
  },
  {
    name: 'speaks-first',
    rule: 'C-24: says it, then writes it',
    within: 20,
    speaksFirst: true
  },
  {
    name: 'never-observes',
    rule: 'C-27: votes with an empty disk',
    fixed: { validators: 4, faulty: new Map(), lost: new Map([[2, 'empty']]) },
    within: 20,
    neverObserves: true
  },
  {
    name: 'begins-too-early',
    rule: 'C-38: takes everybody for as far back as itself, so votes where it voted before',
    fixed: { validators: 4, faulty: new Map(), lost: new Map([[2, 'empty']]) },
    within: 200,
    step: (step, state, input) =>
      input.type === 'message' && input.message.type === 'answer'
        ? step(state, { ...input, message: { ...input.message, height: 0 } })
        : step(state, input)
  },
  {
    name: 'trusts-peers',
    rule: 'C-22: takes blocks without verifying them',
    fixed: { validators: 4, faulty: new Map([[1, ['poisons-chain']]]), lost: new Map() },
    within: 50,
    trustsPeers: true
  },
  {
    name: 'believes-blocks',
    rule: 'C-5: prepares blocks without executing them',
    fixed: { validators: 4, faulty: new Map([[1, ['spoils-blocks']]]), lost: new Map() },
    within: 50,
    believesBlocks: true
  },
  {
    name: 'newest-first',
    rule: 'C-6: leaves out the transaction that waits longest',
    fixed: { ...CALM, validators: 4, load: 'saturated' },
    within: 20,
    picks: pending => pending.at(-1)
  },
  {
    name: 'own-view-of-leaders',
    rule: 'C-4: excludes the leaders that it saw fail, not those that certificates inside blocks show',
    fixed: { timers: HASTY },
    within: 100,
    leadership: (before, after, keys, view) =>
      advanceLeadership(contextOf(before, keys).leadership, after.length, keys.validators, view)
  }
]
