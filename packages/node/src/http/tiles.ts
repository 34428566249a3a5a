import { TILE_WIDTH, VitalchainError } from '@vitalchain/core'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { provenEntries, provenTile, type AskedTile } from '../checkpoints/served-tiles.ts'
import { OCTETS } from './media-types.ts'
import { operation } from './operation.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES } from './schemas.ts'

/**
 * `<N>[.p/<W>]` of C2SP tlog-tiles: groups of three digits, all but the last with an `x` in front. Six groups hold more
 * than 2^53 / 256 tiles.
 */
const TILE_PATH = /^((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

const TILE: TSchema = Type.String({
  description:
    'The index in groups of three digits, all but the last with an `x` in front; with `.p/W` for a partial one.'
})

/** What was served may be kept for ever: a tile never changes. By its reader alone, who showed a token. */
const IMMUTABLE = 'private, max-age=31536000, immutable'

/**
 * The history as tiles (C2SP tlog-tiles): hashes to who may read anything here, transactions to the operator. All are
 * hashed again before they leave. spec K-15
 */
export function addTileRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Params: { '*': string } }>(
    '/tile/entries/*',
    operation({
      id: 'getEntriesTile',
      tag: 'proofs',
      summary: 'The transactions under a tile of level 0',
      access: 'reader',
      params: { path: TILE },
      answers: {
        200: { description: 'Each behind its length (2 bytes).', content: { [OCTETS]: BYTES } }
      },
      errors: ['ERR_NOT_FOUND', 'ERR_TREE_RANGE']
    }),
    (request, reply) => {
      return sendTile(reply, provenEntries(node.ledger, parseTile('0', request.params['*'])))
    }
  )

  app.get<{ Params: { level: string; '*': string } }>(
    '/tile/:level/*',
    operation({
      id: 'getTile',
      tag: 'proofs',
      summary: 'A tile of the history tree',
      description: 'C2SP tlog-tiles. To readers and to any device.',
      access: 'device',
      params: {
        level: Type.String({ pattern: '^(0|[1-9][0-9]?)$', description: 'The level.' }),
        path: TILE
      },
      answers: {
        200: { description: 'Hashes; may be cached for ever.', content: { [OCTETS]: BYTES } }
      },
      errors: ['ERR_NOT_FOUND', 'ERR_TREE_RANGE']
    }),
    (request, reply) => {
      const { level, '*': rest } = request.params
      return sendTile(reply, provenTile(node.ledger, parseTile(level, rest)))
    }
  )
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
  return reply.header('cache-control', IMMUTABLE).type(OCTETS).send(bytes)
}

function noTile(): VitalchainError {
  return new VitalchainError('ERR_NOT_FOUND', 'the history has no such tile')
}
