import { VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { TEXT } from './media-types.ts'
import { operation } from './operation.ts'
import type { RouteComponents } from './routes.ts'
import { PLAIN } from './schemas.ts'

/** The newest cosigned checkpoint (C2SP tlog-checkpoint). Open to all: a size and a hash say nothing of anybody. */
export function addCheckpointRoute(app: FastifyInstance, { node }: RouteComponents): void {
  app.get(
    '/checkpoint',
    operation({
      id: 'getCheckpoint',
      tag: 'proofs',
      summary: 'The newest checkpoint with the cosignatures of a quorum',
      access: 'anyone',
      answers: { 200: { description: 'A C2SP checkpoint.', content: { 'text/plain': PLAIN } } },
      errors: ['ERR_NO_CHECKPOINT']
    }),
    (_request, reply) => {
      const latest = node.checkpoints.latest()
      if (latest === undefined)
        throw new VitalchainError(
          'ERR_NO_CHECKPOINT',
          'no checkpoint was cosigned by a quorum yet',
          {
            retryable: true
          }
        )
      return reply.type(TEXT).send(latest.note)
    }
  )
}
