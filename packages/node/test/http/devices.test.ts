import {
  checkGreeting,
  deviceAnswerFormat,
  deviceRequestFormat,
  signSession,
  type DeviceAnswer,
  type DeviceRequest
} from '@vitalchain/core'
import t from 'tap'
import { createHttpApi } from '../../src/http/index.ts'
import { testSigner, type TestDevice } from '../ledger/fixture.ts'
import { ask, bearer, startService, TOKEN, unitOf, type Answer, type Member } from './service.ts'

const NONCE = new Uint8Array(32).fill(5)

/** Sends a request of the device protocol. */
async function request(
  { api }: Pick<Member, 'api'>,
  asked: DeviceRequest,
  { token, query = '' }: { readonly token?: string; readonly query?: string } = {}
): Promise<{ readonly http: Answer; readonly answer: DeviceAnswer }> {
  const http = await ask(api, 'POST', `/v1/device${query}`, {
    headers: {
      'content-type': 'application/cbor',
      ...(token === undefined ? {} : bearer(token))
    },
    body: deviceRequestFormat.encode(asked)
  })
  if (http.status !== 200) throw new Error(`${http.status}`)
  return { http, answer: deviceAnswerFormat.decode(http.bytes) }
}

/** Opens a session as a device does that knows nothing but the key of the node. */
async function login(member: Member, device: TestDevice, name: string): Promise<string> {
  const { node } = member
  const { answer } = await request(member, { type: 'greeting', request: 0, nonce: NONCE })
  if (answer.type !== 'greeting') throw new Error(answer.type)
  checkGreeting(answer, { node: node.transportKey, nonce: NONCE })
  const session = await signSession(testSigner(name), {
    network: node.network,
    device: device.id,
    challenge: answer.challenge,
    node: answer.node
  })
  const opened = await request(member, { type: 'session', request: 1, session })
  if (opened.answer.type !== 'done') throw new Error(opened.answer.type)
  return String(opened.http.headers['vitalchain-session'])
}

t.test(
  'a device greets, shows who it is, submits and reads its own over single requests',
  async t => {
    const service = await startService(t, 1)
    const { first } = service
    const device = await service.device('pump')
    const token = await login(first, device, 'pump')
    t.match((await request(first, { type: 'head', request: 2, lane: 0 }, { token })).answer, {
      type: 'head',
      request: 2,
      lane: undefined
    })
    const reading = await device.read()
    const { id } = reading.candidate.transaction
    // Asked before it is there: the answer comes with the commit.
    const waiting = request(
      first,
      { type: 'receipt', request: 3, id },
      { token, query: '?wait=20' }
    )
    const submit = { type: 'submit', request: 4, ...unitOf(reading) } as const
    t.match((await request(first, submit)).answer, { type: 'done', request: 4 })
    const { answer } = await waiting
    if (answer.type !== 'receipt') throw new Error(answer.type)
    t.same(answer.receipt, first.node.receipt(id))
    t.match((await request(first, { type: 'head', request: 5, lane: 0 }, { token })).answer, {
      lane: { boot: 0, seq: 0 }
    })
  }
)

t.test('without a session, or with that of another device, nothing is read', async t => {
  const service = await startService(t, 1)
  const { first } = service
  const [pump, other] = [await service.device('pump'), await service.device('other')]
  const reading = await pump.read()
  const { id } = reading.candidate.transaction
  await first.node.submit(unitOf(reading))
  await first.node.committed(id)
  const receipt = { type: 'receipt', request: 1, id } as const
  for (const token of [undefined, 'unknown', TOKEN])
    t.match(
      (await request(first, receipt, token === undefined ? {} : { token })).answer,
      { type: 'refused', code: 'ERR_SESSION' },
      token ?? 'no token'
    )
  const token = await login(first, other, 'other')
  t.match((await request(first, receipt, { token })).answer, {
    type: 'refused',
    code: 'ERR_NOT_COMMITTED',
    retryable: true
  })
})

t.test('a session that is not good is refused in the answer, and gives no token', async t => {
  const { first } = await startService(t, 1)
  const session = Uint8Array.of(1)
  const { http, answer } = await request(first, { type: 'session', request: 9, session })
  t.match(answer, { type: 'refused', request: 9 })
  t.notOk('vitalchain-session' in http.headers)
})

t.test('a question that waits ends when the API closes', async t => {
  const service = await startService(t, 1)
  const { node } = service.first
  const device = await service.device('pump')
  const api = createHttpApi({ node, token: TOKEN })
  const url = await api.listen({ port: 0 })
  const token = await login({ node, api }, device, 'pump')
  const body = deviceRequestFormat.encode({ type: 'receipt', request: 1, id: NONCE })
  const answered = fetch(`${url}/v1/device?wait=20`, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor', ...bearer(token) },
    body: Uint8Array.from(body)
  })
  // It is answered behind the other, so that is waiting by now.
  await request({ api }, { type: 'greeting', request: 0, nonce: NONCE })
  const started = Date.now()
  await api.close()
  const answer = deviceAnswerFormat.decode(new Uint8Array(await (await answered).arrayBuffer()))
  t.match(answer, { type: 'refused', code: 'ERR_NOT_COMMITTED' })
  t.ok(Date.now() - started < 15_000)
})

t.test('what is no request is refused as by the rest of the API', async t => {
  const { first } = await startService(t, 1)
  for (const [body, type, status] of [
    [Uint8Array.of(0xff), 'application/cbor', 400],
    [Uint8Array.of(0x80), 'application/cbor', 400],
    [Uint8Array.of(0x80), 'application/json', 415],
    [new Uint8Array(140_000), 'application/cbor', 413]
  ] as const) {
    const { api } = first
    const answer = await ask(api, 'POST', '/v1/device', { headers: { 'content-type': type }, body })
    t.equal(answer.status, status)
    t.equal(answer.type, 'application/problem+json')
  }
})

t.test('a page of an allowed origin reads the token of its session', async t => {
  const service = await startService(t, 1)
  const { node } = service.first
  const device = await service.device('pump')
  const origin = 'https://ward.example'
  const api = createHttpApi({ node, token: TOKEN, allowOrigins: [origin] })
  t.teardown(() => api.close())
  const { answer } = await request({ api }, { type: 'greeting', request: 0, nonce: NONCE })
  if (answer.type !== 'greeting') throw new Error(answer.type)
  const session = await signSession(testSigner('pump'), {
    network: node.network,
    device: device.id,
    challenge: answer.challenge,
    node: answer.node
  })
  const { headers } = await ask(api, 'POST', '/v1/device', {
    headers: { 'content-type': 'application/cbor', origin },
    body: deviceRequestFormat.encode({ type: 'session', request: 1, session })
  })
  t.equal(headers['access-control-allow-origin'], origin)
  t.equal(headers['access-control-expose-headers'], 'vitalchain-session')
})
