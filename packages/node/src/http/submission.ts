import { errorCode, isVitalchainError, toHex } from '@vitalchain/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { unitFormat } from '../pool/unit.ts'
import { mayReadOf } from './access.ts'
import { acceptBytes, bodyBytes } from './bodies.ts'
import { CBOR } from './media-types.ts'
import { json, operation } from './operation.ts'
import { deviceOf, transactionAt } from './parameters.ts'
import { submissionCodes } from './problem.ts'
import { RECEIPT_FORMS, sendReceipt } from './receipts.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES, hashSchema } from './schemas.ts'
import { WAIT_S_MAX } from './waiting.ts'

const ACCEPTED: TSchema = Type.Object({
  id: hashSchema('The identity to ask for.'),
  status: Type.Literal('accepted')
})

const COMMITTED: TSchema = Type.Object({
  id: hashSchema('The identity.'),
  status: Type.Literal('committed')
})

const APPLIED: TSchema = Type.String({ description: 'How long it would have waited: `wait=10`.' })

/** Handing transactions over: open to all, for a transaction proves itself. */
export function addSubmissionRoutes(
  app: FastifyInstance,
  { node, waiting }: RouteComponents
): void {
  acceptBytes(app, CBOR)

  /** Says that a transaction is on the ledger: with the receipt, to who may read it. */
  function sendCommitted(
    request: FastifyRequest,
    reply: FastifyReply,
    id: Uint8Array,
    seconds: number
  ): FastifyReply {
    void reply.header('preference-applied', `wait=${seconds}`)
    const leaf = node.ledger.findTransaction(id)
    if (leaf !== undefined && mayReadOf(request.caller, deviceOf(transactionAt(node, leaf))))
      return sendReceipt(request, reply, node, id)
    return reply.send({ id: toHex(id), status: 'committed' })
  }

  app.post(
    '/v1/transactions',
    {
      bodyLimit: unitFormat.bytesMax,
      ...operation({
        id: 'submitTransaction',
        tag: 'submission',
        summary: 'Hands a transaction over; the same one may be handed over again',
        description:
          'The body is the array [transaction, payload] in deterministic CBOR. With `Prefer: wait=10` (RFC 7240) the ' +
          'answer comes with the commit, and is the receipt for who may read it.',
        access: 'anyone',
        headers: {
          prefer: Type.Optional(
            Type.String({ description: `\`wait=\` and seconds, of which ${WAIT_S_MAX} count.` })
          )
        },
        body: { [CBOR]: BYTES },
        answers: {
          200: {
            description: 'It is committed, with `Prefer: wait`.',
            content: {
              ...RECEIPT_FORMS,
              'application/json': Type.Union([COMMITTED, Type.Object({})])
            },
            headers: { 'preference-applied': APPLIED }
          },
          202: {
            description: 'It was checked and passed on. That is no promise: the receipt is.',
            content: json(ACCEPTED)
          }
        },
        errors: submissionCodes()
      })
    },
    async (request, reply) => {
      const seconds = Math.min(preferredWait(request.headers.prefer), WAIT_S_MAX)
      let id: Uint8Array
      try {
        id = await node.submit(unitFormat.decode(bodyBytes(request.body)))
      } catch (error) {
        const leaf = isVitalchainError(error) ? error.values['leaf'] : undefined
        if (errorCode(error) !== 'ERR_ALREADY_COMMITTED' || typeof leaf !== 'number') throw error
        const committed = transactionAt(node, leaf)
        if (seconds > 0) return sendCommitted(request, reply, committed.id, seconds)
        if (mayReadOf(request.caller, deviceOf(committed)))
          void reply.header(
            'link',
            `</v1/receipts/${toHex(committed.id)}>; rel="related"; type="${CBOR}"`
          )
        throw error
      }
      const isCommitted = await waiting.waitingFor(seconds, reply, async wait => {
        if (wait === undefined) return false
        try {
          await node.committed(id, { signal: wait })
          return true
        } catch (error) {
          if (wait.aborted) return false
          throw error
        }
      })
      if (isCommitted) return sendCommitted(request, reply, id, seconds)
      return reply.code(202).send({ id: toHex(id), status: 'accepted' })
    }
  )
}

/** The seconds of `Prefer: wait=` (RFC 7240 section 4.3); 0 without one that can be read, for a preference binds nobody. */
function preferredWait(prefer: string | readonly string[] | undefined): number {
  const found = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[;,]|$)/i.exec(String(prefer ?? ''))
  return Number(found?.[1] ?? 0)
}
