import { deviceAnswerFormat, deviceRequestFormat, type DeviceAnswer } from '@vitalchain/core'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { DEVICE_REQUEST_BYTES_MAX, refusal } from '../devices/device-requests.ts'
import { CBOR } from './media-types.ts'
import { optionalNumber, type Query } from './parameters.ts'
import { acceptBytes, bodyBytes, type RouteComponents } from './routes.ts'

/** The header of the answer to a session: the token that later requests show. */
export const SESSION_HEADER: string = 'vitalchain-session'

/** How long a question for a receipt may wait for its commit, s. Proxies cut off what is silent for 30 s to 60 s. */
const WAIT_S_MAX = 20

/** Questions that wait at once: a quarter of the connections, so that others are always served. Beyond it none waits. */
const WAITING_MAX = 128

/** One request of the device protocol for each HTTP request. spec S-10 */
export function addDeviceRoute(
  app: FastifyInstance,
  { node, access, devices, closing }: RouteComponents
): void {
  let waiting = 0
  acceptBytes(app, CBOR)

  /** Runs with a signal that ends the wait which the device asked for; undefined for one that does not wait. */
  async function waitingFor<T>(
    seconds: number,
    reply: FastifyReply,
    run: (wait: AbortSignal | undefined) => Promise<T>
  ): Promise<T> {
    if (seconds === 0 || waiting >= WAITING_MAX) return run(undefined)
    const over = new AbortController()
    const end = (): void => over.abort()
    const timer = setTimeout(end, Math.min(seconds, WAIT_S_MAX) * 1_000)
    reply.raw.on('close', end)
    closing.addEventListener('abort', end)
    waiting++
    try {
      if (closing.aborted) end()
      return await run(over.signal)
    } finally {
      waiting--
      clearTimeout(timer)
      closing.removeEventListener('abort', end)
    }
  }

  app.post<{ Querystring: Query }>(
    '/v1/device',
    { bodyLimit: DEVICE_REQUEST_BYTES_MAX },
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
      const reader = access.readerOf(request.headers.authorization)
      const device = reader?.type === 'device' ? reader.device : undefined
      return waitingFor(asked.type === 'receipt' ? seconds : 0, reply, async wait =>
        send(await deviceDoor.answer(asked, device, wait))
      )
    }
  )
}
