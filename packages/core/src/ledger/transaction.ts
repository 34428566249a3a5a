import { compareBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import {
  bytes,
  format,
  hash32,
  tagged,
  text,
  tuple,
  uint,
  type Codec,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { openCose, type Signed } from './cose.ts'
import { evidenceFormat } from './evidence-format.ts'
import type { Evidence } from './evidence.ts'
import { TRANSACTION_BYTES_MAX } from './limits.ts'
import { statementFormat, statementId, type Statement } from './statement.ts'

/** What somebody with a key on the ledger asks a contract to do. spec F-13. */
export interface Call {
  /** The network id. */
  readonly network: Uint8Array
  /** The identifier of the author: a member today. */
  readonly author: Uint8Array
  /** The identity of the author's call before; 32 zero bytes for the first. So no call can be replayed or lost unseen. */
  readonly previous: Uint8Array
  /** The contract and its method, such as `devices.register`. */
  readonly method: string
  /** The method's arguments in deterministic CBOR, as its contract defines them. */
  readonly args: Uint8Array
}

/** A transaction taken apart. */
export type Transaction =
  | {
      readonly type: 'statement'
      readonly signed: Signed
      readonly statement: Statement
      readonly id: Uint8Array
    }
  | { readonly type: 'call'; readonly signed: Signed; readonly call: Call; readonly id: Uint8Array }
  | {
      /** Two different statements of one device for one place in one lane, both signed: proof that it is not one device. */
      readonly type: 'conflict'
      readonly first: { readonly signed: Signed; readonly statement: Statement }
      readonly second: { readonly signed: Signed; readonly statement: Statement }
      readonly id: Uint8Array
    }
  | {
      /** Proof that a validator broke the rules of consensus. Nobody signs it as a whole: it proves itself. */
      readonly type: 'evidence'
      readonly evidence: Evidence
      readonly id: Uint8Array
    }

const TYPES = ['statement', 'call', 'conflict', 'evidence'] as const

const envelope: Format<{ readonly type: number; readonly body: Uint8Array }> = format(
  'transaction',
  TRANSACTION_BYTES_MAX,
  tagged(['vitalchain/tx'], { type: uint(TYPES.length - 1), body: bytes(1, TRANSACTION_BYTES_MAX) })
)

const conflictBody: Format<{ readonly first: Uint8Array; readonly second: Uint8Array }> = format(
  'conflict',
  TRANSACTION_BYTES_MAX,
  tuple({ first: bytes(1, TRANSACTION_BYTES_MAX), second: bytes(1, TRANSACTION_BYTES_MAX) })
)

const callFields: Codec<Call> = tagged(['vitalchain/call'], {
  network: hash32,
  author: hash32,
  previous: hash32,
  method: text(64),
  args: bytes(1, TRANSACTION_BYTES_MAX)
})

/** The bytes of a call, which its author signs, and back. */
export const callFormat: Format<Call> = format('call', TRANSACTION_BYTES_MAX, callFields)

/** The transaction of a signed statement (a COSE_Sign1 of `signCose`). */
export function statementTransaction(cose: Uint8Array): Uint8Array {
  return envelope.encode({ type: TYPES.indexOf('statement'), body: cose })
}

/** The transaction of a signed call. */
export function callTransaction(cose: Uint8Array): Uint8Array {
  return envelope.encode({ type: TYPES.indexOf('call'), body: cose })
}

/** The transaction that shows two signed statements for one place, in the order of their identities. */
export function conflictTransaction(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [first, second] = [a, b].toSorted((x, y) =>
    compareIds(openCose(x).payload, openCose(y).payload)
  )
  if (first === undefined || second === undefined)
    throw new VitalchainError('ERR_SCHEMA', 'a conflict has two statements')
  return envelope.encode({
    type: TYPES.indexOf('conflict'),
    body: conflictBody.encode({ first, second })
  })
}

/** The transaction that carries evidence against a validator. */
export function evidenceTransaction(evidence: Evidence): Uint8Array {
  return envelope.encode({
    type: TYPES.indexOf('evidence'),
    body: evidenceFormat.encode(evidence)
  })
}

/** The COSE_Sign1 inside a transaction of a statement or call, as it was signed. */
export function transactionBody(encoded: Uint8Array): Uint8Array {
  return envelope.decode(encoded).body
}

/**
 * Takes a transaction apart and checks its form. Signatures, keys and places are checked by the contracts.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL` or `ERR_SCHEMA`
 */
export function decodeTransaction(encoded: Uint8Array): Transaction {
  const { type, body } = envelope.decode(encoded)
  const kind = TYPES[type]
  if (kind === 'statement') {
    const { signed, statement } = openStatement(body)
    return { type: kind, signed, statement, id: statementId(signed.payload) }
  }
  if (kind === 'call') {
    const signed = openCose(body)
    return {
      type: kind,
      signed,
      call: callFormat.decode(signed.payload),
      id: sha256(signed.payload)
    }
  }
  if (kind === 'evidence')
    return { type: kind, evidence: evidenceFormat.decode(body), id: sha256(encoded) }
  const { first, second } = conflictBody.decode(body)
  const [a, b] = [openStatement(first), openStatement(second)]
  if (compareIds(a.signed.payload, b.signed.payload) >= 0) {
    throw new VitalchainError(
      'ERR_SCHEMA',
      'conflict: expected two different statements in the order of their identities'
    )
  }
  return { type: 'conflict', first: a, second: b, id: sha256(encoded) }
}

function openStatement(cose: Uint8Array): { signed: Signed; statement: Statement } {
  const signed = openCose(cose)
  return { signed, statement: statementFormat.decode(signed.payload) }
}

function compareIds(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(statementId(a), statementId(b))
}
