import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { acceptJson, jsonBody } from './bodies.ts'
import { json, operation } from './operation.ts'
import { notFound } from './parameters.ts'
import {
  ROLE_TOKEN_SCHEMA,
  TOKEN_DAYS_MAX,
  TOKEN_NAME_MAX,
  type RoleTokens
} from './role-tokens.ts'
import { ROLES, type Role } from './roles.ts'
import { oneOf } from './schemas.ts'

const ASKED: TSchema & {
  readonly static?: { readonly name: string; readonly role: Role; readonly days?: number }
} = Type.Object(
  {
    name: Type.String({
      pattern: `^[A-Za-z0-9][A-Za-z0-9 ._-]{0,${TOKEN_NAME_MAX - 1}}$`,
      description: 'Who it is for.'
    }),
    role: oneOf(ROLES),
    days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: TOKEN_DAYS_MAX,
        description: 'How long it is good; without it until it is taken back.'
      })
    )
  },
  { additionalProperties: false }
)

/** Gives out tokens with roles, and takes them back. */
export function addTokenRoutes(
  app: FastifyInstance,
  { tokens }: { readonly tokens: RoleTokens }
): void {
  app.get(
    '/admin/tokens',
    operation({
      id: 'listTokens',
      tag: 'administration',
      summary: 'The tokens that were given out, without the tokens themselves',
      access: 'operator',
      answers: {
        200: {
          description: 'All of them.',
          content: json(Type.Object({ tokens: Type.Array(ROLE_TOKEN_SCHEMA) }))
        }
      }
    }),
    () => ({ tokens: tokens.list() })
  )
  acceptJson(app)
  app.post(
    '/admin/tokens',
    operation({
      id: 'createToken',
      tag: 'administration',
      summary: 'Makes a token; it is told this once',
      access: 'operator',
      body: json(ASKED),
      answers: {
        201: {
          description: 'The token.',
          content: json(Type.Intersect([ROLE_TOKEN_SCHEMA, Type.Object({ token: Type.String() })]))
        }
      },
      errors: ['ERR_ENCODING', 'ERR_SCHEMA', 'ERR_NAME_TAKEN']
    }),
    async (request, reply) =>
      reply.code(201).send(await tokens.create(jsonBody(request.body, ASKED)))
  )
  app.delete<{ Params: { id: string } }>(
    '/admin/tokens/:id',
    operation({
      id: 'revokeToken',
      tag: 'administration',
      summary: 'Takes a token back at once',
      access: 'operator',
      params: { id: Type.String({ pattern: '^[0-9a-f]{16}$' }) },
      answers: { 204: { description: 'It opens nothing any more.' } },
      errors: ['ERR_NOT_FOUND', 'ERR_ENCODING']
    }),
    async (request, reply) => {
      if (!(await tokens.revoke(request.params.id))) throw notFound('there is no such token')
      return reply.code(204).send()
    }
  )
}
