import { VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'

/** How long a browser may remember that it may ask, s: the longest that Chromium keeps is 7 200. */
const PREFLIGHT_AGE_S = 600

/** What a page may read of an answer beside what every page may. */
const EXPOSED = 'link, preference-applied, retry-after'

/** What a page may send with a request beside what every page may. */
const ASKED =
  'authorization, content-digest, content-type, last-event-id, prefer, signature, signature-input'

/**
 * Lets the pages of these origins, and of no others, use the API from a browser (Fetch standard, CORS protocol). It opens
 * nothing to anybody: who may read what is decided by the token, which a page must show like any client. Cookies play no part.
 *
 * @param origins - such as `https://ward.example`: scheme, host and port as a browser writes them
 * @throws VitalchainError `ERR_ORIGIN` for a text that is no such origin; `*` is none
 */
export function allowCrossOrigin(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  const allowed = new Set(origins.map(requireOrigin))
  app.addHook('onRequest', async (request, reply) => {
    // On the raw response, where the event stream has them too. A cache must not hand the answer for one origin to another.
    reply.raw.setHeader('vary', 'origin')
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return
    reply.raw.setHeader('access-control-allow-origin', origin)
    reply.raw.setHeader('access-control-expose-headers', EXPOSED)
    if (request.method !== 'OPTIONS') return
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': ASKED,
        'access-control-max-age': String(PREFLIGHT_AGE_S)
      })
      .send()
  })
}

function requireOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.origin !== text)
    throw new VitalchainError(
      'ERR_ORIGIN',
      'an origin is a scheme, a host and a port: https://ward.example'
    )
  return text
}
