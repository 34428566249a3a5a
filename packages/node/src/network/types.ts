import type { ErrorValues } from '@vitalchain/core'
import type { GossipHandler } from './gossip.ts'
import type { MemberPeer } from './membership.ts'
import type { Offence, OffenceCounts } from './offences.ts'
import type { RequestHandler, RequestLimits, RequestOptions } from './requests.ts'
import type { SessionHandler, SessionLimits } from './sessions.ts'
import type { FramedStream } from './streams.ts'

/** Receives what happened, as a short name and values fit for a log. */
export type NetworkLog = (event: string, values: ErrorValues) => void

/** Settings of {@link createNetwork}. */
export interface NetworkOptions {
  /** Seed of this node's transport key (Ed25519, RFC 8032), 32 bytes. It decides the PeerId. */
  readonly privateKey: Uint8Array
  /** Hash of the genesis document, 32 bytes. */
  readonly networkId: Uint8Array
  /** Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/4001`; none: only dial. */
  readonly listen: readonly string[]
  /** Multiaddrs to tell others instead of those listened on, when a NAT or proxy is in front. */
  readonly announce?: readonly string[]
  /** Multiaddrs of any nodes of the network, dialled while this node has no connection. */
  readonly bootstrap?: readonly string[]
  /** The members now, this node included if it is one. Asked at start and at `membersChanged()`. */
  readonly members: () => readonly MemberPeer[]
  /** Inbound connections of non-members at once. Default {@link STRANGER_CONNECTIONS_MAX}. */
  readonly strangerConnectionsMax?: number
  /** Peers, by PeerId, that this node neither dials nor lets in. Asked at each connection. */
  readonly deny?: (peer: string) => boolean
  readonly log?: NetworkLog
}

/** Who is on the other side of a stream. */
export interface PeerContext {
  /** The member's id, when the peer is a member. */
  readonly member?: Uint8Array
  /** The PeerId as text. */
  readonly peer: string
}

/** A connected peer, for status pages. */
export interface PeerStatus extends PeerContext {
  readonly addresses: readonly string[]
  readonly direction: 'inbound' | 'outbound'
  /** When the oldest connection opened, in milliseconds since 1970. */
  readonly connectedAt: number
  /** Last measured round trip in milliseconds. */
  readonly rtt?: number
}

/** A member link, for status pages. */
export interface LinkStatus {
  readonly member: Uint8Array
  readonly up: boolean
  /** The code of the newest failure to open it, while it is down; undefined before the first. */
  readonly failure?: string
  /** Messages dropped because the queue to this member was full, since start. */
  readonly dropped: number
  /** Bytes waiting to be sent. */
  readonly queuedBytes: number
  /** What the member did that no honest one does, since start. */
  readonly offences: OffenceCounts
  /** How long it is still kept out for that, in milliseconds; 0 for one that is not. */
  readonly bannedMs: number
}

/** Called with the member when the link to it comes up or goes down. */
export type LinkListener = (member: Uint8Array) => void

/**
 * Receives a message of a member link. The next one from that member waits for a returned promise,
 * and at last so does the member.
 */
export type MessageHandler = (member: Uint8Array, bytes: Uint8Array) => void | Promise<void>

/** Whom to ask: a member by its id, or any node by its multiaddr. */
export type RequestTarget = Uint8Array | string

/**
 * A node's connections to the others. Handlers, sessions and topics are declared before `start()`;
 * nothing runs before it, and `stop()` closes all. After `stop()` it may be started again.
 */
export interface Network {
  start(): Promise<void>
  stop(): Promise<void>
  /** Own PeerId as text. */
  readonly peer: string
  /** Own multiaddrs with `/p2p/…`, as others dial them. Empty before start. */
  addresses(): readonly string[]
  /** Asks `members()` again: opens links to new members, closes all connections of former ones. */
  membersChanged(): void

  /**
   * Sends to a member over its link, in order, at most once. Never blocks: at the queue's limit the
   * oldest message is dropped and counted. Nothing waits for a link that is down.
   *
   * @returns whether the message is on its way: false while the link is down, and for who is no other member
   * @throws VitalchainError `ERR_FRAME_TOO_LARGE`
   */
  send(member: Uint8Array, bytes: Uint8Array): boolean
  /** {@link send} to every other member. Whether it is on its way to all of them. */
  broadcast(bytes: Uint8Array): boolean
  onMessage(handler: MessageHandler): void
  /** The link is up when the other side has said that it listens: resend the latest message now. */
  onLinkUp(listener: LinkListener): void
  onLinkDown(listener: LinkListener): void
  /** A member refuses our link because it does not count this node among the members. Told at each try. */
  onRefused(listener: LinkListener): void
  /** Ids of the members whose links are up. */
  linkedMembers(): readonly Uint8Array[]
  links(): readonly LinkStatus[]
  /**
   * Counts against a member what no honest one does. Who does too much of it is disconnected and kept out for a while: a
   * member half a minute, anyone else ten.
   */
  misbehaved(member: Uint8Array, offence: Offence): void

  /** Answers requests of this name. */
  handleRequest(name: string, limits: RequestLimits, handler: RequestHandler): void
  /**
   * Sends a request and reads the answer's parts.
   *
   * @throws VitalchainError the answering side's own error with its code, or `ERR_UNREACHABLE`,
   * `ERR_UNKNOWN_MEMBER`, `ERR_UNKNOWN_PROTOCOL`, `ERR_CONNECTION_LOST`, `ERR_TIMEOUT`,
   * `ERR_RESPONSE_TOO_LARGE`; the signal's reason when aborted.
   */
  request(
    target: RequestTarget,
    name: string,
    bytes: Uint8Array,
    options: RequestOptions
  ): AsyncIterable<Uint8Array>
  /** Serves long-lived sessions of this name, open to anyone. */
  handleStream(name: string, limits: SessionLimits, handler: SessionHandler): void
  /** Opens a session at another node. Same errors as {@link request}. */
  openStream(
    target: RequestTarget,
    name: string,
    options?: { readonly signal?: AbortSignal }
  ): Promise<FramedStream>

  /** Judges what comes in on a topic; declares the topic. */
  subscribe(topic: string, handler: GossipHandler): void
  /**
   * Sends to all members on a declared topic. Identical bytes are sent once in two minutes.
   *
   * @throws VitalchainError `ERR_GOSSIP_TOO_LARGE`; `ERR_UNKNOWN_TOPIC`.
   */
  publish(topic: string, bytes: Uint8Array): Promise<void>

  /**
   * Looks up a peer's addresses in the DHT by its transport key.
   *
   * @throws VitalchainError `ERR_UNREACHABLE` (retryable) when no one knows it.
   */
  findPeer(
    transportKey: Uint8Array,
    options?: { readonly signal?: AbortSignal }
  ): Promise<readonly string[]>
  peers(): readonly PeerStatus[]
  /** Every address with `/p2p/…` at which this node would look for a member, or saw it before; none for who is no member. */
  addressesOf(member: Uint8Array): Promise<readonly string[]>
}
