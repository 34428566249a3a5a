import {
  decodeTransaction,
  readTlogProof,
  receiptFormat,
  receiptFromJson,
  VitalchainError
} from '@vitalchain/core'
import { proofKind } from './proof-kind.ts'

/**
 * The bytes of the one transaction that a file holds: the transaction itself, a receipt, or a tlog-proof.
 *
 * @throws VitalchainError `ERR_FILE` when it holds none
 */
export function transactionIn(bytes: Uint8Array, file: string): Uint8Array {
  try {
    const transaction = isTransaction(bytes) ? bytes : transactionOf(bytes)
    decodeTransaction(transaction)
    return transaction
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `${file} holds no transaction`, {
      cause,
      values: { file }
    })
  }
}

function isTransaction(bytes: Uint8Array): boolean {
  try {
    decodeTransaction(bytes)
    return true
  } catch {
    return false
  }
}

function transactionOf(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(bytes)
  const kind = proofKind(bytes)
  if (kind === 'receipt') return receiptFormat.decode(bytes).transaction
  if (kind === 'receipt-json') return receiptFormat.decode(receiptFromJson(text)).transaction
  const extra = kind === 'tlog-proof' ? readTlogProof(text).extra : undefined
  if (extra === undefined) throw new VitalchainError('ERR_SCHEMA', 'expected a transaction')
  return extra
}
