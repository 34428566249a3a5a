import { connect } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { httpSource, SENSOR_MESSAGE_BYTES_MAX } from '../../src/gateway/index.ts'
import { ARRIVAL, gatewayWard, recorded } from './ward.ts'

const TOKEN = 'a-token-of-22-characters'

t.test('sensors send JSON, and the answer means that it is signed and on disk', async t => {
  const source = httpSource({ port: 0, token: TOKEN })
  const ward = await gatewayWard(t, { sources: [source] })
  const post = (sensor: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${source.url}/v1/sensors/${sensor}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body)
    })
  const code = async (response: Promise<Response>) => {
    const answer = await response
    const { code } = (await answer.json()) as { readonly code: string }
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/)
    return [answer.status, code]
  }

  t.test('readings with and without a time, and urgent ones', async t => {
    const readings = [
      { name: '8867-4', unit: '/min', value: 70, time: 5 },
      { name: 'x', value: 1 }
    ]
    const answer = await post('bed-1', { readings })
    t.equal(answer.status, 200)
    t.same(await answer.json(), { outcome: 'stored', readings: 2 })
    await post('bed-1', { name: 'alarm', value: 'asystole' }, { 'vitalchain-urgent': '1' })
    await ward.gateway.drained()
    t.match(
      recorded(ward, 'bed-1').toSorted((a, b) => a.lane - b.lane || a.flags - b.flags),
      [
        { lane: 0, flags: 2, readings: [readings[0]] },
        { lane: 0, flags: 6, readings: [{ name: 'x', time: ARRIVAL }] },
        { lane: 1, readings: [{ value: 'asystole' }] }
      ]
    )
  })

  t.test('a request that is sent again is recorded once', async t => {
    const body = { name: 'x', value: 1 }
    const outcome = async (headers: Record<string, string>, of: unknown = body) =>
      ((await (await post('bed-2', of, headers)).json()) as { readonly outcome: string }).outcome
    t.equal(await outcome({ 'idempotency-key': 'one' }), 'stored')
    t.equal(await outcome({ 'idempotency-key': 'one' }), 'repeated')
    t.equal(await outcome({}, { ...body, time: 1 }), 'stored')
    t.equal(await outcome({}, { ...body, time: 1 }), 'repeated', 'by its own time')
    t.equal(await outcome({}), 'stored')
    t.equal(await outcome({}), 'stored', 'without either nobody can tell')
  })

  t.test('everything else is refused with a problem', async t => {
    const wrong = { authorization: `Bearer ${TOKEN}x` }
    t.same(await code(post('bed-1', '1', wrong)), [401, 'ERR_UNAUTHORIZED'])
    t.same(await code(post('bed-1', '1', { authorization: '' })), [401, 'ERR_UNAUTHORIZED'])
    t.same(await code(post('nobody', { name: 'x', value: 1 })), [404, 'ERR_GATEWAY_SENSOR'])
    t.same(await code(post('..%2fbed', { name: 'x', value: 1 })), [404, 'ERR_GATEWAY_SENSOR'])
    t.same(await code(fetch(`${source.url}/`)), [404, 'ERR_NOT_FOUND'])
    t.same(await code(fetch(`${source.url}/v1/sensors/bed-1`)), [404, 'ERR_NOT_FOUND'])
    t.same(await code(post('bed-1', '{"value":1}')), [400, 'ERR_GATEWAY_PAYLOAD'])
    t.same(await code(post('bed-1', '{')), [400, 'ERR_GATEWAY_PAYLOAD'])
    t.same(await code(post('bed-1', { name: 'Ω', value: 1 })), [422, 'ERR_SENML'])
    const long = { 'idempotency-key': 'x'.repeat(97) }
    t.same(await code(post('bed-1', '{"value":1}', long)), [400, 'ERR_GATEWAY_PAYLOAD'])
    const large = ' '.repeat(SENSOR_MESSAGE_BYTES_MAX + 1)
    t.same(await code(post('bed-1', large)), [413, 'ERR_TOO_LARGE'])
    t.match(ward.gateway.status().sources[1], {
      name: 'http',
      isConnected: true,
      refused: { ERR_UNAUTHORIZED: 2, ERR_GATEWAY_SENSOR: 2, ERR_TOO_LARGE: 1 }
    })
  })

  t.test('a client that hangs up in the middle does no harm', async t => {
    const { port } = new URL(source.url!)
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /v1/sensors/bed-1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 99\r\n\r\n{`
    )
    socket.destroy()
    await once(socket, 'close')
    t.equal((await post('bed-1', { name: 'x', value: 2 })).status, 200)
  })

  t.test('a gateway that stopped is not reached any more', async t => {
    await ward.gateway.stop()
    await t.rejects(post('bed-1', { name: 'x', value: 3 }))
  })
})

t.test('each sensor may have a token of its own, and a short one is none', async t => {
  t.throws(() => httpSource({ port: 0, token: 'short' }), { code: 'ERR_GATEWAY_INIT' })
  const tokens: Readonly<Record<string, string>> = { 'bed-1': TOKEN, 'bed-2': 'short' }
  const source = httpSource({ port: 0, token: sensor => tokens[sensor] })
  await gatewayWard(t, { sources: [source] })
  const status = async (sensor: string, token: string) =>
    (
      await fetch(`${source.url}/v1/sensors/${sensor}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: '{"name":"x","value":1}'
      })
    ).status
  t.equal(await status('bed-1', TOKEN), 200)
  t.equal(await status('bed-2', TOKEN), 401)
  t.equal(await status('bed-2', 'short'), 401)
  t.equal(await status('bed-3', TOKEN), 401)
})
