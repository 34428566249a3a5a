import { toHex, VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { FIRST_CURSOR, newestCursor } from '../ledger/events.ts'
import { preferredType } from './accept.ts'
import { forbidden, mayReadOf } from './access.ts'
import {
  COMMITTED_SCHEMA,
  eventData,
  TRANSACTION_SCHEMA,
  transactionData,
  WAITING_SCHEMA
} from './event-data.ts'
import { eventFilter, FILTER_QUERY } from './event-filter.ts'
import { requireCursor } from './events.ts'
import { CBOR, JSON_TYPE } from './media-types.ts'
import { json, operation } from './operation.ts'
import { deviceOf, optionalNumber, parseHash, placed, type Query } from './parameters.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES, CURSOR, hashSchema, wholeSchema } from './schemas.ts'

/** Transactions in one page: about 400 B each. */
export const TRANSACTIONS_PAGE_MAX: number = 500

/** Transactions that one request looks at. A filter that finds few of them gets a page with few, or none, and goes on. */
const SCANNED_MAX = 10_000

/** Reading transactions, one by one or in pages. */
export function addTransactionRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Querystring: Query }>(
    '/v1/transactions',
    operation({
      id: 'listTransactions',
      tag: 'ledger',
      summary: 'Committed transactions in order, in pages',
      access: 'reader',
      cost: 50,
      query: {
        from: Type.Optional(CURSOR),
        limit: Type.Optional(wholeSchema(`at most ${TRANSACTIONS_PAGE_MAX}, which is the default`)),
        ...FILTER_QUERY
      },
      answers: {
        200: {
          description: 'A page.',
          content: json(
            Type.Object({
              transactions: Type.Array(TRANSACTION_SCHEMA),
              next: CURSOR,
              more: Type.Boolean({ description: 'Whether there is something behind `next` now.' })
            })
          )
        }
      },
      errors: ['ERR_CURSOR', 'ERR_SCHEMA', 'ERR_HEX']
    }),
    async ({ query }) => {
      const filter = eventFilter(query, () => node.state)
      const limit = optionalNumber(query, 'limit') ?? TRANSACTIONS_PAGE_MAX
      const from = query['from'] ?? FIRST_CURSOR
      requireCursor(node, from)
      const newest = newestCursor(node.ledger)
      const transactions: object[] = []
      let next = from
      let scanned = 0
      if (next !== newest && limit > 0)
        for await (const event of node.events({ from })) {
          next = event.cursor
          if (filter(event.transaction)) transactions.push(eventData(event))
          scanned += 1
          const isFull = transactions.length >= Math.min(limit, TRANSACTIONS_PAGE_MAX)
          if (isFull || scanned >= SCANNED_MAX || next === newest) break
        }
      return { transactions, next, more: next !== newest }
    }
  )

  app.get<{ Params: { id: string } }>(
    '/v1/transactions/:id',
    operation({
      id: 'getTransaction',
      tag: 'ledger',
      summary: 'A transaction by its identity, whether it waits or is committed',
      access: 'device',
      params: { id: hashSchema('The identity.') },
      answers: {
        200: {
          description: 'What it says, or the committed bytes themselves as CBOR.',
          content: {
            [JSON_TYPE]: Type.Union([COMMITTED_SCHEMA, WAITING_SCHEMA]),
            [CBOR]: BYTES
          }
        }
      },
      errors: ['ERR_HEX', 'ERR_NOT_COMMITTED']
    }),
    (request, reply) => {
      const id = parseHash(request.params.id)
      const leaf = node.ledger.findTransaction(id)
      if (leaf !== undefined) {
        const found = placed(node, leaf)
        if (!mayReadOf(request.caller, deviceOf(found.transaction))) throw forbidden()
        if (preferredType(request, [JSON_TYPE, CBOR]) === CBOR)
          return reply.type(CBOR).send(node.ledger.transaction(leaf))
        return reply.send({ status: 'committed', ...eventData(found) })
      }
      const transaction = node.waiting(id)
      if (transaction === undefined || !mayReadOf(request.caller, deviceOf(transaction)))
        throw new VitalchainError('ERR_NOT_COMMITTED', 'nothing with this identity is known here', {
          retryable: true
        })
      const { type } = transaction
      return reply.send({ status: 'waiting', type, id: toHex(id), ...transactionData(transaction) })
    }
  )
}
