import type { BlockContext } from '@vitalchain/contracts'
import {
  blockHash,
  equalBytes,
  frontierHead,
  hashCertificate,
  PROTOCOL_VERSION,
  sha256,
  VitalchainError,
  type Block,
  type Header
} from '@vitalchain/core'
import { isStoreFailure } from '../store/store.ts'
import { blockError, checkHeader, type ValidatorTerm } from './check-header.ts'
import {
  beginExecution,
  createBlockMeter,
  createCandidate,
  type Candidate,
  type Effects,
  type Executed,
  type Execution,
  type Ground,
  type Refusal
} from './execute.ts'
import { createTerm, termOf, type Tip } from './head.ts'
import type { Built, Origin, ValidateOptions } from './types.ts'

/** What the next block stands on. */
export interface Base {
  readonly network: Uint8Array
  readonly tip: Tip
  readonly ground: Ground
  /** What the next block's transactions know of the world. */
  context(time: number): BlockContext
}

/**
 * Builds the next block: carries candidates out in order and leaves out what is refused or does not fit. Throws as
 * `Ledger.build`.
 */
export function buildBlock(
  base: Base,
  candidates: Iterable<Candidate>,
  { view: originView, proposer, time }: Origin
): Built {
  const {
    network,
    tip: { head }
  } = base
  if (time <= head.time) {
    throw blockError('ERR_BLOCK_TIME', 'not later than the block before', head.height + 1)
  }
  const execution = begin(base, time)
  const meter = createBlockMeter()
  const taken: Candidate[] = []
  const refused: Refusal[] = []
  for (const candidate of candidates) {
    // The next block takes it: at most one transaction's size of this one stays empty.
    if (!meter.fits(candidate)) break
    const error = execution.apply(candidate)
    if (error === undefined) {
      meter.add(candidate)
      taken.push(candidate)
    } else refused.push({ hash: candidate.hash, error })
  }
  const effects = execution.finish()
  const header: Header = {
    protocol: PROTOCOL_VERSION,
    network,
    recoveryEpoch: 0,
    height: head.height + 1,
    previous: head.hash,
    time,
    originView,
    originProposer: proposer,
    transactionCount: taken.length,
    history: frontierHead(effects.frontier),
    stateRoot: effects.stateRoot,
    validatorsHash: nextTerm(base).hash,
    nextValidatorsHash: createTerm(0, effects.validators).hash,
    previousCertificateHash: hashCertificate(head.certificate)
  }
  const transactions = taken.map(({ bytes }) => bytes)
  const block = { header, previousCertificate: head.certificate, transactions }
  const executed = { block, hash: blockHash(header), transactions: taken, effects }
  return { block, executed, refused }
}

/** Checks a block on the head and carries it out. Throws as `Ledger.validate`. */
export function validateBlock(base: Base, block: Block, options: ValidateOptions): Executed {
  const { header } = block
  const {
    network,
    tip: { head, terms }
  } = base
  checkHeader(block, {
    network,
    ...head,
    certificate: head.certificate,
    term: termOf(terms, head.height),
    nextTerm: nextTerm(base)
  })
  const execution = begin(base, header.time)
  const meter = createBlockMeter()
  const transactions = block.transactions.map((bytes, index) => {
    const fail = (cause: VitalchainError): never => {
      throw blockError(
        'ERR_BLOCK_TRANSACTION',
        `transaction ${index} does not take effect: ${cause.code}`,
        header.height,
        { cause, values: { index, code: cause.code } }
      )
    }
    const candidate = readCandidate(bytes, options, fail)
    if (!meter.fits(candidate)) {
      throw blockError('ERR_BLOCK_SIZE', 'holds more than a block may', header.height)
    }
    meter.add(candidate)
    const refusal = execution.apply(candidate)
    if (refusal !== undefined) fail(refusal)
    return candidate
  })
  const effects = execution.finish()
  checkEffects(header, effects)
  return { block, hash: blockHash(header), transactions, effects }
}

function nextTerm({ tip }: Base): ValidatorTerm {
  return termOf(tip.terms, tip.head.height + 1)
}

function begin(base: Base, time: number): Execution {
  return beginExecution(base.ground, base.context(time))
}

function readCandidate(
  bytes: Uint8Array,
  options: ValidateOptions,
  fail: (cause: VitalchainError) => never
): Candidate {
  const hash = sha256(bytes)
  const checked = options.signaturesChecked(hash)
  const candidate = options.known?.(hash)
  if (candidate !== undefined) return { ...candidate, signaturesChecked: checked }
  try {
    return createCandidate(bytes, checked)
  } catch (error) {
    if (error instanceof VitalchainError && !isStoreFailure(error)) return fail(error)
    throw error
  }
}

function checkEffects(header: Header, { frontier, stateRoot, validators }: Effects): void {
  const history = frontierHead(frontier)
  if (header.history.size !== history.size || !equalBytes(header.history.root, history.root)) {
    throw blockError('ERR_BLOCK_HISTORY', 'its history root is another', header.height)
  }
  if (!equalBytes(header.stateRoot, stateRoot)) {
    throw blockError('ERR_BLOCK_STATE', 'its state root is another', header.height)
  }
  if (!equalBytes(header.nextValidatorsHash, createTerm(0, validators).hash)) {
    throw blockError(
      'ERR_BLOCK_NEXT_VALIDATORS',
      'it hands over to other validators',
      header.height
    )
  }
}
