import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { VitalchainError } from '@vitalchain/core'
import { dashboardPages, INDEX } from './pages.ts'

/**
 * What the pages may do: load their own files and ask the node that served them. No script or style inside the page, no
 * eval, no other host, no frame around it.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

/** Names of files hold the hash of their content. */
const FOR_EVER = 'public, max-age=31536000, immutable'

/**
 * The dashboard's pages, for anybody: they hold nothing of the ledger. What they show they ask for with the token that the
 * operator gives them.
 */
export function addDashboardPages(app: FastifyInstance): void {
  const anybody = { schema: { hide: true }, config: { access: 'anyone' } } as const
  app.get('/', anybody, (_request, reply) => reply.redirect('/dashboard/'))
  app.get('/dashboard', anybody, (_request, reply) => reply.redirect('/dashboard/'))
  app.get('/dashboard/', anybody, (request, reply) => send(request, reply, INDEX))
  app.get<{ Params: { file: string } }>('/dashboard/:file', anybody, (request, reply) =>
    send(request, reply, request.params.file)
  )
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string
): Promise<FastifyReply> {
  const file = (await dashboardPages()).get(name)
  if (file === undefined)
    throw new VitalchainError('ERR_NOT_FOUND', 'the dashboard has no such file')
  const zipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  return reply
    .headers({
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      vary: 'accept-encoding',
      ...(name === INDEX ? {} : { 'cache-control': FOR_EVER }),
      ...(zipped ? { 'content-encoding': 'gzip' } : {})
    })
    .type(file.type)
    .send(zipped ? file.gzipped : file.bytes)
}
