import type { HeightRecord } from '@vitalchain/consensus'
import type { Rules, StateReader } from '@vitalchain/contracts'
import type {
  Block,
  Certificate,
  Frontier,
  Genesis,
  StateProof,
  Transaction,
  ValidatorSet
} from '@vitalchain/core'
import type { Payload, PayloadMeta } from '../store/payload-store.ts'
import type { Store } from '../store/store.ts'
import type { WantedPayload } from '../store/wanted-payloads.ts'
import type { Archive } from './archive.ts'
import type { DamageList } from './damage.ts'
import type { CommittedEvent, Cursor } from './events.ts'
import type { Candidate, Executed, Refusal } from './execute.ts'
import type { Head } from './head.ts'
import type { Restore } from './restore.ts'

/** What a leader built. */
export interface Built {
  /** Without transactions when nothing could take effect: to be proposed in views above 0 only. */
  readonly block: Block
  readonly executed: Executed
  /** Candidates that would not take effect. Those that only did not fit are in neither. */
  readonly refused: readonly Refusal[]
}

/** Who builds a block, and when. */
export interface Origin {
  readonly view: number
  /** Index in the validator set of the next height. */
  readonly proposer: number
  /** The builder's clock, ms since 1970; later than the head's time. */
  readonly time: number
}

/** What a replica knows of a block's transactions from its mempool. */
export interface ValidateOptions {
  /** Whether `checkSignatures` passed on this node for the transaction whose bytes have this SHA-256. */
  signaturesChecked(hash: Uint8Array): boolean
  /** The transaction with this hash as the mempool has it, which saves decoding it again. */
  known?(hash: Uint8Array): Candidate | undefined
}

/** A block that is durable. */
export interface CommittedBlock {
  readonly height: number
  readonly hash: Uint8Array
  readonly block: Block
  readonly certificate: Certificate
  /** Position in the history of the block's first transaction. */
  readonly firstLeaf: number
}

/** What opens a ledger. */
export interface LedgerInit {
  /** The ledger's once it is open: `Ledger.close` closes it. Stays the caller's when opening fails. */
  readonly store: Store
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  readonly rules: Rules
  /** The local clock, ms since 1970; notes when payloads were stored. */
  readonly now?: () => number
}

/** What anybody in the process may read of the ledger. */
export interface LedgerReader extends Archive {
  /** The network id. */
  readonly network: Uint8Array
  /** The genesis, and the bytes of its document. */
  readonly genesis: Genesis
  readonly genesisBytes: Uint8Array
  /** The newest durable block. */
  readonly head: Head
  /** The state after the newest block. Values are hashed when written and checked when read. */
  readonly state: StateReader
  /**
   * The same for serving: each value, or that there is none, is proved under the head's state root when it is read.
   * Throws `ERR_DAMAGED` or `ERR_STATE_NODE` otherwise.
   */
  readonly provenState: StateReader
  /** The validator set of a height up to the next; by default of the next. */
  validators(height?: number): ValidatorSet
  /** What this node heard at a height beside the block, of the newest heights; undefined when that was nothing. spec C-34 */
  heard(height: number): HeightRecord | undefined
  /** All validator sets since genesis, oldest first; the last one certifies the next block. */
  validatorSets(): readonly ValidatorSet[]
  /**
   * Committed events behind a cursor (from the first without one), then live until the signal aborts.
   *
   * @throws VitalchainError `ERR_CURSOR` from the first step when no event stands at the cursor
   */
  events(options?: {
    readonly from?: Cursor
    readonly signal?: AbortSignal
  }): AsyncIterable<CommittedEvent>
  /** The payload, hashed again; a damaged one is absent and deleted, so that fetching it heals. */
  getPayload(digest: Uint8Array): Uint8Array | undefined
  /** Whether a payload is stored and durable. */
  hasPayload(digest: Uint8Array): boolean
  /** What is kept about a payload. */
  payloadMeta(digest: Uint8Array): PayloadMeta | undefined
  /** Up to `max` payloads that committed statements name and this node lacks, in turns. */
  wantedPayloads(max: number): readonly WantedPayload[]
  /** Proof that a key has its value, or none, under the state root of the head. */
  proveState(key: Uint8Array): StateProof
}

/** The durable ledger of one node: everything below the vote. */
export interface Ledger extends LedgerReader {
  readonly rules: Rules
  /** What reading of what was committed found damaged, and is to be healed. */
  readonly damage: DamageList
  /** Writes damaged records anew. */
  readonly restore: Restore
  /** The history tree after the newest block, as appending to it needs it. */
  readonly frontier: Frontier
  /**
   * Whether a transaction whose signatures were checked would take effect now, at a time of the caller's clock. Changes
   * nothing.
   *
   * @throws VitalchainError with the code of the refusal
   */
  check(transaction: Transaction, time: number): void
  /**
   * Builds the next block for its leader: carries candidates out in order and leaves out what is refused or does not fit.
   *
   * @throws VitalchainError `ERR_BLOCK_TIME` unless the time is later than the head's, `ERR_STORE` or `ERR_DAMAGED`
   */
  build(candidates: Iterable<Candidate>, as: Origin): Built
  /**
   * Checks a proposed or fetched block on the head and carries it out.
   *
   * @throws VitalchainError `ERR_BLOCK_…` when the block is invalid, see `checkHeader`, and `ERR_BLOCK_SIZE`,
   * `ERR_BLOCK_TRANSACTION`, `ERR_BLOCK_HISTORY`, `ERR_BLOCK_STATE`, `ERR_BLOCK_NEXT_VALIDATORS`; `ERR_STORE` or
   * `ERR_DAMAGED` when this node's disk failed, which says nothing about the block
   */
  validate(block: Block, options: ValidateOptions): Executed
  /**
   * Makes a block durable, in one batch. Committing again what is committed does nothing.
   *
   * @param options - `verified`: true when the caller has verified the certificate
   * @throws VitalchainError `ERR_FORK` when another block is committed at its height: fatal, the network forked;
   * `ERR_NOT_NEXT` when it was carried out on another head, `ERR_CERTIFICATE`, `ERR_STORE`
   */
  commit(
    executed: Executed,
    certificate: Certificate,
    options?: { readonly verified?: boolean }
  ): Promise<CommittedBlock>
  /** Stores a payload, durably when it resolves; see `PayloadStore.put`. To be awaited before a vote for its statement. */
  putPayload(
    digest: Uint8Array,
    bytes: Uint8Array,
    options: Pick<Payload, 'retention'>
  ): Promise<void>
  /** Resolves when all payloads put so far are durable. */
  flushPayloads(): Promise<void>
  /** Deletes a payload and what is kept about it. */
  deletePayload(digest: Uint8Array): Promise<void>
  /** Deletes a payload unless a committed statement names it. */
  discardPayload(digest: Uint8Array): Promise<void>
  /** Keeps what was heard at a height for `blame`; a power cut may take it away. Those of 10 000 heights before go. */
  keepHeard(record: HeightRecord): Promise<void>
  /** Ends the streams of events, waits for writes under way and closes the store. */
  close(): Promise<void>
}
