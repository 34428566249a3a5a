import { utf8, VitalchainError } from '@vitalchain/core'
import type { FastifyRequest } from 'fastify'
import { httpbis } from 'http-message-signatures'

/** What of a request is signed. */
export type SignedRequest = Pick<FastifyRequest, 'method' | 'url' | 'headers' | 'protocol'>

/**
 * What is signed of a request (RFC 9421 section 2.5).
 *
 * @param fields - the names of the covered components, each as it stands in the signature's input
 * @param parameters - the signature's input: its components and parameters
 * @throws VitalchainError `ERR_HTTP_SIGNATURE`; an error for a component that the request does not have
 */
export function signatureBase(
  request: SignedRequest,
  fields: readonly string[],
  parameters: string
): Uint8Array {
  const url = new URL(request.url, `${request.protocol}://${request.headers.host ?? 'node'}`)
  // What is signed must be what the router reads.
  if (url.pathname + url.search !== request.url) throw refused('the path is not in its plain form')
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = value
  const base = httpbis.createSignatureBase(
    { fields: [...fields] },
    { method: request.method, url, headers }
  )
  return utf8(httpbis.formatSignatureBase([...base, ['"@signature-params"', [parameters]]]))
}

/** The refusal of a signature, in these words. */
export function refused(message: string): VitalchainError {
  return new VitalchainError('ERR_HTTP_SIGNATURE', message)
}
