import type { Call, Codec, Genesis, PublicKey, Transaction, ValidatorSet } from '@vitalchain/core'
import { decodeCbor, encodeCbor, TRANSACTION_BYTES_MAX } from '@vitalchain/core'

/** The key-value state that contracts read. Keys and values are bytes; the state root covers every pair. */
export interface StateReader {
  /** The value of a key; undefined when it has none. */
  get(key: Uint8Array): Uint8Array | undefined
}

/** The state as a transaction sees and changes it. What it wrote is undone as a whole when it throws. */
export interface State extends StateReader {
  /** Gives a key a value. */
  put(key: Uint8Array, value: Uint8Array): void
  /** Takes a key's value away. */
  delete(key: Uint8Array): void
}

/** What a transaction may know of the world. There is nothing else: no clock, no randomness, no network. */
export interface BlockContext {
  /** The network id. */
  readonly network: Uint8Array
  readonly genesis: Genesis
  /** The height of the block that the transaction stands in. */
  readonly height: number
  /** The block's time, ms since 1970. */
  readonly time: number
}

/** A signed statement of a device, as a contract gets it. */
export type StatementTransaction = Extract<Transaction, { type: 'statement' }>

/** Two statements of a device that contradict each other. */
export type ConflictTransaction = Extract<Transaction, { type: 'conflict' }>

/** Proof that a validator broke the rules of consensus. */
export type EvidenceTransaction = Extract<Transaction, { type: 'evidence' }>

/** How a call is carried out once its author's signature and place are checked. */
export interface Method {
  /**
   * @throws VitalchainError to refuse: the call then has no effect and stands in no block
   */
  apply(state: State, call: Call, block: BlockContext): void
}

/**
 * Rules that every node runs alike: a module with a name and a version, listed in the genesis. Everything it does follows from
 * the state and the transaction. Whoever embeds a node can write one.
 */
export interface Contract {
  /** Lower-case name; the part of a method before the dot, and of its state keys before the slash. */
  readonly name: string
  readonly version: number
  /** Writes the state that exists before the first block. */
  readonly genesis?: (state: State, genesis: Genesis, accounts: Accounts) => void
  /** Calls by the part of their name behind the dot. */
  readonly methods?: Readonly<Record<string, Method>>
  /** Takes statements of devices. One contract of a network does. */
  readonly statement?: (
    state: State,
    transaction: StatementTransaction,
    block: BlockContext
  ) => void
  /** The identity that the next statement of the same lane must name as its previous. */
  readonly statementHead?: (state: StateReader, transaction: StatementTransaction) => Uint8Array
  /** Takes proofs that a device contradicted itself. */
  readonly conflict?: (state: State, transaction: ConflictTransaction, block: BlockContext) => void
  /**
   * Takes proofs that a validator broke the rules of consensus. Checking them (`verifyEvidence`) is the contract's
   * part: it knows the validators of the height.
   */
  readonly evidence?: (state: State, transaction: EvidenceTransaction, block: BlockContext) => void
  /** The validator set of the next height. One contract of a network decides it. */
  readonly validators?: (state: StateReader) => ValidatorSet
}

/** Who may make calls: identifiers bound to keys. */
export interface Accounts {
  /**
   * Lets the holder of a key, and nobody else, make calls as this author. Calls that the author made before stay made.
   *
   * @param methods - the only methods that the author may call, at most 4 (an empty list: none); without it, all
   */
  bind(state: State, author: Uint8Array, key: PublicKey, methods?: readonly string[]): void
}

/** A method whose arguments are read by a codec before the rule runs. */
export function method<A>(
  args: Codec<A>,
  apply: (state: State, args: A, call: Call, block: BlockContext) => void
): Method {
  return {
    apply(state, call, block) {
      apply(
        state,
        args.read(decodeCbor(call.args, TRANSACTION_BYTES_MAX), call.method),
        call,
        block
      )
    }
  }
}

/** Encodes a call's arguments, as {@link method} reads them. */
export function encodeArgs<A>(codec: Codec<A>, args: A): Uint8Array {
  return encodeCbor(codec.write(args))
}
