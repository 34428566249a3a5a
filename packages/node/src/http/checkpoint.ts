import { VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import type { RouteComponents } from './routes.ts'

/** The newest cosigned checkpoint (C2SP tlog-checkpoint). Open to all: a size and a hash say nothing of anybody. */
export function addCheckpointRoute(app: FastifyInstance, { node }: RouteComponents): void {
  app.get('/checkpoint', (_request, reply) => {
    const latest = node.checkpoints.latest()
    if (latest === undefined)
      throw new VitalchainError('ERR_NO_CHECKPOINT', 'no checkpoint was cosigned by a quorum yet', {
        retryable: true
      })
    return reply.type('text/plain; charset=utf-8').send(latest.note)
  })
}
