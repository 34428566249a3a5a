import type {
  Anchor,
  Pin,
  Place,
  Proven,
  ProvenAnchor,
  ProvenCompleteness,
  ProvenState,
  TreeHead
} from '@vitalchain/core'
import type { DeviceTimers } from '../timers.ts'
import type { Fetch, LightPeer } from './http-peer.ts'
import type { HeadersMode } from './peer-follower.ts'

/** Settings of `createLightClient`. */
export interface LightClientInit {
  /** The bytes of the genesis document: the root of all trust. */
  readonly genesis: Uint8Array
  /** A checkpoint that everything must continue, with its validators if they are known. Default: none. */
  readonly pin?: Pin | undefined
  /** The nodes to ask, of different members: 1 to 64. A client sees a fork only if it reaches both sides. */
  readonly peers: readonly LightPeer[]
  /** What `save()` gave before, with the same genesis and pin. */
  readonly resume?: Uint8Array | undefined
  /** `newest` (default) checks what proves the newest header; `all` fetches every header and checks each chain link. */
  readonly headers?: HeadersMode
  /** How often each peer is asked for a new block, ms; default 2 000, at least 100. */
  readonly pollMs?: number
  /** Told of peers that fail and come back; never of a token. */
  readonly log?: (event: string, values: Readonly<Record<string, string | number>>) => void
  /** Default: the platform's. In Node `httpFetch` of `@vitalchain/device-sdk/http-fetch` needs far less memory. */
  readonly fetch?: Fetch
  /** Default: the platform's. */
  readonly timers?: DeviceTimers
  /** Random bytes, for the waits. Default: the platform's. */
  readonly random?: (bytes: number) => Uint8Array
}

/** A verified header: certified by the validators that the genesis leads to, continuing the pin and every one before it. */
export interface VerifiedHead extends ProvenAnchor {
  /** Where `heads()` goes on behind this one. */
  readonly cursor: string
}

/** What a client knows of a peer. */
export interface LightPeerStatus {
  readonly url: string
  /** `new`: not asked yet. `failing`: it does not answer, or what it answers is not true; `code` says what. */
  readonly state: 'new' | 'agrees' | 'behind' | 'failing'
  /** The height that it said last. */
  readonly height: number | undefined
  readonly code: string | undefined
}

/** What a client does. */
export interface LightStatus {
  readonly state: 'idle' | 'following' | 'forked' | 'stopped'
  /** Height of the newest verified header; 0 while there is none. */
  readonly height: number
  readonly peers: readonly LightPeerStatus[]
}

/** A proof as a node gave it, for others to verify, and what it proves. */
export interface Fetched<T> {
  readonly bytes: Uint8Array
  readonly proven: T
}

/** A part of a device's lane, by the places of statements. */
export interface LaneRange {
  readonly device: Uint8Array
  readonly lane: 0 | 1
  /** The first statement; for a gap the first that it stands for. Default: the first of the lane. */
  readonly from?: Place | undefined
  /** The last statement, or one that the gap at the end stands for. Default: the newest. */
  readonly to?: Place | undefined
}

/** What every call may take. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Follows the ledger by its certified headers and believes no node. All calls that ask peers wait for the first verified
 * head, ask the peers in turn, and give the first answer that verifies. They throw `ERR_FORK` when the ledger is forked,
 * `ERR_NO_PEER` (retryable) when no peer gives such an answer, `ERR_LIGHT_STOPPED`, or the signal's reason.
 */
export interface LightClient {
  /** The network id. */
  readonly network: Uint8Array
  /** The newest verified header; undefined while there is none. */
  readonly head: VerifiedHead | undefined
  /** The report of a fork, for `verifyForkReport`; undefined while there is none. */
  readonly fork: Uint8Array | undefined
  status(): LightStatus
  /**
   * Begins to follow; does not wait for a peer. Aborting the signal stops the client. A client starts once.
   *
   * @throws VitalchainError `ERR_LIGHT_STARTED`, `ERR_LIGHT_STOPPED`, `ERR_FORK` when it was resumed behind a fork
   */
  start(options?: CallOptions): void
  /** Ends all requests and waits. Never rejects; may be called twice. */
  stop(): Promise<void>
  /** Resolves with the newest verified header as soon as there is one. */
  ready(options?: CallOptions): Promise<VerifiedHead>
  /**
   * Verified headers above a cursor, by default all. A reader that is slower than the ledger gets the newest one and
   * misses those between. Ends with the client or the signal.
   *
   * @throws VitalchainError `ERR_CURSOR`, `ERR_FORK` when the ledger is forked
   */
  heads(options?: CallOptions & { readonly from?: string }): AsyncIterable<VerifiedHead>
  /** The newest verified header as a pin for verifiers; undefined while there is none. */
  pin(): Pin | undefined
  /** The proof of the newest verified header; undefined while there is none. */
  anchor(): Anchor | undefined
  /** What to store for `resume`; undefined while there is no verified head. About 1 kB, and 1 kB for each hand-over. */
  save(): Uint8Array | undefined
  /**
   * Verifies a receipt of any age, made by anybody, and that the history it stands in is part of the verified one.
   *
   * @throws VitalchainError as `verifyReceipt` of core; `ERR_PIN_UNPROVEN` (retryable) for one that is newer than the head
   */
  verifyReceipt(receipt: Uint8Array, options?: CallOptions): Promise<Proven>
  /** The receipt of a statement or call by its identity. */
  fetchReceipt(id: Uint8Array, options?: CallOptions): Promise<Fetched<Proven>>
  /** What the newest state of a node holds under a key, and that of no header before the head. */
  stateProof(key: Uint8Array, options?: CallOptions): Promise<Fetched<ProvenState>>
  /**
   * That a device sent exactly these statements between two places: in parts of up to some thousand statements, each
   * verified and joined to the one before. Only all of them together prove the range.
   */
  completeness(range: LaneRange, options?: CallOptions): AsyncIterable<Fetched<ProvenCompleteness>>
  /**
   * The RFC 9162 path that shows that one history continues another; `second` is by default the head's.
   *
   * @throws VitalchainError `ERR_CONSISTENCY` when the sizes or roots rule it out
   */
  consistency(
    first: TreeHead,
    options?: CallOptions & { readonly second?: TreeHead }
  ): Promise<readonly Uint8Array[]>
}
