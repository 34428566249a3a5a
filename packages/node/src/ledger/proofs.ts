import {
  BoundedCache,
  consistencyProof,
  equalBytes,
  hashCertificate,
  inclusionProof,
  leafHash,
  proveState,
  receiptFormat,
  rootAt,
  stateProofFormat,
  verifyCertificate,
  verifyConsistency,
  verifyInclusion,
  verifyStateProof,
  VitalchainError,
  type Anchor,
  type Certificate,
  type CertifiedHeader,
  type Consistency,
  type HandOver,
  type NodeReader,
  type NodeStore,
  type StateProofDocument,
  type TreeHead
} from '@vitalchain/core'
import type { StateReader } from '@vitalchain/contracts'
import type { ValidatorTerm } from './check-header.ts'
import {
  makeCompleteness,
  type CompletenessRequest,
  type CompletenessSource
} from './completeness.ts'
import { termOf, type Head } from './head.ts'
import { createNodeMemory } from './node-memory.ts'
import { createReceiptMemory } from './receipt-memory.ts'
import { damaged, type HeaderRecord, type TransactionRecord } from './records.ts'

/** Certificates remembered as good: those of the newest blocks, of which most receipts are asked for, and the hand-overs. */
const CERTIFICATES_REMEMBERED = 2_048

/** Certificates whose signatures were checked here, by the hash of their bytes: what a disk damages has another. */
export interface GoodCertificates {
  has(certificate: Certificate): boolean
  add(certificate: Certificate): void
}

/** Makes the memory of {@link GoodCertificates}. */
export function createGoodCertificates(): GoodCertificates {
  const good = new BoundedCache<true>(CERTIFICATES_REMEMBERED)
  return {
    has: certificate => good.get(hashCertificate(certificate)) === true,
    add: certificate => good.set(hashCertificate(certificate), true)
  }
}

/**
 * The proofs of what was committed. Each was checked with the ledger's own certified headers before it is handed out:
 * what the store does not prove is `ERR_DAMAGED`, never served.
 */
export interface Proofs {
  /** At most `max` headers with their certificates from a height on, ascending; none above the newest block. */
  headers(from: number, max: number): readonly CertifiedHeader[]
  /** At most `max` changes of the validator set at heights above one, ascending. */
  handOvers(after: number, max: number): readonly HandOver[]
  /** Path of a leaf in the tree of a size. @throws VitalchainError `ERR_TREE_RANGE` */
  inclusionProof(index: number, size: number): Uint8Array[]
  /**
   * Proof that the tree of one size continues that of a smaller.
   *
   * @throws VitalchainError `ERR_TREE_RANGE`, retryable when only this node has not got so far, `ERR_DAMAGED`
   */
  consistencyProof(first: number, second: number): Uint8Array[]
  /**
   * What ties a height's header to the genesis, and to a pin.
   *
   * @throws VitalchainError `ERR_NOT_COMMITTED` for no height of a block, `ERR_TREE_RANGE` for a pin of a larger size
   * than the header's, `ERR_DAMAGED`
   */
  anchor(height: number, pin?: number): Anchor
  /**
   * The bytes of the receipt of a transaction: against the header of its own block, or the newest one.
   *
   * @throws VitalchainError `ERR_NOT_COMMITTED`, `ERR_TREE_RANGE` for a pin that this node has not reached (retryable),
   * `ERR_DAMAGED`
   */
  receipt(index: number, options?: ReceiptOptions): Uint8Array
  /**
   * The bytes of a proof of what the state holds under a key after the newest block, or that it holds nothing.
   *
   * @throws VitalchainError `ERR_NOT_COMMITTED` before the first block, `ERR_TREE_RANGE` as for receipts, `ERR_DAMAGED`,
   * `ERR_STATE_NODE`
   */
  stateProof(key: Uint8Array, pin?: number): Uint8Array
  /** See `makeCompleteness`. */
  completeness(request: CompletenessRequest): Promise<Uint8Array>
}

/** Against which header a receipt is made. */
export interface ReceiptOptions {
  /**
   * Size of a checkpoint that the verifier trusts: the receipt then shows that its header's history continues that one.
   * For a size above that of the transaction's own block the receipt is made against the newest header.
   */
  readonly pin?: number | undefined
  /** Whether the receipt is made against the newest header in any case. Default: false. */
  readonly renew?: boolean | undefined
}

/** What proofs are made from. */
export interface ProofSource {
  /** The bytes of the genesis document, and their SHA-256. */
  readonly genesis: Uint8Array
  readonly network: Uint8Array
  /** Filled by who commits blocks, too. */
  readonly good: GoodCertificates
  readonly head: () => Head
  /** All validator sets since genesis, ascending. */
  readonly terms: () => readonly ValidatorTerm[]
  /** The record of a height; undefined at 0 and above the newest block. */
  readonly record: (height: number) => HeaderRecord | undefined
  /** @throws VitalchainError `ERR_NOT_COMMITTED`, `ERR_DAMAGED` */
  readonly committed: (index: number) => TransactionRecord
  readonly readNode: NodeReader
  readonly places: CompletenessSource['places']
  /** The state after the newest block. */
  readonly state: StateReader
  readonly nodes: NodeStore
}

