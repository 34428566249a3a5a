import {
  decodeTransaction,
  fromHex,
  HASH_BYTES,
  VitalchainError,
  type Header,
  type Place,
  type Transaction
} from '@vitalchain/core'
import { firstLeaf } from '../ledger/records.ts'
import type { LedgerNode } from '../types.ts'
import type { PlacedTransaction } from './event-data.ts'

/** What stands behind the `?` of a URL. */
export type Query = Readonly<Record<string, unknown>>

/** 32 bytes in hexadecimal. @throws VitalchainError `ERR_HEX` */
export function parseHash(text: string): Uint8Array {
  const hash = fromHex(text)
  if (hash.length !== HASH_BYTES)
    throw new VitalchainError('ERR_HEX', `expected ${2 * HASH_BYTES} hexadecimal digits`)
  return hash
}

/** A lane's number. @throws VitalchainError `ERR_SCHEMA` */
export function parseLane(text: string): 0 | 1 {
  if (text === '0') return 0
  if (text === '1') return 1
  throw new VitalchainError('ERR_SCHEMA', 'a lane is 0 or 1')
}

/** A text of the query; undefined when it is not there. @throws VitalchainError `ERR_SCHEMA` when it stands there twice */
export function optionalText(query: Query, name: string): string | undefined {
  const text = query[name]
  if (text !== undefined && typeof text !== 'string')
    throw new VitalchainError('ERR_SCHEMA', `${name} is given twice`)
  return text
}

/** A whole number of the query; undefined when it is not there. @throws VitalchainError `ERR_SCHEMA` */
export function optionalNumber(query: Query, name: string): number | undefined {
  const text = optionalText(query, name)
  return text === undefined ? undefined : parseWhole(text, name)
}

/** A whole number. @throws VitalchainError `ERR_SCHEMA` */
export function parseWhole(text: string, name: string): number {
  // 15 digits are below 2^53.
  if (!/^\d{1,15}$/.test(text))
    throw new VitalchainError('ERR_SCHEMA', `${name}: expected a whole number`)
  return Number(text)
}

/** A whole number of the query. @throws VitalchainError `ERR_SCHEMA` */
export function requiredNumber(query: Query, name: string): number {
  const value = optionalNumber(query, name)
  if (value === undefined) throw new VitalchainError('ERR_SCHEMA', `${name} is missing`)
  return value
}

/** A place in a lane, `boot.seq`; undefined when it is not there. @throws VitalchainError `ERR_SCHEMA` */
export function optionalPlace(query: Query, name: string): Place | undefined {
  const text = optionalText(query, name)
  if (text === undefined) return undefined
  const [, boot, seq] = /^(\d{1,10})\.(\d{1,15})$/.exec(text) ?? []
  const place = { boot: Number(boot), seq: Number(seq) }
  if (!(place.boot <= 0xffff_ffff && place.seq >= 0))
    throw new VitalchainError('ERR_SCHEMA', `${name}: expected a place, such as 3.17`)
  return place
}

/** The transaction at a position of the history. @throws VitalchainError `ERR_NOT_FOUND` */
export function transactionAt({ ledger }: LedgerNode, leaf: number): Transaction {
  const bytes = ledger.transaction(leaf)
  if (bytes === undefined) throw notFound('the ledger holds no such transaction')
  return decodeTransaction(bytes)
}

/** The same with its place. @throws VitalchainError `ERR_NOT_FOUND` */
export function placed(node: LedgerNode, leaf: number, of?: Header): PlacedTransaction {
  const transaction = transactionAt(node, leaf)
  const header = of ?? node.ledger.header(node.ledger.heightOf(leaf))
  if (header === undefined) throw notFound('the ledger holds no such block')
  const { height, time } = header
  return { height, index: leaf - firstLeaf(header), leaf, time, transaction }
}

/** The device that a transaction is a statement of. */
export function deviceOf(transaction: Transaction): Uint8Array | undefined {
  return transaction.type === 'statement' ? transaction.statement.device : undefined
}

/** What is not there, in these words. */
export function notFound(message: string): VitalchainError {
  return new VitalchainError('ERR_NOT_FOUND', message)
}
