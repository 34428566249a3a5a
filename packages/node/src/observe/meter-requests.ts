import type { FastifyInstance } from 'fastify'
import type { Meters } from './meters.ts'

/** Tells the meters of each answer: the template of its route, and never the URL. */
export function meterRequests(app: FastifyInstance, meters: Pick<Meters, 'httpAnswered'>): void {
  app.addHook('onResponse', async (request, reply) => {
    meters.httpAnswered({
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: reply.elapsedTime
    })
  })
}
