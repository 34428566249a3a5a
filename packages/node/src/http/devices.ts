import { deviceAnswerFormat, deviceRequestFormat, type DeviceAnswer } from '@vitalchain/core'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { DEVICE_REQUEST_BYTES_MAX, refusal } from '../devices/device-requests.ts'
import { acceptBytes, bodyBytes } from './bodies.ts'
import { CBOR } from './media-types.ts'
import { operation } from './operation.ts'
import { optionalNumber, type Query } from './parameters.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES, wholeSchema } from './schemas.ts'
import { WAIT_S_MAX } from './waiting.ts'

/** The header of the answer to a session: the token that later requests show. */
export const SESSION_HEADER: string = 'vitalchain-session'

/** One request of the device protocol for each HTTP request. spec S-10 */
export function addDeviceRoute(
  app: FastifyInstance,
  { node, devices, waiting }: RouteComponents
): void {
  acceptBytes(app, CBOR)
  app.post<{ Querystring: Query }>(
    '/v1/device',
    {
      bodyLimit: DEVICE_REQUEST_BYTES_MAX,
      ...operation({
        id: 'askAsDevice',
        tag: 'devices',
        summary: 'One request of the device protocol',
        description:
          'S-10 of the device protocol. What it refuses is an answer of the protocol, with status 200.',
        access: 'anyone',
        query: {
          wait: Type.Optional(
            wholeSchema(`how long a question for a receipt waits, s; at most ${WAIT_S_MAX}`)
          )
        },
        body: { [CBOR]: BYTES },
        answers: {
          200: {
            description: 'The answer of the protocol.',
            content: { [CBOR]: BYTES },
            headers: {
              [SESSION_HEADER]: Type.String({
                description: 'The token that later requests show; on the answer to a session.'
              })
            }
          }
        },
        errors: ['ERR_SCHEMA', 'ERR_ENCODING', 'ERR_NOT_CANONICAL']
      })
    },
    async (request, reply) => {
      const asked = deviceRequestFormat.decode(bodyBytes(request.body))
      const seconds = optionalNumber(request.query, 'wait') ?? 0
      const send = (answer: DeviceAnswer): FastifyReply =>
        reply.type(CBOR).send(Buffer.from(deviceAnswerFormat.encode(answer)))
      const { deviceDoor } = node
      if (asked.type === 'greeting')
        return send(await deviceDoor.greet(asked.nonce, devices.challenge()))
      if (asked.type === 'session') {
        try {
          const { token } = devices.open(asked.session)
          reply.header(SESSION_HEADER, token)
          // Instead of what cross-origin.ts names: a page needs no other header of this answer.
          reply.raw.setHeader('access-control-expose-headers', SESSION_HEADER)
          return await send({ type: 'done', request: asked.request })
        } catch (error) {
          return send(refusal(asked.request, error))
        }
      }
      const { caller } = request
      const device = caller?.type === 'device' ? caller.device : undefined
      return waiting.waitingFor(asked.type === 'receipt' ? seconds : 0, reply, async wait =>
        send(await deviceDoor.answer(asked, device, wait))
      )
    }
  )
}
