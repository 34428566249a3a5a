import {
  blockHash,
  concatBytes,
  equalBytes,
  hashCertificate,
  sha256,
  toHex,
  u32be,
  verifyCertificate,
  type Certificate,
  type Header,
  type ValidatorSet
} from '@vitalchain/core'
import type { KeyRing } from './keys.ts'
import { applyChanges, hashOfSet } from './members.ts'
import {
  FIRST_LEADERSHIP,
  advanceLeadership,
  type BlockProposal,
  type HeightContext,
  type Leadership,
  type VoteScope
} from './replica.ts'

/** The network of all simulations. */
export const NETWORK: Uint8Array = sha256(u32be(7))

/** Where signatures of simulations are valid. */
export const SCOPE: VoteScope = { network: NETWORK, recoveryEpoch: 0 }

/** The true time at the beginning of a simulation, ms since 1970. */
export const EPOCH_MS: number = 1_700_000_000_000

/** How far a fresh block's time may lie ahead of the own clock, and how late it may arrive in view 0, ms. */
const CLOCK_PRECISION_MS = 500
const MESSAGE_DELAY_MS = 2_000

/** The state root by which the simulated execution tells an invalid block. */
export const INVALID_STATE: Uint8Array = new Uint8Array(32).fill(0xff)

/** A durable block. */
export interface StoredBlock {
  readonly block: BlockProposal
  readonly blockHash: Uint8Array
  readonly certificate: Certificate
  /** The leadership and the validators of the height above. */
  readonly leadership: Leadership
  readonly validators: ValidatorSet
}

/** The validators of a height, at most one above the chain. */
export function validatorsAt(
  chain: readonly StoredBlock[],
  keys: KeyRing,
  height: number
): ValidatorSet {
  return chain[height - 2]?.validators ?? keys.validators
}

/** The chain as the next height sees it. */
export function contextOf(chain: readonly StoredBlock[], keys: KeyRing): HeightContext {
  const head = chain.at(-1)
  return {
    height: chain.length + 1,
    parentHash: head?.blockHash ?? NETWORK,
    parentTime: head?.block.header.time ?? 0,
    parentCertificate: head?.certificate,
    validators: head?.validators ?? keys.validators,
    leadership: head?.leadership ?? FIRST_LEADERSHIP
  }
}

/** A chain with one block more. */
export function extend(
  chain: readonly StoredBlock[],
  keys: KeyRing,
  block: BlockProposal,
  certificate: Certificate
): StoredBlock[] {
  const { leadership, height, validators } = contextOf(chain, keys)
  const stored: StoredBlock = {
    block,
    blockHash: blockHash(block.header),
    certificate,
    leadership: advanceLeadership(leadership, height, validators, block.previousCertificate?.view),
    validators: applyChanges(validators, block.transactions, keys) ?? validators
  }
  return [...chain, stored]
}

/** Builds a block of made-up transactions. */
export function buildBlock(
  context: HeightContext,
  origin: { readonly view: number; readonly proposer: number; readonly time: number },
  nonces: readonly number[],
  valid: boolean = true
): BlockProposal {
  const transactions = nonces.map(nonce => plainTransaction(nonce))
  return blockOf(context, origin, transactions, context.validators, valid)
}

/** Builds a block of any transactions, which lead to these validators. */
export function blockOf(
  context: HeightContext,
  origin: { readonly view: number; readonly proposer: number; readonly time: number },
  transactions: readonly Uint8Array[],
  next: ValidatorSet,
  valid: boolean = true
): BlockProposal {
  const header: Header = {
    protocol: 1,
    network: NETWORK,
    recoveryEpoch: 0,
    height: context.height,
    previous: context.parentHash,
    time: Math.max(origin.time, context.parentTime + 1),
    originView: origin.view,
    originProposer: origin.proposer,
    transactionCount: transactions.length,
    history: { size: 0, root: rootOf(transactions) },
    stateRoot: valid ? new Uint8Array(32) : INVALID_STATE,
    validatorsHash: hashOfSet(context.validators),
    nextValidatorsHash: hashOfSet(next),
    previousCertificateHash: hashCertificate(context.parentCertificate)
  }
  return { header, previousCertificate: context.parentCertificate, transactions }
}

/** Whether the transactions beside a header are those that it binds. */
export function isWhole(block: BlockProposal): boolean {
  return equalBytes(block.header.history.root, rootOf(block.transactions))
}

/** What the simulated execution finds: undefined when the block is valid. */
export function faultOf(
  block: BlockProposal,
  chain: readonly StoredBlock[],
  keys: KeyRing,
  setOf: typeof validatorsAt = validatorsAt
): string | undefined {
  const { header, previousCertificate } = block
  const { height, parentHash, validators } = contextOf(chain, keys)
  if (header.height !== height || !equalBytes(header.previous, parentHash)) return 'ERR_PARENT'
  if (!isWhole(block)) return 'ERR_TRANSACTIONS'
  if (equalBytes(header.stateRoot, INVALID_STATE)) return 'ERR_STATE_ROOT'
  const committed = transactionsOf(chain)
  if (block.transactions.some(each => committed.has(toHex(each)))) return 'ERR_ALREADY_COMMITTED'
  const next = applyChanges(validators, block.transactions, keys)
  if (
    next === undefined ||
    !equalBytes(header.validatorsHash, hashOfSet(validators)) ||
    !equalBytes(header.nextValidatorsHash, hashOfSet(next))
  )
    return 'ERR_VALIDATORS'
  if (previousCertificate === undefined) return undefined
  return certifies(previousCertificate, setOf(chain, keys, height - 1), keys)
    ? undefined
    : 'ERR_CERTIFICATE'
}

/** Whether a fresh block of a view comes neither too early nor too late by this clock. */
export function isInTime(time: number, view: number, clock: number): boolean {
  const late = MESSAGE_DELAY_MS * 2 ** Math.min(view, 6) + CLOCK_PRECISION_MS
  return time - CLOCK_PRECISION_MS <= clock && clock <= time + late
}

const transactions = new WeakMap<readonly StoredBlock[], ReadonlySet<string>>()

/** The transactions of a chain, as keys. Computed once: a chain is never changed. */
export function transactionsOf(chain: readonly StoredBlock[]): ReadonlySet<string> {
  const known = transactions.get(chain)
  if (known !== undefined) return known
  const keys = new Set(chain.flatMap(({ block }) => block.transactions.map(each => toHex(each))))
  transactions.set(chain, keys)
  return keys
}

/** A made-up transaction. */
export function plainTransaction(nonce: number): Uint8Array {
  return sha256(u32be(nonce))
}

/** Whether a certificate is that of a quorum of these validators. */
export function certifies(
  certificate: Certificate,
  validators: ValidatorSet,
  keys: KeyRing,
  phase: Certificate['phase'] = 'commit'
): boolean {
  try {
    verifyCertificate(certificate, validators, SCOPE, keys.verify)
    return certificate.phase === phase
  } catch {
    return false
  }
}

function rootOf(transactions: readonly Uint8Array[]): Uint8Array {
  return sha256(concatBytes([...transactions]))
}
