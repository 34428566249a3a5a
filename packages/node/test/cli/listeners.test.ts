import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import { createListeners, type Listeners } from '../../src/cli/listeners.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'

const TOKEN = 'operator-token-for-tests-0123456789abcdef'

t.test('the settings of a node reach its two servers', async t => {
  const dataDir = t.testdir({ 'node.json': '{}' })
  const [cert, key] = [join(dataDir, 'node.crt'), join(dataDir, 'node.key')]
  execFileSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=node'
      .split(' ')
      .concat('-out', cert, '-keyout', key),
    { stdio: 'ignore' }
  )
  const network = await createTestNetwork({ validators: 1 })
  t.teardown(() => network.stop())
  const open = async (env: Readonly<Record<string, string>>): Promise<Listeners> => {
    const { config } = await loadConfig({
      dataDir,
      env: { VITALCHAIN_HTTP_PORT: '0', VITALCHAIN_LISTEN: '/ip4/127.0.0.1/tcp/0', ...env }
    })
    const listeners = await createListeners({
      config,
      dataDir,
      node: network.nodes[0]!,
      token: TOKEN,
      metrics: undefined,
      nodeLog: undefined
    })
    t.teardown(() => listeners.close())
    return listeners
  }

  const plain = await (await open({})).listen()
  t.match(plain, { http: /^http:\/\/127\.0\.0\.1:/, admin: /^http:\/\/127\.0\.0\.1:/ })
  const headers = { authorization: `Bearer ${TOKEN}` }
  t.equal((await fetch(`${plain.admin}/admin/tokens`, { headers })).status, 200)
  t.equal((await fetch(`${plain.http}/admin/tokens`, { headers })).status, 404, 'not by the API')

  const tls = { VITALCHAIN_HTTP_TLS_CERT: cert, VITALCHAIN_HTTP_TLS_KEY: key }
  const secure = await (await open(tls)).listen()
  t.match(secure, { http: /^https:/, admin: /^http:\/\/127\./ })
  const asked = request(`${secure.http}/livez`, { agent: false, rejectUnauthorized: false }).end()
  const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
  response.resume()
  t.equal(response.statusCode, 200)

  await t.rejects(open({ VITALCHAIN_HTTP_TLS_CERT: cert }), { code: 'ERR_CONFIG' })
  for (const name of ['http', 'admin'])
    await t.rejects(open({ [`VITALCHAIN_${name.toUpperCase()}_HOST`]: '0.0.0.0' }), {
      code: 'ERR_CONFIG',
      message: new RegExp(`^${name}\\.host: .* ${name}\\.allowRemote`)
    })
  const remote = { VITALCHAIN_HTTP_HOST: '0.0.0.0', VITALCHAIN_HTTP_ALLOW_REMOTE: 'true' }
  t.match(await (await open(remote)).listen(), { http: /^http:/ })
  const slow = await (await open({ VITALCHAIN_HTTP_REQUESTS_PER_SECOND: '1' })).listen()
  const statuses = []
  for (let k = 0; k < 3; k++) statuses.push((await fetch(`${slow.http}/livez`)).status)
  t.same(statuses, [200, 200, 429])
})
