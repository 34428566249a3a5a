import { getDevice, ownerAt, type StateReader } from '@vitalchain/contracts'
import { equalBytes, VitalchainError, type Statement, type Transaction } from '@vitalchain/core'
import { Type, type TSchema } from 'typebox'
import { STATEMENT_TYPES, TRANSACTION_TYPES } from './event-data.ts'
import { optionalText, parseHash, type Query } from './parameters.ts'
import { hashSchema } from './schemas.ts'

const KINDS: readonly string[] = [...TRANSACTION_TYPES, ...STATEMENT_TYPES]

/** Says which transactions a reader asked for. */
export type EventFilter = (transaction: Transaction) => boolean

/** The parameters that {@link eventFilter} reads. */
export const FILTER_QUERY: Readonly<Record<string, TSchema>> = {
  kind: Type.Optional(
    Type.String({
      pattern: `^(${KINDS.join('|')})(,(${KINDS.join('|')}))*$`,
      description: 'Types of transactions or of statements, with commas between.'
    })
  ),
  device: Type.Optional(hashSchema('Only what concerns this device.')),
  member: Type.Optional(
    hashSchema('Only calls of this member, and what concerns devices that it answered for then.')
  ),
  stream: Type.Optional(hashSchema('Only readings of this stream, and its binding.'))
}

/**
 * The filter that a query asks for; all its parts must hold.
 *
 * @throws VitalchainError `ERR_SCHEMA` for an unknown kind, `ERR_HEX`
 */
export function eventFilter(query: Query, state: () => StateReader): EventFilter {
  const kinds = optionalText(query, 'kind')?.split(',')
  const unknown = kinds?.find(kind => !KINDS.includes(kind))
  if (unknown !== undefined)
    throw new VitalchainError('ERR_SCHEMA', `kind: one or more of ${KINDS.join(', ')}`)
  const [device, member, stream] = ['device', 'member', 'stream'].map(name => {
    const text = optionalText(query, name)
    return text === undefined ? undefined : parseHash(text)
  })
  return transaction => {
    const statement = statementOf(transaction)
    if (kinds !== undefined && !kinds.some(kind => isOfKind(transaction, kind))) return false
    if (device !== undefined && !(statement && equalBytes(statement.device, device))) return false
    if (member !== undefined && !concerns(transaction, member, state())) return false
    return stream === undefined || (statement !== undefined && isOfStream(statement, stream))
  }
}

/** The statement of a transaction; of a conflict the first, which is of the same device as the other. */
function statementOf(transaction: Transaction): Statement | undefined {
  if (transaction.type === 'statement') return transaction.statement
  return transaction.type === 'conflict' ? transaction.first.statement : undefined
}

function isOfKind(transaction: Transaction, kind: string): boolean {
  if (transaction.type === kind) return true
  return transaction.type === 'statement' && transaction.statement.type === kind
}

function concerns(transaction: Transaction, member: Uint8Array, state: StateReader): boolean {
  if (transaction.type === 'call') return equalBytes(transaction.call.author, member)
  const statement = statementOf(transaction)
  const device = statement && getDevice(state, statement.device)
  return (
    device !== undefined &&
    statement !== undefined &&
    equalBytes(ownerAt(device, statement.boot), member)
  )
}

function isOfStream(statement: Statement, stream: Uint8Array): boolean {
  if (statement.type !== 'readings' && statement.type !== 'stream') return false
  return statement.stream !== undefined && equalBytes(statement.stream, stream)
}
