import { context, propagation, trace } from '@opentelemetry/api'
import type { FastifyInstance } from 'fastify'

/**
 * Lets each request run in the trace that its headers name (W3C Trace Context: `traceparent`), unless an instrumentation of the
 * process did that already. Without an OpenTelemetry SDK in the process it does nothing.
 */
export function traceRequests(app: FastifyInstance): void {
  // Behind the body: it comes in events of the socket, which know no context.
  app.addHook('preHandler', (request, _reply, done) => {
    const active = context.active()
    if (trace.getSpan(active) !== undefined) return done()
    context.with(propagation.extract(active, request.headers), done)
  })
}
