import t from 'tap'
import { createHttpApi, type HttpApi } from '../../src/http/index.ts'
import { createLedgerNode } from '../../src/node.ts'
import { foundNetwork } from '../../src/testing/found-network.ts'
import { TOKEN } from './service.ts'

const WARD = 'https://ward.example'

function api(allowOrigins?: readonly string[]): HttpApi {
  const { document, members } = foundNetwork({ names: ['One'], created: 0 })
  const node = createLedgerNode({ genesis: document, keys: { transport: members[0]!.transport } })
  return createHttpApi({
    node,
    token: TOKEN,
    ...(allowOrigins === undefined ? {} : { allowOrigins })
  })
}

async function headersOf(
  { app }: HttpApi,
  origin: string | undefined,
  method: 'GET' | 'OPTIONS' = 'GET',
  url = '/livez'
): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, unknown>> }> {
  const answer = await app.inject({
    method,
    url,
    headers: {
      ...(origin === undefined ? {} : { origin }),
      ...(method === 'OPTIONS' ? { 'access-control-request-method': 'GET' } : {})
    }
  })
  return { status: answer.statusCode, headers: answer.headers }
}

t.test('unless told otherwise, no page of another origin may read an answer', async t => {
  for (const method of ['GET', 'OPTIONS'] as const) {
    const { headers } = await headersOf(api(), WARD, method)
    t.notOk(Object.keys(headers).some(name => name.startsWith('access-control')))
  }
})

t.test('the pages of an origin that is named may, and no others', async t => {
  const named = api([WARD, 'http://127.0.0.1:8080'])
  for (const origin of [WARD, 'http://127.0.0.1:8080']) {
    const { headers } = await headersOf(named, origin)
    t.equal(headers['access-control-allow-origin'], origin)
    t.equal(headers['vary'], 'origin')
    t.equal(headers['access-control-allow-credentials'], undefined)
  }
  const others = [
    'https://evil.example',
    `${WARD}.evil.example`,
    'http://ward.example',
    'null',
    '*'
  ]
  for (const origin of [...others, undefined]) {
    const { status, headers } = await headersOf(named, origin)
    t.equal(status, 200)
    t.equal(headers['access-control-allow-origin'], undefined, String(origin))
    t.equal(headers['vary'], 'origin')
  }
})

t.test('a page may ask beforehand whether it may show a token', async t => {
  const named = api([WARD])
  const { status, headers } = await headersOf(named, WARD, 'OPTIONS', '/v1/receipts/00')
  t.equal(status, 204)
  t.match(headers['access-control-allow-headers'], /authorization/)
  t.equal(headers['access-control-allow-methods'], 'GET, POST')
  const other = await headersOf(named, 'https://evil.example', 'OPTIONS')
  t.equal(other.status, 404)
  t.equal(other.headers['access-control-allow-methods'], undefined)
})

t.test('a refusal can be read by the page too', async t => {
  const { status, headers } = await headersOf(api([WARD]), WARD, 'GET', '/v1/members')
  t.equal(status, 401)
  t.equal(headers['access-control-allow-origin'], WARD)
})

t.test('what is no origin is refused when the API is made', async t => {
  for (const origin of ['*', 'ward.example', `${WARD}/`, `${WARD}/page`, 'null', 'file:///tmp', ''])
    t.throws(() => api([origin]), { code: 'ERR_ORIGIN' }, origin)
})
