import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { createHttpApi, openTls } from '../../src/http/index.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { TOKEN } from './service.ts'

/** Makes a certificate for a name. */
function certify(dir: string, name: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)]
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${name}`
      .split(' ')
      .concat('-out', cert, '-keyout', key),
    { stdio: 'ignore' }
  )
  return { cert, key }
}

/** The status of an answer, and the name in the certificate. */
async function ask(url: string): Promise<{ readonly status: unknown; readonly name: string }> {
  const asked = request(`${url}/livez`, { agent: false, rejectUnauthorized: false }).end()
  const [response] = (await once(asked, 'response')) as [
    { statusCode: number; socket: TLSSocket; resume: () => void }
  ]
  const name = String(response.socket.getPeerCertificate().subject.CN)
  response.resume()
  return { status: response.statusCode, name }
}

t.test('the API speaks TLS, with a renewed certificate once the files have it', async t => {
  const dir = t.testdir()
  const [first, second] = [certify(dir, 'first.example'), certify(dir, 'second.example')]
  const files = { cert: join(dir, 'live.crt'), key: join(dir, 'live.key') }
  const put = (pair: typeof first): void => {
    copyFileSync(pair.cert, files.cert)
    copyFileSync(pair.key, files.key)
  }
  put(first)
  const logged: string[] = []
  const tls = await openTls(files, (event, values) =>
    logged.push(`${event} ${JSON.stringify(values)}`)
  )
  const network = await createTestNetwork({ validators: 1 })
  const api = createHttpApi({ node: network.nodes[0]!, token: TOKEN, tls })
  t.teardown(async () => {
    await api.close()
    await network.stop()
  })
  const url = await api.listen({ port: 0 })
  t.match(url, /^https:/)
  t.same(await ask(url), { status: 200, name: 'first.example' })

  copyFileSync(second.key, files.key)
  await tls.reload()
  t.match(logged, ['tls certificate not renewed {"code":"ERR_FILE"}'])
  t.same(await ask(url), { status: 200, name: 'first.example' }, 'half a renewal changes nothing')

  put(second)
  await tls.reload()
  t.match(logged, [/not renewed/, 'tls certificate renewed {}'])
  t.same(await ask(url), { status: 200, name: 'second.example' })
})

t.test('files that hold no certificate with its key are refused at the start', async t => {
  const dir = t.testdir({ 'a.txt': 'no certificate' })
  const [one, other] = [certify(dir, 'one'), certify(dir, 'other')]
  const none = join(dir, 'a.txt')
  for (const files of [
    { cert: one.cert, key: other.key },
    { cert: none, key: none },
    { cert: join(dir, 'nothing'), key: one.key }
  ])
    await t.rejects(
      openTls(files, () => undefined),
      { code: 'ERR_FILE' }
    )
})
