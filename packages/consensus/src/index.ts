export * from './messages.ts'
export * from './vote-state.ts'
export * from './types.ts'
export {
  createReplica,
  type AcceptedProposal,
  type KnownBlock,
  type ReplicaState,
  type Round
} from './state.ts'
export { step } from './replica.ts'
export * from './leader.ts'
export {
  DEFAULT_TIMERS,
  baseTimeout,
  resendInterval,
  viewTimeout,
  type TimerSettings
} from './timers.ts'
export { mayVote } from './state.ts'
export { messageSignBytes, unsignedVote, voteOf, type VoteScope } from './signing.ts'
export * from './height-record.ts'
export * from './blame.ts'
