import { VitalchainError } from '@vitalchain/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { JSON_TYPE } from './media-types.ts'
import { checkContentDigest } from './request-signatures.ts'

/** Bytes of a JSON body: those of the administration are small. */
const JSON_BODY_BYTES_MAX = 16_384

/** Lets the routes of this scope take bodies of one media type, as bytes. */
export function acceptBytes(app: FastifyInstance, type: string): void {
  app.addContentTypeParser(
    type,
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer): Promise<Uint8Array> => {
      checkContentDigest(request, body)
      return body
    }
  )
}

/** Lets the routes of this scope take JSON (RFC 8259), which {@link jsonBody} checks. */
export function acceptJson(app: FastifyInstance): void {
  app.addContentTypeParser(
    JSON_TYPE,
    { parseAs: 'buffer', bodyLimit: JSON_BODY_BYTES_MAX },
    async (request: FastifyRequest, body: Buffer): Promise<unknown> => {
      checkContentDigest(request, body)
      try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
      } catch {
        throw new VitalchainError('ERR_ENCODING', 'the body is not JSON')
      }
    }
  )
}

/** The bytes of a body. @throws VitalchainError `ERR_MEDIA_TYPE` when there are none */
export function bodyBytes(body: unknown): Uint8Array {
  if (!(body instanceof Uint8Array))
    throw new VitalchainError('ERR_MEDIA_TYPE', 'this resource needs a body, with its media type')
  return body
}

/**
 * A JSON body of the form that a schema says.
 *
 * @throws VitalchainError `ERR_MEDIA_TYPE` without a body, `ERR_SCHEMA` for another form
 */
export function jsonBody<T>(body: unknown, schema: TSchema & { readonly static?: T }): T {
  if (body === undefined)
    throw new VitalchainError('ERR_MEDIA_TYPE', 'this resource needs a body of JSON')
  if (!isOfForm<T>(body, schema))
    throw new VitalchainError('ERR_SCHEMA', 'the body is not of the form that /openapi.json says')
  return body
}

function isOfForm<T>(body: unknown, schema: TSchema & { readonly static?: T }): body is T {
  return Check(schema, body)
}
