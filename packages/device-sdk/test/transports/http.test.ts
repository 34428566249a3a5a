import {
  createSigner,
  deviceAnswerFormat,
  deviceRequestFormat,
  signGreeting,
  toHex,
  type DeviceAnswer,
  type DeviceRequest
} from '@vitalchain/core'
import t from 'tap'
import { httpTransport } from '../../src/transports/http.ts'
import { mqttTransport } from '../../src/transports/mqtt.ts'
import { webSocketTransport } from '../../src/transports/websocket.ts'
import { seed } from '../fake-ledger.ts'

const signer = createSigner('ed25519', seed('node'))
const NETWORK = seed('network')
const ADDRESS = `http://node.example:7700#${toHex(signer.publicKey.bytes)}`

type Fetch = NonNullable<Parameters<typeof httpTransport>[0]['fetch']>

/** A node that answers each request as told, after an honest greeting. */
function node(
  answer: (request: DeviceRequest, init: RequestInit) => Response | DeviceAnswer
): Fetch {
  return async (_url, init) => {
    const request = deviceRequestFormat.decode(new Uint8Array(init.body as Uint8Array))
    if (request.type === 'greeting') {
      const greeting = {
        network: NETWORK,
        node: signer.publicKey.bytes,
        nonce: request.nonce,
        challenge: seed('challenge')
      }
      const proof = await signGreeting(signer, greeting)
      return ok({ type: 'greeting', ...greeting, proof })
    }
    const answered = answer(request, init)
    return answered instanceof Response ? answered : ok(answered)
  }
}

function ok(answer: DeviceAnswer, headers: Record<string, string> = {}): Response {
  return new Response(Uint8Array.from(deviceAnswerFormat.encode(answer)), { headers })
}

const SIGNAL = new AbortController().signal

t.test('addresses must be URLs that say which node answers', async t => {
  const key = toHex(signer.publicKey.bytes)
  for (const address of [
    'node.example',
    'http://node.example',
    `ftp://node.example#${key}`,
    `${ADDRESS}00`
  ]) {
    t.throws(() => httpTransport({ addresses: [address] }), { code: 'ERR_ADDRESS' }, address)
    t.throws(() => webSocketTransport({ addresses: [address] }), { code: 'ERR_ADDRESS' })
    t.throws(() => mqttTransport({ network: NETWORK, device: NETWORK, addresses: [address] }), {
      code: 'ERR_ADDRESS'
    })
  }
  await t.rejects(httpTransport({ addresses: [] }).connect({ signal: SIGNAL }), {
    code: 'ERR_ADDRESS'
  })
})

t.test('a node that signs with another key than the address names is refused', async t => {
  const address = `http://node.example#${toHex(seed('another key'))}`
  const transport = httpTransport({
    addresses: [address],
    fetch: node(() => ok({ type: 'done', request: 1 }))
  })
  await t.rejects(transport.connect({ signal: SIGNAL }), { code: 'ERR_NODE_KEY', retryable: true })
})

t.test('a server that is no node is not reached', async t => {
  for (const [response, code] of [
    [new Response('not found', { status: 404 }), 'ERR_UNREACHABLE'],
    [new Response('<html>'), 'ERR_ENCODING'],
    [ok({ type: 'done', request: 0 }), 'ERR_DEVICE_PROTOCOL'],
    [new Response(new Uint8Array(9_000_000)), 'ERR_UNREACHABLE']
  ] as const) {
    const transport = httpTransport({ addresses: [ADDRESS], fetch: async () => response })
    await t.rejects(transport.connect({ signal: SIGNAL }), { code })
  }
})

t.test(
  'the token of a session is shown from then on, and one that is not known any more ends the connection',
  async t => {
    const shown: unknown[] = []
    const transport = httpTransport({
      addresses: [ADDRESS],
      fetch: node(({ type, request }, { headers }) => {
        shown.push((headers as Record<string, string>)['authorization'])
        return type === 'session'
          ? ok({ type: 'done', request }, { 'vitalchain-session': 'token' })
          : { type: 'refused', request, code: 'ERR_SESSION', message: 'no', retryable: false }
      })
    })
    const connection = await transport.connect({ signal: SIGNAL })
    const answers = connection.answers[Symbol.asyncIterator]()
    t.match((await answers.next()).value, { type: 'hello', network: NETWORK })
    await connection.send({ type: 'session', request: 0, session: Uint8Array.of(1) })
    t.match((await answers.next()).value, { type: 'done' })
    await connection.send({ type: 'head', request: 1, lane: 0 })
    // Not as a refusal: that would count against the device.
    await t.rejects(answers.next(), { code: 'ERR_CONNECTION_LOST', retryable: true })
    t.same(shown, [undefined, 'Bearer token'])
    await t.rejects(connection.send({ type: 'head', request: 2, lane: 0 }), {
      code: 'ERR_CONNECTION_LOST'
    })
    await connection.close()
  }
)

t.test('without a session a refusal reaches the device as it is', async t => {
  const transport = httpTransport({
    addresses: [ADDRESS],
    fetch: node(({ request }) => ({
      type: 'refused',
      request,
      code: 'ERR_DEVICE_UNKNOWN',
      message: 'no',
      retryable: false
    }))
  })
  const connection = await transport.connect({ signal: SIGNAL })
  const answers = connection.answers[Symbol.asyncIterator]()
  await answers.next()
  await connection.send({ type: 'session', request: 0, session: Uint8Array.of(1) })
  t.match((await answers.next()).value, { type: 'refused', code: 'ERR_DEVICE_UNKNOWN' })
  await connection.close()
  t.ok((await answers.next()).done)
})
