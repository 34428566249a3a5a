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
  receiptToJson,
  STATE_KEY_BYTES_MAX,
  VitalchainError,
  type CertifiedHeader
} from '@vitalchain/core'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { signersAt } from '../checkpoints/certified-tree.ts'
import type { LedgerNode } from '../types.ts'
import { forbidden, mayReadOf, type Reader } from './access.ts'
import { CBOR, COSE_RECEIPT, JSON_TYPE, TEXT } from './media-types.ts'
import {
  deviceOf,
  optionalNumber,
  optionalPlace,
  optionalText,
  parseHash,
  parseLane,
  requiredNumber,
  transactionAt,
  type Query
} from './parameters.ts'
import type { RouteComponents } from './routes.ts'

/** Headers whose certificates are checked before other work of the node has its turn: 50 validators take about 30 ms. */
const HEADERS_AT_ONCE = 16

/**
 * What a light client follows the ledger by. Open to all, for it says nothing of devices or statements: headers hold
 * hashes, counts and times. spec F-26
 */
export function addChainRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Querystring: Query }>('/v1/headers', async ({ query }, reply) => {
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
  })
  app.get<{ Querystring: Query }>('/v1/hand-overs', ({ query }, reply) => {
    const page = node.ledger.handOvers(optionalNumber(query, 'after') ?? 0, HANDOVERS_PAGE_MAX)
    return reply.type(CBOR).send(handOversPageFormat.encode(page))
  })
  app.get<{ Querystring: Query }>('/v1/consistency', ({ query }, reply) => {
    const path = node.ledger.consistencyProof(
      requiredNumber(query, 'from'),
      requiredNumber(query, 'to')
    )
    return reply.type(CBOR).send(consistencyPathFormat.encode(path))
  })
  // They are on the ledger from the genesis on, and what generic tools need beside the checkpoint. spec K-3
  app.get('/checkpoint/keys', (_request, reply) => {
    const latest = node.checkpoints.latest()
    const validators =
      latest === undefined ? node.ledger.validators() : signersAt(node.ledger, latest.size)
    return reply.type(TEXT).send(`${noteVerifierKeys(node.network, validators).join('\n')}\n`)
  })
}

/** Proofs of what is on the ledger: to the operator, and to a device of what is its own. */
export function addProofRoutes(app: FastifyInstance, { node, access }: RouteComponents): void {
  app.get<{ Params: { id: string }; Querystring: Query }>(
    '/v1/receipts/:id',
    ({ params, query, headers }, reply) => {
      const reader = access.requireReader(headers.authorization)
      const id = parseHash(params.id)
      const leaf = node.ledger.findTransaction(id)
      if (leaf !== undefined && !mayReadOf(reader, deviceOf(transactionAt(node, leaf))))
        throw forbidden()
      return sendReceipt(reply, node, id, query)
    }
  )
  app.get<{ Params: { key: string }; Querystring: Query }>(
    '/v1/state-proofs/:key',
    ({ params, query, headers }, reply) => {
      const reader = access.requireReader(headers.authorization)
      const key = fromHex(params.key)
      if (key.length === 0 || key.length > STATE_KEY_BYTES_MAX)
        throw new VitalchainError('ERR_HEX', `a key has 1 to ${STATE_KEY_BYTES_MAX} bytes`)
      if (!isOwnKey(reader, key)) throw forbidden()
      const pin = optionalNumber(query, 'pin')
      return reply.type(CBOR).send(node.stateProof(key, { pin }))
    }
  )
  app.get<{ Params: { id: string; lane: string }; Querystring: Query }>(
    '/v1/devices/:id/lanes/:lane/completeness',
    async ({ params, query, headers }, reply) => {
      const reader = access.requireReader(headers.authorization)
      const device = parseHash(params.id)
      if (!mayReadOf(reader, device)) throw forbidden()
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

/** A device reads its own record and its lanes, the operator everything. */
function isOwnKey(reader: Reader, key: Uint8Array): boolean {
  if (reader.type === 'operator') return true
  const { device } = reader
  const own = [deviceStateKey(device), laneStateKey(device, 0), laneStateKey(device, 1)]
  return own.some(each => equalBytes(each, key))
}

/** The receipt in the form that the query names. */
function sendReceipt(
  reply: FastifyReply,
  node: LedgerNode,
  id: Uint8Array,
  query: Query
): FastifyReply {
  const form = optionalText(query, 'form') ?? 'cbor'
  if (form === 'tlog-proof') return reply.type(TEXT).send(node.tlogProof(id))
  if (form === 'cose') {
    const member = optionalText(query, 'member')
    const receipt = node.coseReceipt(id, member === undefined ? undefined : parseHash(member))
    return reply.type(COSE_RECEIPT).send(receipt)
  }
  const receipt = node.receipt(id, {
    pin: optionalNumber(query, 'pin'),
    renew: optionalText(query, 'renew') !== undefined
  })
  if (form === 'cbor') return reply.type(CBOR).send(receipt)
  // As bytes: to text fastify adds a charset, which JSON does not have (RFC 8259 section 11).
  if (form === 'json')
    return reply.type(JSON_TYPE).send(Buffer.from(JSON.stringify(receiptToJson(receipt), null, 2)))
  throw new VitalchainError('ERR_SCHEMA', 'a form is cbor, json, tlog-proof or cose')
}
