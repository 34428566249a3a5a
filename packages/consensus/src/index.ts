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
export { messageSignBytes, type VoteScope } from './signing.ts'
