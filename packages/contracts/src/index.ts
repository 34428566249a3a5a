export * from './contract.ts'
export * from './table.ts'
export { callHead, equalKeys } from './accounts.ts'
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
export {
  activateArgs,
  activateCodec,
  protocolSchedule,
  protocolVotes,
  type ProtocolActivation,
  type ProtocolSchedule,
  type ProtocolVote
} from './member-protocol.ts'
export { overrideOf, type VoteOverride } from './member-override.ts'
export * from './devices.ts'
export {
  decodeDevice,
  deviceStateKey,
  getDevice,
  getLane,
  laneKey,
  listDevices,
  ownerAt,
  type Device,
  type OwnedDevice
} from './device-records.ts'
export {
  registerDeviceArgs,
  registerDeviceCodec,
  rekeyDeviceArgs,
  rekeyDeviceCodec,
  revokeDeviceArgs,
  revokeDeviceCodec,
  type RegisterDevice,
  type RekeyDevice,
  type RevokeDevice
} from './device-registration.ts'
export {
  CLAIM_BLOCKS_MAX,
  claimDeviceArgs,
  claimDeviceCodec,
  getClaim,
  unclaimDeviceArgs,
  unclaimDeviceCodec,
  type Claim,
  type ClaimDevice,
  type UnclaimDevice
} from './device-claims.ts'
export {
  associateStreamArgs,
  associateStreamCodec,
  dissociateStreamArgs,
  dissociateStreamCodec,
  getStreamAllowance,
  type AssociateStream,
  type DissociateStream,
  type StreamAllowance
} from './device-streams.ts'
export {
  acceptDeviceArgs,
  acceptDeviceCodec,
  offerDeviceArgs,
  offerDeviceCodec,
  retireDeviceArgs,
  retireDeviceCodec,
  type AcceptDevice,
  type OfferDevice,
  type RetireDevice
} from './device-transfer.ts'
export * from './proofs.ts'
export * from './rules.ts'
