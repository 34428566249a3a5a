export * from './contract.ts'
export * from './table.ts'
export { callHead } from './accounts.ts'
export * from './members.ts'
export {
  EVIDENCE_BLOCKS_MAX,
  getMember,
  listMembers,
  MEMBER_CALLS_PER_BLOCK_MAX,
  validatorsAt,
  type Member,
  type MemberKeys
} from './member-records.ts'
export * from './member-changes.ts'
export { candidates, listChanges } from './member-open.ts'
export * from './member-preview.ts'
export { READY_BLOCKS_MAX } from './member-votes.ts'
export {
  evidenceAgainst,
  EVIDENCE_KEPT_MAX,
  type EvidenceAgainst,
  type ProvedFault
} from './member-evidence.ts'
export { overrideOf, type VoteOverride } from './member-override.ts'
export * from './devices.ts'
export * from './rules.ts'
