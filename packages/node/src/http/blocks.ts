import { listMembers } from '@vitalchain/contracts'
import { blockFormat, blockHash, toHex, type Header } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { LedgerNode } from '../types.ts'
import { preferredType } from './accept.ts'
import { eventData, TRANSACTION_SCHEMA } from './event-data.ts'
import { CBOR, JSON_TYPE } from './media-types.ts'
import { json, operation } from './operation.ts'
import { notFound, optionalNumber, parseWhole, placed, type Query } from './parameters.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES, hashSchema, nullable, timeSchema, wholeSchema } from './schemas.ts'

/** Blocks in one page: about 900 B each, and each is hashed again. */
export const BLOCKS_PAGE_MAX: number = 100

const HEADER: Readonly<Record<string, TSchema>> = {
  height: wholeSchema('1 for the first block.'),
  hash: hashSchema('Names the block.'),
  previous: hashSchema('Of the block before; the network id at height 1.'),
  time: timeSchema("By the proposer's clock"),
  view: wholeSchema('The view in which it was first built.'),
  proposer: Type.Object({
    id: hashSchema('The member that first built it.'),
    name: nullable(Type.String({ description: 'Null for one that is no member any more.' }))
  }),
  transactions: wholeSchema('How many it holds.'),
  historySize: wholeSchema('Transactions since genesis, with these.'),
  historyRoot: hashSchema('The root of the history tree.'),
  stateRoot: hashSchema('The root of the state after it.'),
  handOver: Type.Boolean({ description: 'Whether other validators certify the next block.' })
}

/** The blocks. Their headers are open to all, for they say nothing of devices or statements. */
export function addBlockRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Querystring: Query }>(
    '/v1/blocks',
    operation({
      id: 'listBlocks',
      tag: 'ledger',
      summary: 'Headers of blocks in pages: upwards from a height, or downwards from the newest',
      access: 'anyone',
      cost: 10,
      query: {
        from: Type.Optional(wholeSchema('upwards, from this height on')),
        before: Type.Optional(wholeSchema('downwards, from the block before this height')),
        limit: Type.Optional(wholeSchema(`at most ${BLOCKS_PAGE_MAX}, which is the default`))
      },
      answers: {
        200: {
          description: 'A page.',
          content: json(
            Type.Object({
              blocks: Type.Array(Type.Object(HEADER)),
              next: nullable(
                wholeSchema(
                  'The `from` or `before` of the next page; null at the end of the ledger.'
                )
              )
            })
          )
        }
      },
      errors: ['ERR_SCHEMA']
    }),
    ({ query }) => {
      const limit = Math.min(optionalNumber(query, 'limit') ?? BLOCKS_PAGE_MAX, BLOCKS_PAGE_MAX)
      const { height: newest } = node.ledger.head
      const from = optionalNumber(query, 'from')
      const before = optionalNumber(query, 'before') ?? newest + 1
      const first = from === undefined ? Math.min(before, newest + 1) - 1 : Math.max(from, 1)
      const step = from === undefined ? -1 : 1
      const blocks: object[] = []
      const name = memberNames(node)
      let height = first
      for (; blocks.length < limit && height >= 1 && height <= newest; height += step)
        blocks.push(headerJson(node, requireHeader(node, height), name))
      if (from === undefined) return { blocks, next: height < 1 ? null : height + 1 }
      return { blocks, next: height > newest ? null : height }
    }
  )

  app.get<{ Params: { height: string } }>(
    '/v1/blocks/:height',
    operation({
      id: 'getBlock',
      tag: 'ledger',
      summary: 'A block with its transactions',
      access: 'reader',
      cost: 10,
      params: { height: wholeSchema('1 for the first block.') },
      answers: {
        200: {
          description: 'What it says, or as CBOR the block as it was decided.',
          content: {
            [JSON_TYPE]: Type.Object({
              ...HEADER,
              transactions: Type.Array(TRANSACTION_SCHEMA)
            }),
            [CBOR]: BYTES
          }
        }
      },
      errors: ['ERR_SCHEMA', 'ERR_NOT_FOUND']
    }),
    (request, reply) => {
      const height = parseWhole(request.params.height, 'height')
      if (preferredType(request, [JSON_TYPE, CBOR]) === CBOR) {
        const block = node.ledger.block(height)
        if (block === undefined) throw notFound('there is no such block')
        return reply.type(CBOR).send(Buffer.from(blockFormat.encode(block)))
      }
      const header = requireHeader(node, height)
      const { transactionCount, history } = header
      const transactions = Array.from({ length: transactionCount }, (_, index) =>
        eventData(placed(node, history.size - transactionCount + index, header))
      )
      return reply.send({ ...headerJson(node, header, memberNames(node)), transactions })
    }
  )
}

function requireHeader({ ledger }: LedgerNode, height: number): Header {
  const header = ledger.header(height)
  if (header === undefined) throw notFound('there is no such block')
  return header
}

function memberNames({ state }: LedgerNode): (id: string) => string | null {
  const names = new Map(listMembers(state).map(({ id, name }) => [toHex(id), name]))
  return id => names.get(id) ?? null
}

function headerJson(
  { ledger }: LedgerNode,
  header: Header,
  nameOf: (id: string) => string | null
): object {
  const { height, previous, time, originView, originProposer, transactionCount, history } = header
  const id = toHex(ledger.validators(height)[originProposer]?.member ?? new Uint8Array(32))
  return {
    height,
    hash: toHex(blockHash(header)),
    previous: toHex(previous),
    time,
    view: originView,
    proposer: { id, name: nameOf(id) },
    transactions: transactionCount,
    historySize: history.size,
    historyRoot: toHex(history.root),
    stateRoot: toHex(header.stateRoot),
    handOver: toHex(header.validatorsHash) !== toHex(header.nextValidatorsHash)
  }
}
