import { equalBytes } from '../bytes.ts'
import { BoundedCache } from '../crypto/bounded-cache.ts'
import { bytes, format, hash32, list, tagged, uint, type Format } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { leafHash, verifyInclusion } from '../merkle/history.ts'
import {
  anchorFields,
  trustOfLeaf,
  verifyAnchor,
  type Anchor,
  type ProvenAnchor,
  type Trust,
  type TrustLevel
} from './anchor.ts'
import { verifySigned } from './cose.ts'
import type { Header } from './header.ts'
import { INCLUSION_PATH_MAX, RECEIPT_BYTES_MAX, TRANSACTION_BYTES_MAX } from './limits.ts'
import { decodeTransaction, type Transaction } from './transaction.ts'

/** Everything that proves, without any node and without a network, that a transaction is on the ledger. spec F-15. */
export interface Receipt extends Anchor {
  /** The transaction's position in the history tree. */
  readonly index: number
  /** The inclusion path, RFC 9162 section 2.1.3. */
  readonly path: readonly Uint8Array[]
  /** The transaction's bytes. */
  readonly transaction: Uint8Array
}

/** The bytes of a receipt and back. Reading checks the form only: see {@link verifyReceipt}. */
export const receiptFormat: Format<Receipt> = format(
  'receipt',
  RECEIPT_BYTES_MAX,
  tagged(['vitalchain/receipt', 1], {
    ...anchorFields,
    index: uint(),
    path: list(hash32, INCLUSION_PATH_MAX),
    transaction: bytes(1, TRANSACTION_BYTES_MAX)
  })
)

/**
 * What a valid receipt proves. The header is one in whose history the transaction stands: it was recorded in this block
 * or before. `trust` is what the transaction and its place rest on.
 */
export interface Proven extends ProvenAnchor {
  /** What the header itself rests on, and so its time: retired validators could sign another header over a true history. */
  readonly headerTrust: TrustLevel
  /** The transaction, its signatures checked. */
  readonly transaction: Transaction
  /** The transaction's position among all transactions since genesis. */
  readonly index: number
}

/** Verifies receipts of one network, one after another. */
export type ReceiptVerifier = (encoded: Uint8Array) => Proven

/** Certificates that a verifier remembers as good: those of the blocks that receipts of a busy minute share. */
const CERTIFICATES_REMEMBERED = 1_024

/**
 * Verifies a receipt offline: pure, no I/O, no clock. It verifies or throws; there is no third answer. spec F-16.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL`, `ERR_SCHEMA` for bytes that are no
 * receipt, `ERR_OTHER_NETWORK`, `ERR_HANDOVER`, `ERR_CERTIFICATE`, `ERR_CONSISTENCY`, `ERR_PIN`, `ERR_PIN_UNPROVEN`,
 * `ERR_INCLUSION`, `ERR_SIGNATURE` for a proof that does not hold
 */
export function verifyReceipt(encoded: Uint8Array, trust: Trust): Proven {
  return createReceiptVerifier(trust)(encoded)
}

/**
 * A verifier with the verdicts of {@link verifyReceipt} that checks the signatures of a certificate once, however many
 * receipts share it: for whoever verifies many.
 */
export function createReceiptVerifier(trust: Trust): ReceiptVerifier {
  const good = new BoundedCache<true>(CERTIFICATES_REMEMBERED)
  return encoded => prove(encoded, trust, good)
}

function prove(encoded: Uint8Array, trust: Trust, good: BoundedCache<true>): Proven {
  const receipt = receiptFormat.decode(encoded)
  const anchor = verifyAnchor(receipt, trust, good)
  const { index } = receipt
  verifyLeaf(receipt, anchor.header)
  const transaction = decodeTransaction(receipt.transaction)
  checkSignatures(transaction, anchor.network)
  return {
    ...anchor,
    transaction,
    index,
    trust: trustOfLeaf(index, anchor, trust.pin),
    headerTrust: anchor.trust
  }
}

/**
 * A transaction at its place in the history of a header.
 *
 * @throws VitalchainError `ERR_INCLUSION`
 */
export function verifyLeaf(
  { index, path, transaction }: Pick<Receipt, 'index' | 'path' | 'transaction'>,
  { height, history: { size, root } }: Header
): void {
  if (!verifyInclusion(leafHash(transaction), index, size, path, root)) {
    throw new VitalchainError(
      'ERR_INCLUSION',
      `the transaction is not at ${index} of the history of height ${height}`,
      { values: { index, height } }
    )
  }
}

function checkSignatures(transaction: Transaction, network: Uint8Array): void {
  // The signatures in evidence need the validators of its height; those who certified the block had them.
  if (transaction.type === 'evidence') return checkNetwork(transaction.evidence, network)
  const parts =
    transaction.type === 'conflict' ? [transaction.first, transaction.second] : [transaction]
  for (const part of parts) {
    checkNetwork('call' in part ? part.call : part.statement, network)
    if (!verifySigned(part.signed))
      throw new VitalchainError('ERR_SIGNATURE', 'a signature in the transaction is not valid')
  }
}

function checkNetwork(said: { readonly network: Uint8Array }, network: Uint8Array): void {
  if (!equalBytes(said.network, network))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the transaction was signed for another network')
}
