export {
  FORK_REPORT_BYTES_MAX,
  forkReportFormat,
  verifyForkReport,
  type Branch,
  type ForkReport,
  type ProvenFork
} from './fork-report.ts'
export type { Fetch, FetchBody, FetchInit, LightPeer } from './http-peer.ts'
export { createLightClient } from './light-client.ts'
export type { HeadersMode } from './peer-follower.ts'
export { lightStateFormat, type LightState } from './state-document.ts'
export type {
  CallOptions,
  Fetched,
  LaneRange,
  LightClient,
  LightClientInit,
  LightPeerStatus,
  LightStatus,
  VerifiedHead
} from './types.ts'
