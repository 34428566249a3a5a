import { VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { version } from '../cli/version.ts'
import { json, operation } from '../http/operation.ts'
import { notReady, type ReadinessSource } from './readiness.ts'

/** What supervisors and balancers ask; it says nothing of members, devices or readings. */
export function addHealthRoutes(app: FastifyInstance, source: ReadinessSource): void {
  app.get(
    '/livez',
    operation({
      id: 'getLive',
      tag: 'node',
      summary: 'Whether the process answers',
      access: 'anyone',
      answers: { 200: { description: 'It does.', content: json(STATUS) } }
    }),
    () => ({ status: 'ok' })
  )
  app.get(
    '/readyz',
    operation({
      id: 'getReady',
      tag: 'node',
      summary: 'Whether clients should use this node',
      description:
        'It runs, is not about to stop, reaches another member, has about the newest block, and can write.',
      access: 'anyone',
      answers: { 200: { description: 'They should.', content: json(STATUS) } },
      errors: ['ERR_NOT_READY']
    }),
    async () => {
      const reasons = await notReady(source)
      if (reasons.length > 0)
        throw new VitalchainError('ERR_NOT_READY', reasons.join('; '), { retryable: true })
      return { status: 'ok' }
    }
  )
  app.get(
    '/version',
    operation({
      id: 'getVersion',
      tag: 'node',
      summary: 'Which software runs here',
      access: 'anyone',
      answers: { 200: { description: 'Its version.', content: json(VERSION) } }
    }),
    () => ({ name: 'vitalchain', version: version(), runtime: process.version })
  )
}

const STATUS = Type.Object({ status: Type.Literal('ok') })

const VERSION = Type.Object({
  name: Type.Literal('vitalchain'),
  version: Type.String({ description: 'Of the package `@vitalchain/node`.' }),
  runtime: Type.String({ description: 'Of Node.js.' })
})
