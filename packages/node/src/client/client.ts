import createFetchClient, { type Client, type Middleware } from 'openapi-fetch'
import type { paths } from './schema.ts'

/** A client of a node's HTTP API whose paths, parameters and answers the compiler checks; see openapi-fetch. */
export type VitalchainClient = Client<paths>

/** Where a node's HTTP API is, and who asks. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:7700`. */
  readonly url: string
  /** A bearer token; without one only what is open to all is answered. */
  readonly token?: string
  /** Default: the global `fetch`. Another one can sign requests, or trust a certificate of the hospital's own. */
  readonly fetch?: (request: Request) => Promise<Response>
}

/** What each path takes as a body: bytes, in one form. */
const BODY_TYPES: Readonly<Record<string, string>> = { '/v1/sessions': 'application/cose' }

/** The media type of every other body. */
const CBOR = 'application/cbor'

/**
 * Makes a client. Bodies are bytes; an answer of bytes is asked for with `parseAs: 'arrayBuffer'`. A refusal is the `error` of an
 * answer, with its stable code.
 */
export function createClient({ url, token, fetch }: ClientOptions): VitalchainClient {
  const client = createFetchClient<paths>({
    baseUrl: url,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    bodySerializer: body => body,
    ...(fetch === undefined ? {} : { fetch })
  })
  const bytes: Middleware = {
    onRequest({ request, schemaPath }) {
      if (request.body !== null) request.headers.set('content-type', BODY_TYPES[schemaPath] ?? CBOR)
      return request
    }
  }
  client.use(bytes)
  return client
}
