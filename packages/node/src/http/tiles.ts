import { TILE_WIDTH, VitalchainError } from '@vitalchain/core'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { provenEntries, provenTile, type AskedTile } from '../checkpoints/served-tiles.ts'
import type { RouteComponents } from './routes.ts'

/**
 * `<N>[.p/<W>]` of C2SP tlog-tiles: groups of three digits, all but the last with an `x` in front. Six groups hold more
 * than 2^53 / 256 tiles.
 */
const TILE_PATH = /^((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** What was served may be kept for ever: a tile never changes. By its reader alone, who showed a token. */
const IMMUTABLE = 'private, max-age=31536000, immutable'

/**
 * The history as tiles (C2SP tlog-tiles): hashes to who may read anything here, transactions to the operator. All are
 * hashed again before they leave. spec K-15
 */
export function addTileRoutes(app: FastifyInstance, { node, access }: RouteComponents): void {
  app.get<{ Params: { '*': string } }>('/tile/entries/*', (request, reply) => {
    access.requireOperator(request.headers.authorization)
    return sendTile(reply, provenEntries(node.ledger, parseTile('0', request.params['*'])))
  })

  app.get<{ Params: { level: string; '*': string } }>('/tile/:level/*', (request, reply) => {
    access.requireReader(request.headers.authorization)
    const { level, '*': rest } = request.params
    return sendTile(reply, provenTile(node.ledger, parseTile(level, rest)))
  })
}

/** @throws VitalchainError `ERR_NOT_FOUND` for a path that names no tile */
function parseTile(level: string, rest: string): AskedTile {
  const [, index, partial] = TILE_PATH.exec(rest) ?? []
  const tileIndex = Number(index?.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  // A number has one path: no group of zeros in front.
  const isOne = index !== undefined && !index.startsWith('x000')
  const isTile =
    isOne && Number.isSafeInteger(tileIndex * TILE_WIDTH) && /^(0|[1-9]\d?)$/.test(level)
  if (!isTile || (partial !== undefined && width >= TILE_WIDTH)) throw noTile()
  return { tileLevel: Number(level), tileIndex, width }
}

function sendTile(reply: FastifyReply, bytes: Uint8Array | undefined): FastifyReply {
  if (bytes === undefined) throw noTile()
  return reply.header('cache-control', IMMUTABLE).type('application/octet-stream').send(bytes)
}

function noTile(): VitalchainError {
  return new VitalchainError('ERR_NOT_FOUND', 'the history has no such tile')
}
