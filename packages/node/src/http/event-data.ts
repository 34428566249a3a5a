import { STATEMENT_FLAG, toHex, type Transaction } from '@vitalchain/core'
import { Type, type TSchema } from 'typebox'
import type { CommittedEvent } from '../ledger/events.ts'
import { hashSchema, hexSchema, oneOf, timeSchema, wholeSchema } from './schemas.ts'

/** What the API tells of a committed transaction, in events, pages and blocks alike. */
export function eventData({ height, index, leaf, time, transaction }: PlacedTransaction): object {
  const { type, id } = transaction
  return { height, index, leaf, time, type, id: toHex(id), ...transactionData(transaction) }
}

/** A transaction with its place in the history. */
export type PlacedTransaction = Omit<CommittedEvent, 'cursor' | 'bytes'>

/** What each kind of transaction says without its signatures. Payloads, streams and commitments stay out. */
export function transactionData(transaction: Transaction): object {
  if (transaction.type === 'call') {
    const { author, method } = transaction.call
    return { author: toHex(author), method }
  }
  if (transaction.type === 'evidence') {
    // Not `height`, which is that of the block: a validator is named by its place in the set of that height.
    const { kind, validator, height: faultHeight } = transaction.evidence
    return { kind, validator, faultHeight }
  }
  const { statement } = transaction.type === 'conflict' ? transaction.first : transaction
  const { device, lane, boot, seq } = statement
  const place = { device: toHex(device), lane, boot, seq }
  if (transaction.type === 'conflict') return place
  switch (statement.type) {
    case 'readings': {
      const { count, from, to, flags } = statement
      const isAttested = (flags & STATEMENT_FLAG.gatewayAttested) !== 0
      const attested = isAttested ? { attestedBy: 'gateway' } : {}
      return { statement: 'readings', ...place, count, from, to, flags, ...attested }
    }
    case 'gap': {
      const { last, count, reason } = statement
      return { statement: 'gap', ...place, last, count, reason }
    }
    case 'rotation': {
      const { algorithm, bytes } = statement.newKey
      return { statement: 'rotation', ...place, newKey: { algorithm, key: toHex(bytes) } }
    }
    case 'stream':
      return { statement: 'stream', ...place, bound: statement.stream !== undefined }
  }
}

/** The types of transactions. */
export const TRANSACTION_TYPES: readonly Transaction['type'][] = [
  'statement',
  'call',
  'conflict',
  'evidence'
]

/** The types of statements. */
export const STATEMENT_TYPES: readonly string[] = ['readings', 'gap', 'rotation', 'stream']

/** By the device's clock, which may be wrong. */
const DEVICE_TIME: TSchema = Type.Integer({
  description: "The first, or the last, reading by the device's clock, ms since 1970."
})

/** What is told of each kind beside its identity and its type; see {@link transactionData}. */
const TOLD: Readonly<Record<string, TSchema>> = {
  type: oneOf(TRANSACTION_TYPES),
  id: hashSchema('Its identity.'),
  author: Type.Optional(hashSchema('Of a call: the member.')),
  method: Type.Optional(Type.String({ description: 'Of a call.' })),
  kind: Type.Optional(Type.String({ description: 'Of evidence.' })),
  validator: Type.Optional(wholeSchema('Of evidence: the index in the set of `faultHeight`.')),
  faultHeight: Type.Optional(wholeSchema('Of evidence.')),
  statement: Type.Optional(oneOf(STATEMENT_TYPES)),
  device: Type.Optional(hashSchema('Of a statement or a conflict.')),
  lane: Type.Optional(Type.Integer({ minimum: 0, maximum: 1 })),
  boot: Type.Optional(wholeSchema('Of the place.', 0xffff_ffff)),
  seq: Type.Optional(wholeSchema('Of the place.')),
  count: Type.Optional(wholeSchema('Readings in a batch, or statements in a gap.')),
  from: Type.Optional(DEVICE_TIME),
  to: Type.Optional(DEVICE_TIME),
  flags: Type.Optional(wholeSchema('Flags of the batch.')),
  attestedBy: Type.Optional(
    oneOf(['gateway'], 'Of a batch: a gateway signed for a sensor that cannot sign.')
  ),
  last: Type.Optional(
    Type.Object(
      { boot: wholeSchema('Of the place.', 0xffff_ffff), seq: wholeSchema('Of the place.') },
      { description: 'Of a gap: the place of the last dropped statement.' }
    )
  ),
  reason: Type.Optional(wholeSchema('Of a gap: 1 = the outbox was full.')),
  newKey: Type.Optional(
    Type.Object({ algorithm: oneOf(['ed25519', 'es256']), key: hexSchema('The public key.') })
  ),
  bound: Type.Optional(Type.Boolean({ description: 'Whether a stream is bound from here on.' }))
}

const PLACE: Readonly<Record<string, TSchema>> = {
  height: wholeSchema('Of its block.'),
  index: wholeSchema('Its position in the block.'),
  leaf: wholeSchema('Its position in the history.'),
  time: timeSchema('Of the block')
}

/** The name of {@link transactionSchema} among the schemas of the API. */
export const TRANSACTION_SCHEMA: TSchema = Type.Unsafe({ $ref: 'Transaction#' })

/** A committed transaction; see {@link eventData}. */
export function transactionSchema(): TSchema {
  return Type.Object({ ...PLACE, ...TOLD }, { $id: 'Transaction' })
}

/** A transaction that waits: it has no place yet. */
export const WAITING_SCHEMA: TSchema = Type.Object({ status: Type.Literal('waiting'), ...TOLD })

/** A transaction asked for by its identity, that is committed. */
export const COMMITTED_SCHEMA: TSchema = Type.Object({
  status: Type.Literal('committed'),
  ...PLACE,
  ...TOLD
})
