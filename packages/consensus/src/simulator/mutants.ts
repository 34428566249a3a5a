import { HOST_MUTANTS } from './mutant-hosts.ts'
import { MEMBER_MUTANTS } from './mutant-members.ts'
import type { Mutant } from './mutant.ts'
import { PACE_MUTANTS } from './mutant-pace.ts'
import { VOTE_MUTANTS } from './mutant-votes.ts'

/** Every way in which replicas and hosts are broken on purpose. The checker must notice each. */
export const MUTANTS: readonly Mutant[] = [
  ...VOTE_MUTANTS,
  ...HOST_MUTANTS,
  ...PACE_MUTANTS,
  ...MEMBER_MUTANTS
]
