import type { FastifyContextConfig, FastifySchema } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { RouteAccess } from './access.ts'
import { PROBLEM_TYPE, statusOfCode } from './problem.ts'
import { PROBLEM_SCHEMA } from './schemas.ts'

/** Under what an operation stands in the description of the API. */
export type Tag =
  | 'node'
  | 'ledger'
  | 'submission'
  | 'proofs'
  | 'devices'
  | 'members'
  | 'events'
  | 'administration'

/** Schemas by media type. */
export type Content = Readonly<Record<string, TSchema>>

/** An answer that is no error. */
export interface OperationAnswer {
  readonly description: string
  /** Forms it has; none for an answer without a body. */
  readonly content?: Content
  readonly headers?: Readonly<Record<string, TSchema>>
}

/** What the description of the API says of one operation. The node's own behaviour follows `access` alone. */
export interface Operation {
  /** Its stable name, which clients call it by: `getBlock`. */
  readonly id: string
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  /** Who may ask; enforced before anything of the request is looked at. */
  readonly access: RouteAccess
  /** How many usual requests it counts for in the rate of a client: about the work in units of 0.2 ms. Default: 1. */
  readonly cost?: number
  readonly params?: Readonly<Record<string, TSchema>>
  /** Those that need not be there are `Type.Optional`. */
  readonly query?: Readonly<Record<string, TSchema>>
  readonly headers?: Readonly<Record<string, TSchema>>
  readonly body?: Content
  /** Answers by their status. */
  readonly answers: Readonly<Record<number, OperationAnswer>>
  /** Codes that it refuses with, beside those of every operation of its kind. */
  readonly errors?: readonly string[]
}

/** What fastify takes beside the handler of a route. */
export interface OperationOptions {
  readonly schema: FastifySchema
  readonly config: FastifyContextConfig
}

/** What any request may meet: it is malformed, too many came, the node is busy, stopped, damaged or faulty. */
const ALWAYS = [
  'ERR_REQUEST',
  // A body where none belongs, too.
  'ERR_MEDIA_TYPE',
  'ERR_TOO_LARGE',
  'ERR_RATE',
  'ERR_BUSY',
  'ERR_NOT_STARTED',
  'ERR_DAMAGED',
  'ERR_INTERNAL',
  // A request that shows a signature must show a right one, whoever may ask.
  'ERR_HTTP_SIGNATURE'
]

const RETRY_AFTER: TSchema = Type.Integer({
  minimum: 1,
  description: 'Seconds after which the same request may succeed.'
})

/** Makes the schema and the access rule of a route: `app.get(path, operation({...}), handler)`. */
export function operation(init: Operation): OperationOptions {
  const { id, tag, summary, description, access, cost, params, query, headers, body, answers } =
    init
  const response: Record<string, object> = {}
  for (const [status, answer] of Object.entries(answers))
    response[status] = {
      description: answer.description,
      ...(answer.content === undefined ? { type: 'null' } : { content: contentOf(answer.content) }),
      ...(answer.headers === undefined ? {} : { headers: answer.headers })
    }
  for (const [status, codes] of byStatus(errorsOf(init)))
    response[status] = {
      description: codes.join(', '),
      ...(status === 429 || status === 503 ? { headers: { 'retry-after': RETRY_AFTER } } : {}),
      content: contentOf({ [PROBLEM_TYPE]: problemOf(codes) })
    }
  const schema = {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(params === undefined ? {} : { params: Type.Object(params) }),
    ...(query === undefined ? {} : { querystring: Type.Object(query) }),
    ...(headers === undefined ? {} : { headers: Type.Object(headers) }),
    ...(body === undefined ? {} : { body: { content: contentOf(body) } }),
    response,
    security: access === 'anyone' ? [] : [{ bearer: [] }, { signature: [] }],
    'x-access': access,
    'x-cost': cost ?? 1
  }
  return { schema, config: { access, ...(cost === undefined ? {} : { cost }) } }
}

/** JSON as the content of an answer or a body. */
export function json(schema: TSchema): Content {
  return { 'application/json': schema }
}

function contentOf(content: Content): Record<string, { readonly schema: TSchema }> {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }]))
}

function errorsOf({ access, body, errors = [] }: Operation): readonly string[] {
  return [
    ...new Set([
      ...ALWAYS,
      ...(access === 'anyone' ? [] : ['ERR_UNAUTHORIZED', 'ERR_FORBIDDEN']),
      ...(body === undefined ? [] : ['ERR_DIGEST']),
      ...errors
    ])
  ]
}

function byStatus(codes: readonly string[]): ReadonlyMap<number, readonly string[]> {
  return Map.groupBy(codes.toSorted(), statusOfCode)
}

/** A problem with one of these codes. */
function problemOf(codes: readonly string[]): TSchema {
  return Type.Unsafe({
    allOf: [
      { $ref: `${PROBLEM_SCHEMA}#` },
      { type: 'object', properties: { code: { enum: codes } } }
    ]
  })
}
