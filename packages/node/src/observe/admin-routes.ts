import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { acceptJson, jsonBody } from '../http/bodies.ts'
import { json, operation } from '../http/operation.ts'
import { oneOf, PLAIN } from '../http/schemas.ts'
import { LOG_LEVELS, type LogLevel } from './log-events.ts'
import type { Metrics } from './metrics.ts'
import type { NodeLog } from './node-log.ts'

/**
 * The figures for Prometheus.
 *
 * @param init.access - `anyone` where the operator chose to show them to all who reach the listener
 */
export function addMetricsRoute(
  app: FastifyInstance,
  init: {
    readonly metrics: Pick<Metrics, 'text' | 'contentType'>
    readonly access: 'monitor' | 'anyone'
  }
): void {
  const { metrics, access } = init
  app.get(
    '/metrics',
    operation({
      id: 'getMetrics',
      tag: 'administration',
      summary: 'The figures of this node for Prometheus',
      access,
      answers: {
        200: { description: 'Prometheus text format.', content: { 'text/plain': PLAIN } }
      }
    }),
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text())
  )
}

/** The log's level, read and changed while the node runs; a restart brings back the configured one. */
export function addLogLevelRoutes(
  app: FastifyInstance,
  { nodeLog }: { readonly nodeLog: NodeLog }
): void {
  const answers = { 200: { description: 'The level now.', content: json(LEVEL) } }
  app.get(
    '/admin/log-level',
    operation({
      id: 'getLogLevel',
      tag: 'administration',
      summary: 'How much this node logs',
      access: 'operator',
      answers
    }),
    () => ({ level: nodeLog.level })
  )
  acceptJson(app)
  app.put(
    '/admin/log-level',
    operation({
      id: 'putLogLevel',
      tag: 'administration',
      summary: 'Changes how much this node logs, until it restarts',
      access: 'operator',
      body: json(LEVEL),
      answers,
      errors: ['ERR_ENCODING', 'ERR_SCHEMA']
    }),
    request => {
      const { level } = jsonBody<{ readonly level: LogLevel }>(request.body, LEVEL)
      const before = nodeLog.level
      nodeLog.setLevel(level)
      nodeLog.log('log level', { before, after: level })
      return { level }
    }
  )
}

const LEVEL = Type.Object({
  level: oneOf([...LOG_LEVELS], 'Events below it are not logged.')
})
