import { once } from 'node:events'
import {
  createSigner,
  deviceAnswerFormat,
  deviceId,
  deviceRequestFormat,
  sha256,
  signSession,
  utf8,
  type DeviceAnswer,
  type DeviceRequest,
  type Signer
} from '@vitalchain/core'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { createHttpApi } from '../../src/http/index.ts'
import { createTestNetwork, type TestNetwork } from '../../src/index.ts'
import { WEBSOCKETS_MAX } from '../../src/listeners/websocket.ts'
import { until } from '../node/wait.ts'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'
const GREETING = deviceRequestFormat.encode({
  type: 'greeting',
  request: 0,
  nonce: new Uint8Array(32)
})

async function listen(t: Test): Promise<string> {
  return (await listenWith(t)).url
}

async function listenWith(
  t: Test
): Promise<{ readonly url: string; readonly network: TestNetwork }> {
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
  return { url: url.replace('http', 'ws'), network }
}

/** The status with which an upgrade is refused, or the code with which the socket is closed. */
async function end(socket: WebSocket): Promise<number> {
  socket.on('error', () => undefined)
  return new Promise(resolve => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.on('close', code => resolve(code))
  })
}

function encodeRequest(request: DeviceRequest): Uint8Array {
  return deviceRequestFormat.encode(request)
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

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === socket.OPEN
}

/** Opens a session of a device over a new socket. */
async function openSocketSession(url: string, network: TestNetwork, signer: Signer) {
  const socket = new WebSocket(`${url}/v1/device`)
  await once(socket, 'open')
  const greeting = await ask(socket, GREETING)
  if (greeting.type !== 'greeting') throw new Error('expected a greeting')
  const { challenge, node } = greeting
  const device = deviceId(signer.publicKey)
  const content = { network: network.nodes[0]!.network, device, challenge, node }
  const session = await signSession(signer, content)
  const answer = await ask(socket, encodeRequest({ type: 'session', request: 1, session }))
  if (answer.type !== 'done') throw new Error('expected a session')
  return socket
}

t.test('sockets of devices stay; those of strangers make room for who comes', async t => {
  const { url, network } = await listenWith(t)
  const signer = createSigner('ed25519', sha256(utf8('device of a ward')))
  const { publicKey } = signer
  await network.nodes[0]!.registerDevice({ publicKey, model: 'm', firmware: undefined })
  const device = await openSocketSession(url, network, signer)
  const strangers: WebSocket[] = []
  for (let k = 0; k < WEBSOCKETS_MAX + 20; k++) {
    const socket = new WebSocket(`${url}/v1/device`)
    await once(socket, 'open')
    strangers.push(socket)
  }
  const head = encodeRequest({ type: 'head', request: 2, lane: 0 })
  t.equal((await ask(device, head)).type, 'head', 'the device goes on')
  const another = await openSocketSession(url, network, signer)
  t.equal((await ask(another, head)).type, 'head', 'and a device finds room')
  await until('the first ones are gone', () => !strangers.slice(0, 20).some(isOpen))
  t.ok(strangers.slice(-100).every(isOpen))
  for (const socket of [device, another, ...strangers]) socket.terminate()
})

t.test('beyond the limit a socket is refused, and the rest of the API is served', async t => {
  const { url, network } = await listenWith(t)
  const signer = createSigner('ed25519', sha256(utf8('devices of a ward')))
  const { publicKey } = signer
  await network.nodes[0]!.registerDevice({ publicKey, model: 'm', firmware: undefined })
  const sockets = await Promise.all(
    Array.from({ length: WEBSOCKETS_MAX }, () => openSocketSession(url, network, signer))
  )
  t.equal(await end(new WebSocket(`${url}/v1/device`)), 503)
  t.equal((await fetch(`${url.replace('ws', 'http')}/livez`)).status, 200)
  for (const socket of sockets) socket.terminate()
})
