import { once } from 'node:events'
import { deviceAnswerFormat, deviceRequestFormat, type DeviceAnswer } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { createHttpApi } from '../../src/http/index.ts'
import { createTestNetwork } from '../../src/index.ts'
import { WEBSOCKETS_MAX } from '../../src/listeners/websocket.ts'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'
const GREETING = deviceRequestFormat.encode({
  type: 'greeting',
  request: 0,
  nonce: new Uint8Array(32)
})

async function listen(t: Test): Promise<string> {
  const network = await createTestNetwork({ validators: 1 })
  const api = createHttpApi({
    node: network.nodes[0]!,
    token: TOKEN,
    allowOrigins: ['https://ward.example']
  })
  const url = await api.listen({ port: 0 })
  t.teardown(async () => {
    await api.close()
    await network.stop()
  })
  return url.replace('http', 'ws')
}

/** The status with which an upgrade is refused, or the code with which the socket is closed. */
async function end(socket: WebSocket): Promise<number> {
  socket.on('error', () => undefined)
  return new Promise(resolve => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.on('close', code => resolve(code))
  })
}

async function ask(socket: WebSocket, frame: Uint8Array): Promise<DeviceAnswer> {
  socket.send(frame)
  const [data] = (await once(socket, 'message')) as [Buffer]
  return deviceAnswerFormat.decode(new Uint8Array(data))
}

t.test(
  'sockets open at one path, and for pages of the own and the allowed origins only',
  async t => {
    const url = await listen(t)
    t.equal(await end(new WebSocket(`${url}/v1/status`)), 404)
    const headers = { origin: 'https://other.example' }
    t.equal(await end(new WebSocket(`${url}/v1/device`, { headers })), 403)
    for (const origin of ['https://ward.example', url.replace('ws', 'http')]) {
      const socket = new WebSocket(`${url}/v1/device`, { headers: { origin } })
      await once(socket, 'open')
      t.equal((await ask(socket, GREETING)).type, 'greeting')
      socket.close()
    }
  }
)

t.test('a text, a message that is none, and one that is too long end the socket', async t => {
  const url = await listen(t)
  for (const wrong of ['text', Uint8Array.of(0xff), new Uint8Array(140_000)]) {
    const socket = new WebSocket(`${url}/v1/device`)
    await once(socket, 'open')
    const over = end(socket)
    socket.send(wrong)
    t.ok([1_006, 1_009].includes(await over))
  }
})

t.test('many requests are answered in the order of a slow reader, none is lost', async t => {
  const url = await listen(t)
  const socket = new WebSocket(`${url}/v1/device`)
  await once(socket, 'open')
  const heads = Array.from({ length: 500 }, (_, request) => request)
  const seen: number[] = []
  const all = new Promise<void>(resolve => {
    socket.on('message', (data: Buffer) => {
      const answer = deviceAnswerFormat.decode(new Uint8Array(data))
      if (answer.type === 'refused') seen.push(answer.request)
      if (seen.length === heads.length) resolve()
    })
  })
  for (const request of heads)
    socket.send(deviceRequestFormat.encode({ type: 'head', request, lane: 0 }))
  await all
  t.same(
    seen.toSorted((a, b) => a - b),
    heads
  )
  socket.close()
})

t.test('beyond the limit a socket is refused, and the rest of the API is served', async t => {
  const url = await listen(t)
  const sockets = Array.from({ length: WEBSOCKETS_MAX }, () => new WebSocket(`${url}/v1/device`))
  await Promise.all(sockets.map(socket => once(socket, 'open')))
  t.equal(await end(new WebSocket(`${url}/v1/device`)), 503)
  t.equal((await fetch(`${url.replace('ws', 'http')}/livez`)).status, 200)
  for (const socket of sockets) socket.terminate()
})
