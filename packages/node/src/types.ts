import type { ErrorValues, Signer, Transaction, VitalchainError } from '@vitalchain/core'
import type { Contract, RegisterDevice, StateReader } from '@vitalchain/contracts'
import type { RestoredStatus } from './backup/restored-keeper.ts'
import type { CheckpointReader, CheckpointStatus } from './checkpoints/checkpoints.ts'
import type { DeviceRequests } from './devices/device-requests.ts'
import type { DeviceSessions } from './devices/device-sessions.ts'
import type { CommittedEvent } from './ledger/events.ts'
import type { Diagnosis, MemberReport } from './diagnosis/types.ts'
import type { CompletenessRequest } from './ledger/completeness.ts'
import type { LedgerReader } from './ledger/ledger.ts'
import type { ReceiptOptions } from './ledger/proofs.ts'
import type { Membership } from './members/membership.ts'
import type { Meters } from './observe/meters.ts'
import type { Unit } from './pool/unit.ts'

/** The keys of a node. Those it lacks it does not use: without a consensus key it follows. */
export interface NodeKeys {
  /** Ed25519 seed of the libp2p identity, 32 bytes. */
  readonly transport: Uint8Array
  /** Ed25519 seed that signs votes, 32 bytes. */
  readonly consensus?: Uint8Array
  /** The public key of a consensus key that was destroyed when it went out of force, by which a former member knows itself. */
  readonly retiredConsensus?: Uint8Array
  /** Ed25519 seed that signs checkpoints, 32 bytes; without it this node only collects those of others. */
  readonly checkpoint?: Uint8Array
  /** Signs what the hospital's operator does. */
  readonly operator?: Signer
}

/** Settings of {@link createLedgerNode}. */
export interface LedgerNodeOptions {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  readonly keys: NodeKeys
  /** Where everything is kept; undefined keeps it in memory, for tests. */
  readonly dataDir?: string
  /**
   * The socket of a signer in another process that holds the consensus key, instead of `keys.consensus`. While it is not
   * reached this node follows.
   */
  readonly signer?: string
  /**
   * The operator takes the risk that the consensus key signs twice: if its votes are missing, this node votes at once and
   * records that on the chain with the operator's key. Changes nothing when they are here. spec C-39
   */
  readonly acceptDoubleSignRisk?: boolean
  /** Multiaddrs to listen on. Default: any free port on loopback. */
  readonly listen?: readonly string[]
  /** Multiaddrs to tell others instead, behind a NAT. */
  readonly announce?: readonly string[]
  /** Multiaddrs of any nodes of the network, with `/p2p/…`. The other members are found through them. */
  readonly bootstrap?: readonly string[]
  /**
   * PeerIds of nodes that are no members and may follow this one: they get blocks, payloads and checkpoints of it, and hand
   * transactions over to it. The other members know nothing of them.
   */
  readonly followers?: readonly string[]
  /** Whether this node is such a follower: it waits for no approval. Changes nothing for a member. Default: false. */
  readonly follow?: boolean
  /** The contracts, as the genesis lists them. Default: members and devices. */
  readonly contracts?: readonly Contract[]
  /** Peers, by PeerId, with which this node has no connection; asked at each one. Messages go round by the other members. */
  readonly deny?: (peer: string) => boolean
  /**
   * Told when a hand-over that takes the consensus key out of force is durable, and at each start after that. The node has wiped
   * its own copy then; the owner destroys every other: who has old keys of a quorum can forge history. spec C-48
   */
  readonly onKeyRetired?: (kind: 'consensus', publicKey: Uint8Array) => Promise<void> | void
  /** The clock, ms since 1970. */
  readonly now?: () => number
  /** Whether the log tells how long each step of each height took. Default: false. */
  readonly timings?: boolean
  /** Told what is to be counted, measured or traced; see {@link Meters}. */
  readonly meters?: Meters
  /** Told what happens, as a short name and values fit for a log: never a secret or anything about a patient. */
  readonly log?: (event: string, values: ErrorValues) => void
}

/** Where a node stands. */
export interface NodeStatus extends CheckpointStatus {
  readonly network: string
  /** The own member's name, or undefined for a node that is no member. */
  readonly name: string | undefined
  readonly peer: string
  readonly height: number
  readonly head: string
  readonly stateRoot: string
  readonly transactions: number
  readonly view: number
  /** Name of the member that leads this view. */
  readonly leader: string | undefined
  /** Names of the other members with which a link is up. */
  readonly links: readonly string[]
  /** Names of the members that are kept out for a while because they misbehaved. */
  readonly banned: readonly string[]
  readonly waiting: number
  /** Payloads that committed statements name and this node still has to fetch; 64 stands for 64 or more. */
  readonly payloadsMissing: number
  readonly deviceSessions: number
  /** Whether this node votes. */
  readonly votes: boolean
  /** Whether it takes no transactions of own clients any more, because it is about to stop. */
  readonly draining: boolean
  /** What this node is to the others, as far as it knows; only a `member` can vote. */
  readonly membership: Membership
  /** How the node stands to the backup that it was restored from; absent when there is none, or nothing to say of it any more. */
  readonly restored?: RestoredStatus
}

