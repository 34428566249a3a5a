import { setImmediate } from 'node:timers/promises'
import { deviceStateKey } from '@vitalchain/contracts'
import {
  consistencyPathFormat,
  equalBytes,
  fromHex,
  HANDOVERS_PAGE_MAX,
  handOversPageFormat,
  HEADERS_PAGE_MAX,
  headersPageFormat,
  laneStateKey,
  noteVerifierKeys,
  STATE_KEY_BYTES_MAX,
  VitalchainError,
  type CertifiedHeader
} from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { signersAt } from '../checkpoints/certified-tree.ts'
import { forbidden, mayReadOf, type Caller } from './access.ts'
import { CBOR, TEXT } from './media-types.ts'
import { operation } from './operation.ts'
import {
  deviceOf,
  optionalNumber,
  optionalPlace,
  parseHash,
  parseLane,
  requiredNumber,
  transactionAt,
  type Query
} from './parameters.ts'
import { RECEIPT_FORM_NAMES, RECEIPT_FORMS, sendReceipt } from './receipts.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES, hashSchema, hexSchema, LANE, oneOf, PLAIN, wholeSchema } from './schemas.ts'

/** Headers whose certificates are checked before other work of the node has its turn: 50 validators take about 30 ms. */
const HEADERS_AT_ONCE = 16

const PIN: TSchema = Type.Optional(wholeSchema('the size of a checkpoint that the verifier trusts'))

const PLACE: TSchema = Type.String({
  pattern: '^\\d{1,10}\\.\\d{1,15}$',
  description: 'A place in a lane, boot and number: `3.17`.'
})

/**
 * What a light client follows the ledger by. Open to all, for it says nothing of devices or statements: headers hold
 * hashes, counts and times. spec F-26
 */
export function addChainRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Querystring: Query }>(
    '/v1/headers',
    operation({
      id: 'listHeaders',
      tag: 'proofs',
      summary: 'Headers with their certificates, from a height on',
      access: 'anyone',
      cost: 50,
      query: {
        from: wholeSchema('the first height'),
        limit: Type.Optional(wholeSchema(`at most ${HEADERS_PAGE_MAX}, which is the default`))
      },
      answers: {
        200: { description: 'A page; F-26. Empty above the newest.', content: { [CBOR]: BYTES } }
      },
      errors: ['ERR_SCHEMA']
    }),
    async ({ query }, reply) => {
      const from = requiredNumber(query, 'from')
      const limit = Math.min(optionalNumber(query, 'limit') ?? HEADERS_PAGE_MAX, HEADERS_PAGE_MAX)
      const page: CertifiedHeader[] = []
      while (page.length < limit) {
        const max = Math.min(HEADERS_AT_ONCE, limit - page.length)
        // There is no header of the genesis.
        const part = node.ledger.headers(Math.max(1, from) + page.length, max)
        page.push(...part)
        if (part.length < max) break
        await setImmediate()
      }
      return reply.type(CBOR).send(headersPageFormat.encode(page))
    }
  )
  app.get<{ Querystring: Query }>(
    '/v1/hand-overs',
    operation({
      id: 'listHandOvers',
      tag: 'proofs',
      summary: 'The changes of the validators above a height',
      access: 'anyone',
      cost: 10,
      query: { after: Type.Optional(wholeSchema('the last height that is known')) },
      answers: {
        200: { description: `At most ${HANDOVERS_PAGE_MAX}; F-27.`, content: { [CBOR]: BYTES } }
      },
      errors: ['ERR_SCHEMA']
    }),
    ({ query }, reply) => {
      const page = node.ledger.handOvers(optionalNumber(query, 'after') ?? 0, HANDOVERS_PAGE_MAX)
      return reply.type(CBOR).send(handOversPageFormat.encode(page))
    }
  )
  app.get<{ Querystring: Query }>(
    '/v1/consistency',
    operation({
      id: 'getConsistency',
      tag: 'proofs',
      summary: 'The proof that the history of one size continues that of another',
      access: 'anyone',
      query: { from: wholeSchema('the smaller size'), to: wholeSchema('the larger size') },
      answers: { 200: { description: 'The proof.', content: { [CBOR]: BYTES } } },
      errors: ['ERR_SCHEMA', 'ERR_TREE_RANGE']
    }),
    ({ query }, reply) => {
      const path = node.ledger.consistencyProof(
        requiredNumber(query, 'from'),
        requiredNumber(query, 'to')
      )
      return reply.type(CBOR).send(consistencyPathFormat.encode(path))
    }
  )
  // They are on the ledger from the genesis on, and what generic tools need beside the checkpoint. spec K-3
  app.get(
    '/checkpoint/keys',
    operation({
      id: 'getCheckpointKeys',
      tag: 'proofs',
      summary: 'The keys of the validators of the newest checkpoint, one vkey a line',
      access: 'anyone',
      answers: {
        200: {
          description: 'As generic tools of transparency logs take them.',
          content: { 'text/plain': PLAIN }
        }
      }
    }),
    (_request, reply) => {
      const latest = node.checkpoints.latest()
      const validators =
        latest === undefined ? node.ledger.validators() : signersAt(node.ledger, latest.size)
      return reply.type(TEXT).send(`${noteVerifierKeys(node.network, validators).join('\n')}\n`)
    }
  )
}

