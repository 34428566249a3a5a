import { equalBytes, hash32, list, optional, publicKeyCodec, text, tuple } from '@vitalchain/core'
import type { PublicKey } from '@vitalchain/core'
import type { Accounts, State, StateReader } from './contract.ts'
import { table, type Table } from './table.ts'

/** Methods that a limited account may be allowed: each of today's has one. */
const METHODS_MAX = 4

const NO_CALL = new Uint8Array(32)

/** Someone who may make calls. */
export interface Account {
  readonly publicKey: PublicKey
  /** Identity of the account's newest call; 32 zero bytes before the first. */
  readonly head: Uint8Array
  /** The only methods it may call; undefined for one that may call all. */
  readonly methods: readonly string[] | undefined
}

const records: Table<Account> = table(
  'accounts',
  'account',
  tuple({ publicKey: publicKeyCodec, head: hash32, methods: optional(list(text(64), METHODS_MAX)) })
)

/** The accounts of a network, as the contracts that decide about them see them. spec M-2. */
export const accounts: Accounts = {
  bind(state, author, publicKey, methods) {
    // The head stays: a key that is bound again must not make its old calls count again.
    records.put(state, author, {
      publicKey,
      head: getAccount(state, author)?.head ?? NO_CALL,
      methods
    })
  }
}

/**
 * Ends an account for good. Only for an author whose identifier is never bound again: whatever it called could otherwise be
 * called once more.
 */
export function closeAccount(state: State, author: Uint8Array): void {
  records.delete(state, author)
}

/** An author's account, or undefined for someone who never had one. */
export function getAccount(state: StateReader, author: Uint8Array): Account | undefined {
  return records.get(state, author)
}

/** Makes a call the newest one of its author, whose account may have changed by the call itself. */
export function advanceAccount(state: State, author: Uint8Array, head: Uint8Array): void {
  const account = getAccount(state, author)
  if (account !== undefined) records.put(state, author, { ...account, head })
}

/** The identity that an author's next call must name as its previous; undefined for someone who never had an account. */
export function callHead(state: StateReader, author: Uint8Array): Uint8Array | undefined {
  return getAccount(state, author)?.head
}

/** Whether two public keys are one. */
export function equalKeys(one: PublicKey, other: PublicKey): boolean {
  return one.algorithm === other.algorithm && equalBytes(one.bytes, other.bytes)
}
