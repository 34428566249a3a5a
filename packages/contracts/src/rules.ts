import {
  equalBytes,
  laneAfter,
  toHex,
  verifySigned,
  VitalchainError,
  type ContractVersion,
  type Genesis,
  type Signed,
  type Transaction,
  type ValidatorSet
} from '@vitalchain/core'
import { accounts, advanceAccount, callHead, equalKeys, getAccount } from './accounts.ts'
import type { BlockContext, Contract, State, StateReader } from './contract.ts'

/** How a transaction hangs on the one before it of the same author or lane. */
export interface Link {
  /** Names the chain. */
  readonly chain: string
  /** What the transaction names as its previous. */
  readonly previous: Uint8Array
  /** What the next transaction of the chain must name. */
  readonly next: Uint8Array
}

/** The rules of a network: its contracts together. */
export interface Rules {
  readonly versions: readonly ContractVersion[]
  /** @throws VitalchainError `ERR_CONTRACTS` unless these are exactly the contracts of the genesis */
  genesis(state: State, genesis: Genesis): void
  /**
   * Carries a transaction out.
   *
   * @param signaturesChecked - true when {@link checkSignatures} passed for it before
   * @throws VitalchainError with the code of the refusal; then the caller throws away what was written
   */
  apply(
    state: State,
    transaction: Transaction,
    block: BlockContext,
    signaturesChecked: boolean
  ): void
  /** The chain that a transaction is part of; undefined for one that stands alone. */
  link(transaction: Transaction): Link | undefined
  /** What the next transaction of this one's chain must name as its previous, as the state has it. */
  head(state: StateReader, transaction: Transaction): Uint8Array | undefined
  /** The validator set of the height after this state. */
  validators(state: StateReader): ValidatorSet
}

/** Puts contracts together. Their order is that of the genesis. */
export function createRules(contracts: readonly Contract[]): Rules {
  const byName = new Map(contracts.map(contract => [contract.name, contract]))
  const statements = contracts.find(contract => contract.statement !== undefined)
  const conflicts = contracts.find(contract => contract.conflict !== undefined)
  const evidence = contracts.find(contract => contract.evidence !== undefined)
  const sets = contracts.find(contract => contract.validators !== undefined)
  const versions = contracts.map(({ name, version }) => ({ name, version }))

  return {
    versions,
    genesis(state, genesis) {
      const asked = genesis.contracts.map(each => `${each.name}@${each.version}`).join(' ')
      const have = versions.map(each => `${each.name}@${each.version}`).join(' ')
      if (asked !== have)
        throw new VitalchainError(
          'ERR_CONTRACTS',
          `the genesis asks for ${asked}; this node has ${have}`
        )
      for (const contract of contracts) contract.genesis?.(state, genesis, accounts)
    },
    apply(state, transaction, block, signaturesChecked) {
      if (!signaturesChecked) checkSignatures(transaction, block.network)
      switch (transaction.type) {
        case 'statement':
          return handled(statements?.statement, 'statements')(state, transaction, block)
        case 'conflict':
          return handled(conflicts?.conflict, 'conflicts')(state, transaction, block)
        case 'evidence':
          return handled(evidence?.evidence, 'evidence')(state, transaction, block)
        case 'call':
          return applyCall(state, transaction, block, byName)
      }
    },
    link(transaction) {
      if (transaction.type === 'conflict' || transaction.type === 'evidence') return undefined
      if (transaction.type === 'call') {
        const { author, previous } = transaction.call
        return { chain: `call/${toHex(author)}`, previous, next: transaction.id }
      }
      const { device, lane, previous } = transaction.statement
      const { head } = laneAfter(transaction.statement, transaction.id)
      return { chain: laneChain(device, lane), previous, next: head }
    },
    head(state, transaction) {
      if (transaction.type === 'call') return callHead(state, transaction.call.author)
      return transaction.type === 'statement'
        ? statements?.statementHead?.(state, transaction)
        : undefined
    },
    validators: state => handled(sets?.validators, 'validators')(state)
  }
}

/** The name of the chain of a lane's statements, see {@link Link}. */
export function laneChain(device: Uint8Array, lane: 0 | 1): string {
  return `lane/${toHex(device)}/${lane}`
}

/** @throws VitalchainError `ERR_CONTRACTS` when no contract of the network has the rule */
function handled<T>(rule: T | undefined, what: string): T {
  if (rule === undefined) {
    throw new VitalchainError('ERR_CONTRACTS', `no contract of this network handles ${what}`)
  }
  return rule
}

function applyCall(
  state: State,
  { call, signed, id }: Extract<Transaction, { type: 'call' }>,
  block: BlockContext,
  byName: ReadonlyMap<string, Contract>
): void {
  const account = getAccount(state, call.author)
  if (account === undefined)
    throw new VitalchainError('ERR_AUTHOR_UNKNOWN', 'the author of the call has no account')
  if (!equalKeys(account.publicKey, signed.publicKey))
    throw new VitalchainError('ERR_SIGNATURE', "the call is not signed by its author's key")
  if (account.methods !== undefined && !account.methods.includes(call.method))
    throw new VitalchainError('ERR_NOT_A_MEMBER', 'the author of the call is not a member')
  if (!equalBytes(call.previous, account.head)) {
    throw new VitalchainError(
      'ERR_CHAIN_AHEAD',
      'the call does not name the newest call of its author',
      { retryable: true }
    )
  }
  const [contract = '', name = '', ...more] = call.method.split('.')
  const methods = more.length === 0 ? byName.get(contract)?.methods : undefined
  // Own properties only: a method called `constructor` must not exist.
  const found = methods !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined
  if (found === undefined)
    throw new VitalchainError('ERR_METHOD_UNKNOWN', `no contract has a method ${call.method}`)
  found.apply(state, call, block)
  advanceAccount(state, call.author, id)
}

/** The parts of a transaction that carry a signature of their own key. Those in evidence are for its contract to check. */
export function signedParts(transaction: Transaction): readonly Signed[] {
  if (transaction.type === 'evidence') return []
  return transaction.type === 'conflict'
    ? [transaction.first.signed, transaction.second.signed]
    : [transaction.signed]
}

function networkParts(transaction: Transaction): readonly { readonly network: Uint8Array }[] {
  switch (transaction.type) {
    case 'conflict':
      return [transaction.first.statement, transaction.second.statement]
    case 'call':
      return [transaction.call]
    case 'statement':
      return [transaction.statement]
    case 'evidence':
      return [transaction.evidence]
  }
}

/** @throws VitalchainError `ERR_OTHER_NETWORK` when any part was signed for another network */
export function checkNetwork(transaction: Transaction, network: Uint8Array): void {
  const parts = networkParts(transaction)
  if (!parts.every(part => equalBytes(part.network, network))) {
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the transaction was signed for another network')
  }
}

/** @throws VitalchainError `ERR_OTHER_NETWORK` or `ERR_SIGNATURE` */
export function checkSignatures(transaction: Transaction, network: Uint8Array): void {
  checkNetwork(transaction, network)
  if (!signedParts(transaction).every(verifySigned))
    throw new VitalchainError('ERR_SIGNATURE', 'a signature of the transaction is not valid')
}
