import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { acceptJson, jsonBody } from '../http/bodies.ts'
import { json, operation } from '../http/operation.ts'
import { ROLES, type Role } from '../http/roles.ts'
import { oneOf, wholeSchema } from '../http/schemas.ts'
import type { DashboardLogins } from './logins.ts'

const ASKED: TSchema & { readonly static?: { readonly role: Role } } = Type.Object(
  { role: oneOf(ROLES, 'What the session opens.') },
  { additionalProperties: false }
)

const CODE: TSchema & { readonly static?: { readonly code: string } } = Type.Object(
  {
    code: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'A code that was not used yet.' })
  },
  { additionalProperties: false }
)

/** Signing in to the dashboard with a code that is good once. */
export function addDashboardLogins(
  app: FastifyInstance,
  { logins }: { readonly logins: DashboardLogins }
): void {
  acceptJson(app)
  app.post(
    '/v1/dashboard/codes',
    operation({
      id: 'createDashboardCode',
      tag: 'node',
      summary: 'Makes a code that opens one session of the dashboard',
      access: 'operator',
      body: json(ASKED),
      answers: {
        201: {
          description: 'It is told this once, and good once.',
          content: json(
            Type.Object({
              code: Type.String(),
              role: oneOf(ROLES),
              expiresInMs: wholeSchema('How long it is good.')
            })
          )
        }
      },
      errors: ['ERR_ENCODING', 'ERR_SCHEMA']
    }),
    async (request, reply) => {
      const { secret, ...rest } = logins.createCode(jsonBody(request.body, ASKED).role)
      return reply.code(201).send({ code: secret, ...rest })
    }
  )
  app.post(
    '/v1/dashboard/sessions',
    operation({
      id: 'openDashboardSession',
      tag: 'node',
      summary: 'Takes such a code, and gives a bearer token for it',
      access: 'anyone',
      body: json(CODE),
      answers: {
        201: {
          description: 'The token ends by itself, and with the process.',
          content: json(
            Type.Object({
              token: Type.String(),
              role: oneOf(ROLES),
              expiresInMs: wholeSchema('How long it is good.')
            })
          )
        }
      },
      errors: ['ERR_ENCODING', 'ERR_SCHEMA', 'ERR_UNAUTHORIZED']
    }),
    async (request, reply) => {
      const { secret, ...rest } = logins.open(jsonBody(request.body, CODE).code)
      return reply.code(201).send({ token: secret, ...rest })
    }
  )
}
