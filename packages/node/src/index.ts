export { createLedgerNode } from './node.ts'
export { nodeOptionsOf } from './config/node-options.ts'
export type * from './types.ts'
export {
  createTestNetwork,
  type TestNetwork,
  type TestNetworkOptions
} from './testing/test-network.ts'
export type { FoundedNetwork, MemberSecrets } from './testing/found-network.ts'
export type { Archive } from './ledger/archive.ts'
export type { CheckpointReader, CosignedCheckpoint } from './checkpoints/checkpoints.ts'
export type { DeviceRequests, PlainRequest } from './devices/device-requests.ts'
export type { DeviceSessions } from './devices/device-sessions.ts'
export type { FramedStream } from './network/streams.ts'
export type { CommittedEvent, Cursor } from './ledger/events.ts'
export type { Head } from './ledger/head.ts'
export type { CompletenessRequest } from './ledger/completeness.ts'
export type { Proofs, ReceiptOptions } from './ledger/proofs.ts'
export type { LedgerReader } from './ledger/types.ts'
export type { PayloadMeta } from './store/payload-store.ts'
export type { WantedPayload } from './store/wanted-payloads.ts'
export type { Diagnosis, Finding, MemberReport, QuorumReport, Severity } from './diagnosis/types.ts'
export { createFigures, type Figure, type Figures } from './dashboard/figures.ts'
export {
  allMeters,
  type CommitMeter,
  type HeightMeter,
  type HttpMeter,
  type MeteredTransaction,
  type Meters,
  type ProposalMeter,
  type SubmissionOutcome
} from './observe/meters.ts'
export { createMetrics, type Metrics, type MetricsSource } from './observe/metrics.ts'
export { createTraces } from './observe/traces.ts'
export type { Unit } from './pool/unit.ts'
export type { Membership } from './members/membership.ts'
export type { Standing } from './members/standing.ts'
export { signReady, type NewKeys } from './members/ready.ts'
export { createVoteState } from './consensus/vote-store.ts'
export { nodeCryptoBackend } from './crypto/node-crypto-backend.ts'
export type { LogLevel } from './observe/log-events.ts'
export type { NodeLog } from './observe/node-log.ts'
export type { RestoredState } from './backup/restored-note.ts'
export type { RestoredStatus } from './backup/restored-keeper.ts'
export {
  createAdminApi,
  createHttpApi,
  createRoleTokens,
  openTls,
  openTokenFile,
  type AdminApiOptions,
  type HttpApi,
  type HttpApiOptions,
  type HttpListenOptions,
  type Rate,
  type Role,
  type RoleToken,
  type FoundToken,
  type RoleTokens,
  type TlsFiles,
  type TlsServer,
  type TokenFile
} from './http/index.ts'
