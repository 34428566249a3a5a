export { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, decodeFrames, encodeFrame } from './framing.ts'
export type { GossipHandler, GossipVerdict } from './gossip.ts'
export { GOSSIP_MESSAGE_BYTES_MAX } from './gossip.ts'
export { TRANSPORT_KEY_BYTES, transportPublicKey } from './identity.ts'
export type { MemberPeer } from './membership.ts'
export { createNetwork } from './network.ts'
export type { RequestHandler, RequestLimits, RequestOptions } from './requests.ts'
export type { SessionHandler, SessionLimits } from './sessions.ts'
export type { FramedStream } from './streams.ts'
export type {
  LinkListener,
  LinkStatus,
  MessageHandler,
  Network,
  NetworkLog,
  NetworkOptions,
  PeerContext,
  PeerStatus,
  RequestTarget
} from './types.ts'