/** What a listener of another transport than libp2p uses: {@link DeviceRequests} one by one, or connections of them. */
export interface DeviceDoor extends Pick<DeviceRequests, 'answer' | 'greet'> {
  /** Serves a connection; see {@link DeviceSessions}. */
  readonly serve: DeviceSessions['serve']
}

/** A running node of the ledger. */
export interface LedgerNode {
  /** Opens the store and the network. Resolves when this node takes part. */
  start(): Promise<void>
  /**
   * Prepares to stop: own clients' transactions are refused with `ERR_DRAINING` (retryable) from now on, what waits is handed
   * over to others, and a leader proposes what it still has. Reading goes on. To be followed by {@link LedgerNode.stop}.
   *
   * @param signal - ends it early, for who cannot wait
   */
  drain(signal: AbortSignal): Promise<void>
  /** Closes everything it opened. */
  stop(): Promise<void>
  /** Own multiaddrs with `/p2p/…`; empty before start. */
  addresses(): readonly string[]
  /** Where it stands now. @throws VitalchainError `ERR_NOT_STARTED` */
  status(): NodeStatus
  /** What is known of each member, this node included. @throws VitalchainError `ERR_NOT_STARTED` */
  members(): readonly MemberReport[]
  /**
   * What is wrong with this node and its network, and what to do. Takes up to some seconds while somebody is missing, because it
   * tries their addresses; asked again within 15 s it does not. Also of a node that does not run, as far as that can be known.
   */
  diagnose(): Promise<Diagnosis>
  /** The network id. */
  readonly network: Uint8Array
  /** The own transport public key, 32 bytes. */
  readonly transportKey: Uint8Array
  /** The durable ledger; for reading. @throws VitalchainError `ERR_NOT_STARTED` before start */
  readonly ledger: LedgerReader
  /** The newest checkpoint that a quorum cosigned. @throws VitalchainError `ERR_NOT_STARTED` before start */
  readonly checkpoints: CheckpointReader
  /** The committed state, each value proved when it is read, for the readers that contracts offer, such as `getDevice`. */
  readonly state: StateReader
  /**
   * Hands a transaction over. Accepted means checked and passed on, not committed.
   *
   * @returns the identity to ask for
   * @throws VitalchainError with the code of the refusal
   */
  submit(unit: Unit): Promise<Uint8Array>
  /** The transaction with this identity that waits here for a block; undefined when none does. */
  waiting(id: Uint8Array): Transaction | undefined
  /**
   * Signs a call with the operator's key, hands it over and waits until it is committed.
   *
   * @returns its receipt
   */
  call(
    method: string,
    args: Uint8Array,
    options?: { readonly signal?: AbortSignal }
  ): Promise<Uint8Array>
  /** Registers a device of this member. */
  registerDevice(
    device: RegisterDevice,
    options?: { readonly signal?: AbortSignal }
  ): Promise<Uint8Array>
  /** Revokes a device of this member: from the next block on nothing of it is taken. */
  revokeDevice(device: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Committed transactions in order: from behind the cursor, or from the first; then each new one, until the signal aborts. */
  events(options?: {
    readonly from?: string
    readonly signal?: AbortSignal
  }): AsyncIterable<CommittedEvent>
  /**
   * The receipt of a statement or call, as canonical CBOR.
   *
   * @throws VitalchainError `ERR_NOT_COMMITTED` (retryable), `ERR_TREE_RANGE` for a pin that this node has not reached
   * (retryable)
   */
  receipt(id: Uint8Array, options?: ReceiptOptions): Uint8Array
  /**
   * The same proof as a C2SP tlog-proof, for generic tools of transparency logs.
   *
   * @throws VitalchainError `ERR_NOT_COMMITTED`, `ERR_NO_CHECKPOINT` (both retryable)
   */
  tlogProof(id: Uint8Array): string
  /**
   * The same by one hospital as a COSE Receipt (RFC 9942); the transaction itself is not in it.
   *
   * @param member - whose; by default any that signed the newest checkpoint
   * @throws VitalchainError `ERR_NOT_COMMITTED`, `ERR_NO_CHECKPOINT` (both retryable)
   */
  coseReceipt(id: Uint8Array, member?: Uint8Array): Uint8Array
  /**
   * The proof of what the state holds under a key after the newest block, or that it holds nothing. Keys are made by
   * `deviceStateKey` and `laneStateKey`.
   *
   * @param options - `pin`: size of a checkpoint that the verifier trusts
   * @throws VitalchainError `ERR_NOT_COMMITTED` before the first block, `ERR_TREE_RANGE` (both retryable)
   */
  stateProof(key: Uint8Array, options?: { readonly pin?: number | undefined }): Uint8Array
  /**
   * The proof that a device sent exactly these statements in a part of a lane, and nothing is missing.
   *
   * @throws VitalchainError `ERR_NOT_FOUND` when there is none, `ERR_TREE_RANGE` (retryable)
   */
  completeness(request: CompletenessRequest): Promise<Uint8Array>
  /** Waits for the receipt of a statement or call. */
  committed(id: Uint8Array, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array>
  /** Where listeners hand over what devices send. @throws VitalchainError `ERR_NOT_STARTED` before start */
  readonly deviceDoor: DeviceDoor
  /** Resolves with the error after which the node stopped itself; never when it goes well. */
  readonly failed: Promise<VitalchainError>
}
