import type { BlockContext, Rules, StateReader } from '@vitalchain/contracts'
import {
  appendToTiles,
  BLOCK_BYTES_MAX,
  BLOCK_PAYLOAD_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  decodeTransaction,
  isVitalchainError,
  leafHash,
  sha256,
  updateStateTree,
  VitalchainError,
  type Block,
  type Frontier,
  type NodeStore,
  type StateChange,
  type StateWrites,
  type Tile,
  type TileReader,
  type Transaction,
  type ValidatorSet
} from '@vitalchain/core'
import { isStoreFailure } from '../store/store.ts'
import { createOverlay, type Overlay } from './overlay.ts'

/** A transaction taken apart, as the mempool holds it. */
export interface Candidate {
  /** SHA-256 of `bytes`. */
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
  /** What `bytes` decode to. */
  readonly transaction: Transaction
  /** True when `checkSignatures` passed for it on this node. */
  readonly signaturesChecked: boolean
}

/** A transaction that a leader left out of its block, and why. */
export interface Refusal {
  /** SHA-256 of the transaction's bytes. */
  readonly hash: Uint8Array
  readonly error: VitalchainError
}

/** Everything that a block changes on disk. */
export interface Effects {
  readonly state: readonly StateChange[]
  readonly nodes: StateWrites
  readonly stateRoot: Uint8Array
  readonly frontier: Frontier
  readonly tiles: readonly Tile[]
  /** The validator set of the next height. */
  readonly validators: ValidatorSet
}

/** A block with the effects of carrying it out: pure data, which can be committed or thrown away. */
export interface Executed {
  readonly block: Block
  /** The hash of its header. */
  readonly hash: Uint8Array
  readonly transactions: readonly Candidate[]
  readonly effects: Effects
}

/** What a block is carried out on: the ledger after the block before. */
export interface Ground {
  readonly rules: Rules
  readonly state: StateReader
  readonly nodes: NodeStore
  readonly frontier: Frontier
  readonly readTile: TileReader
}

/** The transaction that bytes decode to, as a candidate. Throws as `decodeTransaction` does. */
export function createCandidate(bytes: Uint8Array, signaturesChecked = false): Candidate {
  return { hash: sha256(bytes), bytes, transaction: decodeTransaction(bytes), signaturesChecked }
}

/** Bytes of payload that a transaction refers to. */
export function payloadBytes(transaction: Transaction): number {
  return transaction.type === 'statement' && transaction.statement.type === 'readings'
    ? transaction.statement.payloadSize
    : 0
}

/** Counts what a block holds against the limits of a block. */
export interface BlockMeter {
  /** Whether the block still has room for a transaction. */
  fits(candidate: Candidate): boolean
  /** Counts a transaction in. */
  add(candidate: Candidate): void
}

/** A meter of an empty block. */
export function createBlockMeter(): BlockMeter {
  let [count, bytes, payload] = [0, 0, 0]
  return {
    fits: candidate =>
      count < BLOCK_TRANSACTIONS_MAX &&
      bytes + candidate.bytes.length <= BLOCK_BYTES_MAX &&
      payload + payloadBytes(candidate.transaction) <= BLOCK_PAYLOAD_BYTES_MAX,
    add(candidate) {
      count += 1
      bytes += candidate.bytes.length
      payload += payloadBytes(candidate.transaction)
    }
  }
}

/** A block under execution: transactions are applied one by one, then the roots are computed once. */
export interface Execution {
  /**
   * Carries a transaction out, or leaves everything as it was.
   *
   * @returns the refusal, or undefined when the transaction took effect
   * @throws VitalchainError only when this node's store failed, see `isStoreFailure`
   */
  apply(candidate: Candidate): VitalchainError | undefined
  /** Ends the block: what it changes in all. */
  finish(): Effects
}

/** Begins a block on the ledger as it stands. The ground must not change until the effects are there. */
export function beginExecution(ground: Ground, context: BlockContext): Execution {
  const overlay: Overlay = createOverlay(ground.state)
  const leaves: Uint8Array[] = []
  return {
    apply({ bytes, transaction, signaturesChecked }) {
      try {
        overlay.attempt(() => {
          ground.rules.apply(overlay, transaction, context, signaturesChecked)
        })
      } catch (error) {
        return refusal(error)
      }
      leaves.push(leafHash(bytes))
      return undefined
    },
    finish() {
      const state = overlay.changes()
      const { root, writes } = updateStateTree(ground.nodes, state)
      const { frontier, tiles } = appendToTiles(ground.frontier, leaves, ground.readTile)
      const validators = ground.rules.validators(overlay)
      return { state, nodes: writes, stateRoot: root, frontier, tiles, validators }
    }
  }
}

function refusal(error: unknown): VitalchainError {
  if (isStoreFailure(error)) throw error
  if (isVitalchainError(error)) return error
  // A contract that throws something else refuses too, and on every node alike.
  return new VitalchainError('ERR_CONTRACT_FAILED', 'a contract failed on the transaction', {
    cause: error
  })
}
