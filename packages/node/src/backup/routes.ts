import { Readable } from 'node:stream'
import { VitalchainError } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { OCTETS } from '../http/media-types.ts'
import { operation } from '../http/operation.ts'
import type { RouteComponents } from '../http/routes.ts'
import { BYTES } from '../http/schemas.ts'
import { createBackup } from './create-backup.ts'

/** Backups read at once: each takes a share of the node's time. */
const BACKUPS_AT_ONCE = 1

/** Lets the operator take a backup of the running node. */
export function addBackupRoutes(
  app: FastifyInstance,
  { node, closing }: Pick<RouteComponents, 'node' | 'closing'>
): void {
  let running = 0
  app.get(
    '/admin/backup',
    operation({
      id: 'getBackup',
      tag: 'administration',
      summary: 'A backup of all that is committed now',
      description:
        'A file of the form F-31: every block with its certificate, and the payloads that this node has. Neither votes nor keys ' +
        'are in it. One at a time.',
      access: 'operator',
      answers: { 200: { description: 'The backup.', content: { [OCTETS]: BYTES } } }
    }),
    (_request, reply) => {
      const { ledger } = node
      const { name, peer } = node.status()
      if (running >= BACKUPS_AT_ONCE)
        throw new VitalchainError('ERR_BUSY', 'a backup is being taken', { retryable: true })
      running += 1
      const backup = createBackup(ledger, { node: name ?? peer, taken: Date.now() })
      // Breaks off without an end when the node stops: what arrived is no backup then.
      const stream = Readable.from(backup, { objectMode: false, signal: closing })
      stream.once('close', () => {
        running -= 1
      })
      return reply.type(OCTETS).send(stream)
    }
  )
}