/** Proofs of what is on the ledger: to the operator, and to a device of what is its own. */
export function addProofRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Params: { id: string }; Querystring: Query }>(
    '/v1/receipts/:id',
    operation({
      id: 'getReceipt',
      tag: 'proofs',
      summary: 'The receipt of a statement or call',
      access: 'device',
      params: { id: hashSchema('The identity.') },
      query: {
        form: Type.Optional(
          oneOf(
            RECEIPT_FORM_NAMES,
            'The form; by default the one that `Accept` likes best, or cbor.'
          )
        ),
        pin: PIN,
        renew: Type.Optional(oneOf(['1'], 'Against the newest block in any case.')),
        member: Type.Optional(hashSchema('Of the form cose: whose.'))
      },
      answers: { 200: { description: 'The receipt.', content: RECEIPT_FORMS } },
      errors: [
        'ERR_HEX',
        'ERR_SCHEMA',
        'ERR_NOT_COMMITTED',
        'ERR_NO_CHECKPOINT',
        'ERR_TREE_RANGE',
        'ERR_NOT_FOUND'
      ]
    }),
    (request, reply) => {
      const { params, query, caller } = request
      const id = parseHash(params.id)
      // A device reads its own. Whoever else got here reads all, and what it costs to look whose it is is saved.
      const leaf = caller?.type === 'role' ? undefined : node.ledger.findTransaction(id)
      if (leaf !== undefined && !mayReadOf(caller, deviceOf(transactionAt(node, leaf))))
        throw forbidden()
      return sendReceipt(request, reply, node, id, query)
    }
  )
  app.get<{ Params: { key: string }; Querystring: Query }>(
    '/v1/state-proofs/:key',
    operation({
      id: 'getStateProof',
      tag: 'proofs',
      summary: 'What the state holds under a key, or that it holds nothing',
      access: 'device',
      params: { key: hexSchema('The key; F-17.', STATE_KEY_BYTES_MAX) },
      query: { pin: PIN },
      answers: { 200: { description: 'The proof.', content: { [CBOR]: BYTES } } },
      errors: ['ERR_HEX', 'ERR_SCHEMA', 'ERR_NOT_COMMITTED', 'ERR_TREE_RANGE']
    }),
    ({ params, query, caller }, reply) => {
      const key = fromHex(params.key)
      if (key.length === 0 || key.length > STATE_KEY_BYTES_MAX)
        throw new VitalchainError('ERR_HEX', `a key has 1 to ${STATE_KEY_BYTES_MAX} bytes`)
      if (!isOwnKey(caller, key)) throw forbidden()
      const pin = optionalNumber(query, 'pin')
      return reply.type(CBOR).send(node.stateProof(key, { pin }))
    }
  )
  app.get<{ Params: { id: string; lane: string }; Querystring: Query }>(
    '/v1/devices/:id/lanes/:lane/completeness',
    operation({
      id: 'getCompleteness',
      tag: 'proofs',
      summary: 'The proof that a device sent exactly these statements',
      access: 'device',
      cost: 20,
      params: { id: hashSchema("The device's identifier."), lane: LANE },
      query: { from: Type.Optional(PLACE), to: Type.Optional(PLACE), pin: PIN },
      answers: { 200: { description: 'The proof.', content: { [CBOR]: BYTES } } },
      errors: ['ERR_HEX', 'ERR_SCHEMA', 'ERR_NOT_FOUND', 'ERR_NOT_COMMITTED', 'ERR_TREE_RANGE']
    }),
    async ({ params, query, caller }, reply) => {
      const device = parseHash(params.id)
      if (!mayReadOf(caller, device)) throw forbidden()
      const proof = await node.completeness({
        device,
        lane: parseLane(params.lane),
        from: optionalPlace(query, 'from'),
        to: optionalPlace(query, 'to'),
        pin: optionalNumber(query, 'pin')
      })
      return reply.type(CBOR).send(proof)
    }
  )
}

/** A device reads its own record and its lanes, a reader everything. */
function isOwnKey(caller: Caller | null, key: Uint8Array): boolean {
  if (caller?.type !== 'device') return mayReadOf(caller, undefined)
  const { device } = caller
  const own = [deviceStateKey(device), laneStateKey(device, 0), laneStateKey(device, 1)]
  return own.some(each => equalBytes(each, key))
}
