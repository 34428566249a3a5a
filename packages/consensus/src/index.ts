export * from './messages.ts'
export * from './vote-state.ts'
export * from './types.ts'
export {
  createReplica,
  mayVote,
  type AcceptedProposal,
  type Inquiry,
  type KnownBlock,
  type ReplicaState,
  type Round,
  type RunningState
} from './state.ts'
export { step } from './replica.ts'
export { holdsVote } from './votes.ts'
export * from './leader.ts'
export {
  DEFAULT_TIMERS,
  baseTimeout,
  resendInterval,
  viewTimeout,
  type TimerSettings
} from './timers.ts'
export { messageSignBytes, unsignedVote, voteOf, type VoteScope } from './signing.ts'
export * from './height-record.ts'
export * from './blame.ts'