/** Makes the proofs of a ledger. */
export function createProofs(source: ProofSource): Proofs {
  const { genesis, network, good, head, terms, record, committed, state, nodes } = source
  const memory = createNodeMemory(source.readNode)
  const receipts = createReceiptMemory()

  /** The error for a proof that does not hold. What it was made of may be repaired: it is read anew. */
  const unproven = (index: number): VitalchainError => {
    memory.forget()
    return damaged('proof', index)
  }

  /** A header and its certificate, whose signatures are checked unless they were before. */
  const certified = (height: number): CertifiedHeader => {
    const found = record(height)
    if (found === undefined) throw damaged('header', height)
    const { header, certificate } = found
    if (good.has(certificate)) return { header, certificate }
    const { hash, validators } = termOf(terms(), height)
    if (header.height !== height || !equalBytes(header.validatorsHash, hash))
      throw damaged('header', height)
    try {
      verifyCertificate(certificate, validators, { network, recoveryEpoch: header.recoveryEpoch })
    } catch (cause) {
      throw damaged('header', height, cause)
    }
    good.add(certificate)
    return { header, certificate }
  }
  const handOver = ({ from, validators, hash }: ValidatorTerm): HandOver => {
    const { header, certificate } = certified(from - 1)
    if (!equalBytes(header.nextValidatorsHash, hash)) throw damaged('validator set', from)
    return { header, certificate, validators }
  }
  const handOversBetween = (after: number, before: number): readonly ValidatorTerm[] =>
    terms().filter(({ from }) => from > 1 && from - 1 > after && from - 1 < before)

  const requireSize = (asked: number, size = head().history.size): void => {
    if (asked > size) {
      throw new VitalchainError('ERR_TREE_RANGE', `the history has ${size} leaves`, {
        values: { asked, size },
        retryable: true
      })
    }
  }
  /** How a certified tree continues the one of a smaller size. */
  const continuing = (size: number, certifiedTree: TreeHead): Consistency => {
    const path = consistencyProof(size, certifiedTree.size, memory.read)
    const root = rootAt(size, memory.read)
    if (!verifyConsistency({ size, root }, certifiedTree, path)) throw unproven(size)
    return { size, root, path }
  }
  const anchor = (height: number, pin = 0): Anchor => {
    if (height < 1 || height > head().height)
      throw new VitalchainError('ERR_NOT_COMMITTED', `there is no block ${height}`, {
        values: { height },
        retryable: true
      })
    const { header, certificate } = certified(height)
    requireSize(pin, header.history.size)
    return {
      genesis,
      handOvers: handOversBetween(0, height).map(handOver),
      header,
      certificate,
      // Every history continues the empty one.
      consistency: pin === 0 ? undefined : continuing(pin, header.history)
    }
  }

  /** What the state holds under a key, with a proof that holds. */
  const proven = (key: Uint8Array): Pick<StateProofDocument, 'value' | 'proof'> => {
    const value = state.get(key)
    const proof = proveState(nodes, key)
    if (!verifyStateProof({ root: head().stateRoot, key, value, proof }))
      throw damaged('state of the block', head().height)
    return { value, proof }
  }

  return {
    headers(from, max) {
      const count = Math.min(max, head().height - from + 1)
      return Array.from({ length: Math.max(0, count) }, (_, k) => certified(from + k))
    },
    handOvers: (after, max) =>
      handOversBetween(after, Number.POSITIVE_INFINITY).slice(0, max).map(handOver),
    inclusionProof(index, treeSize) {
      requireSize(treeSize)
      return inclusionProof(index, treeSize, source.readNode)
    },
    consistencyProof(first, second) {
      requireSize(second)
      // The root of a size is known to be right when the newest header's tree continues it.
      const tree = continuing(second, head().history)
      return [...continuing(first, tree).path]
    },
    anchor,
    receipt(index, { pin = 0, renew = false } = {}) {
      // Against the header of its own block it is the same for ever.
      const known = pin === 0 && !renew ? receipts.get(index) : undefined
      if (known !== undefined) return known
      const { height, bytes } = committed(index)
      const own = certified(height).header.history.size
      const base = anchor(renew || pin > own ? head().height : height, pin)
      const { history } = base.header
      const path = inclusionProof(index, history.size, memory.read)
      if (!verifyInclusion(leafHash(bytes), index, history.size, path, history.root))
        throw unproven(index)
      const receipt = receiptFormat.encode({ ...base, index, path, transaction: bytes })
      if (pin === 0 && !renew) receipts.keep(index, receipt)
      return receipt
    },
    stateProof(key, pin) {
      const newest = anchor(head().height, pin)
      return stateProofFormat.encode({ ...newest, key, ...proven(key) })
    },
    completeness: request =>
      makeCompleteness(
        {
          places: source.places,
          size: () => head().history.size,
          committed,
          readNode: source.readNode,
          newest: pin => anchor(head().height, pin),
          proven(key) {
            const { value, proof } = proven(key)
            return value === undefined ? undefined : { value, proof }
          }
        },
        request
      )
  }
}
