import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { json, operation } from './operation.ts'
import { problemSchema } from './schemas.ts'
import { Type } from 'typebox'

/** The version of the API: of what stands under `/v1`. */
const API_VERSION = '1'

/** What a description says of the API as a whole. */
export interface ApiTitle {
  readonly title: string
  readonly description: string
}

/** Describes all routes that are added after it, at `GET /openapi.json` (OpenAPI 3.1). */
export function describeApi(app: FastifyInstance, { title, description }: ApiTitle): void {
  // Requests are read by the decoders of their routes, whose refusals say more; answers are what the handlers made.
  // For each route: a scope that adds a schema would go back to fastify's own.
  app.addHook('onRoute', route => {
    route.validatorCompiler = () => () => true
    route.serializerCompiler = () => data => JSON.stringify(data)
  })
  app.addSchema(problemSchema())
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version: API_VERSION },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          signature: {
            type: 'apiKey',
            in: 'header',
            name: 'signature',
            description: 'HTTP Message Signatures (RFC 9421) with a key of the ledger.'
          }
        }
      }
    },
    refResolver: { buildLocalReference: ({ $id }) => (typeof $id === 'string' ? $id : 'Schema') },
    hideUntagged: true,
    // A `*` takes the rest of a path, which OpenAPI has no sign for.
    transform: ({ schema, url }) => ({ schema, url: url.replace('*', ':path') })
  })
  void app.register(async scope => {
    scope.get(
      '/openapi.json',
      operation({
        id: 'getOpenApi',
        tag: 'node',
        summary: 'This description',
        access: 'anyone',
        answers: { 200: { description: 'OpenAPI 3.1', content: json(Type.Object({})) } }
      }),
      () => app.swagger()
    )
  })
}
