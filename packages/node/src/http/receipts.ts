import { receiptToJson, VitalchainError } from '@vitalchain/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { LedgerNode } from '../types.ts'
import { preferredType } from './accept.ts'
import { CBOR, COSE_RECEIPT, JSON_TYPE, TEXT } from './media-types.ts'
import type { Content } from './operation.ts'
import { optionalNumber, optionalText, parseHash, type Query } from './parameters.ts'
import { BYTES, PLAIN } from './schemas.ts'

/** The forms that a receipt comes in. */
export const RECEIPT_FORMS: Content = {
  [CBOR]: BYTES,
  [JSON_TYPE]: Type.Object({}, { description: 'The same receipt for people.' }),
  'text/plain': PLAIN,
  [COSE_RECEIPT]: BYTES
}

/** The names of the forms, and the media type that asks for each. */
const FORMS: Readonly<Record<string, string>> = {
  [CBOR]: 'cbor',
  [JSON_TYPE]: 'json',
  'text/plain': 'tlog-proof',
  [COSE_RECEIPT]: 'cose'
}

/** The values of `form`. */
export const RECEIPT_FORM_NAMES: readonly string[] = Object.values(FORMS)

/** Sends a receipt in the form that the query names, or else in the one that `Accept` likes best. */
export function sendReceipt(
  request: FastifyRequest,
  reply: FastifyReply,
  node: LedgerNode,
  id: Uint8Array,
  query: Query = {}
): FastifyReply {
  const liked = preferredType(request, [CBOR, JSON_TYPE, 'text/plain', COSE_RECEIPT])
  const form = optionalText(query, 'form') ?? FORMS[liked]
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
