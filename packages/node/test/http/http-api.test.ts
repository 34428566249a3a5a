import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { createHttpApi, type HttpApi } from '../../src/http/index.ts'
import { publicCodes, toProblem } from '../../src/http/problem.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { createLedgerNode } from '../../src/node.ts'
import type { LedgerNode } from '../../src/types.ts'
import { foundNetwork } from '../../src/testing/found-network.ts'
import { ask, post, TOKEN } from './service.ts'

useCryptoBackend(nodeCryptoBackend)

/** A node that is not started, with what a test changes of it. */
function idleNode(changed: Partial<LedgerNode> = {}): LedgerNode {
  const { document, members } = foundNetwork({ names: ['One'], created: 0 })
  const node = createLedgerNode({ genesis: document, keys: { transport: members[0]!.transport } })
  return Object.defineProperties(node, Object.getOwnPropertyDescriptors(changed))
}

function idleApi(changed: Partial<LedgerNode> = {}, logged: string[] = []): HttpApi {
  return createHttpApi({
    node: idleNode(changed),
    token: TOKEN,
    log: (event, values) => logged.push(`${event} ${JSON.stringify(values)}`)
  })
}

t.test('a host that others can reach is refused, unless that is allowed', async t => {
  const api = idleApi()
  t.teardown(() => api.close())
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'hospital.example', '127.evil.example'])
    await t.rejects(api.listen({ host, port: 0 }), { code: 'ERR_NOT_LOOPBACK' }, host)
  t.match(await api.listen({ host: '0.0.0.0', port: 0, allowRemote: true }), /^http:/)
})

t.test('loopback is the default', async t => {
  const api = idleApi()
  t.teardown(() => api.close())
  const url = await api.listen({ port: 0 })
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal((await fetch(`${url}/livez`)).status, 200)
})

t.test('a token that can be guessed, or that no header can carry, is refused', async t => {
  for (const token of ['', 'secret', 'x'.repeat(31), ' '.repeat(40), `${'x'.repeat(40)}\n`])
    t.throws(() => createHttpApi({ node: idleNode(), token }), { code: 'ERR_TOKEN' })
})

t.test(
  'a fault of the node is told without a word of it, and logged without the request',
  async t => {
    const logged: string[] = []
    const fault = new TypeError('patient 4711 at /home/node/secret.ts')
    const api = idleApi({ submit: () => Promise.reject(fault) }, logged)
    const answer = await post(api, Uint8Array.of(0x82, 0x41, 1, 0xf6), {
      authorization: `Bearer ${TOKEN}`
    })
    t.same(answer.json(), {
      type: '/errors#ERR_INTERNAL',
      title: 'Internal error',
      status: 500,
      code: 'ERR_INTERNAL',
      retryable: true
    })
    t.same(logged, [
      'http request failed {"route":"/v1/transactions","code":"ERR_INTERNAL","name":"TypeError"}'
    ])
  }
)

t.test("a fault of the node's disk keeps its code to the log", async t => {
  const logged: string[] = []
  const fault = new VitalchainError('ERR_STORE', 'the store cannot be read')
  const api = idleApi({ submit: () => Promise.reject(fault) }, logged)
  const answer = await post(api, Uint8Array.of(0x82, 0x41, 1, 0xf6))
  t.match(answer.json(), { status: 500, code: 'ERR_INTERNAL' })
  t.notOk('detail' in answer.json())
  t.match(logged[0], /"route":"\/v1\/transactions","code":"ERR_STORE"/)
})

t.test('a node at its limit says when to come again', async t => {
  for (const [code, status, retryAfter] of [
    ['ERR_BUSY', 503, '1'],
    ['ERR_QUOTA', 429, '900']
  ] as const) {
    const refusal = new VitalchainError(code, 'not now', { retryable: true })
    const api = idleApi({ submit: () => Promise.reject(refusal) })
    const answer = await post(api, Uint8Array.of(0x82, 0x41, 1, 0xf6))
    t.equal(answer.headers['retry-after'], retryAfter)
    t.match(answer.json(), { code, status, retryable: true })
  }
})

t.test('another media type, or none, is refused as a problem', async t => {
  const api = idleApi()
  for (const type of ['application/json', 'text/plain', 'application/cose', 'nonsense']) {
    const answer = await post(api, Uint8Array.of(0x80), { 'content-type': type })
    t.match(answer.json(), { status: 415, code: 'ERR_MEDIA_TYPE' }, type)
  }
  t.equal((await ask(api, 'POST', '/v1/transactions')).status, 415)
})

t.test('what is not even HTTP is answered with a problem', async t => {
  const api = idleApi()
  t.teardown(() => api.close())
  const { port } = new URL(await api.listen({ port: 0 }))
  const socket = connect(Number(port), '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => {
    text += String(chunk)
  })
  socket.write('not http at all\r\n\r\n')
  await once(socket, 'close')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/)
  t.match(JSON.parse(body), { status: 400, code: 'ERR_REQUEST' })
})

t.test(
  'every code of an admission that names what is wrong with a transaction reaches its sender',
  t => {
    // Faults of the network's founders or of this node's code and disk; the sender can do nothing about them.
    const internal = new Set([
      'ERR_CONTRACTS',
      'ERR_STATE',
      'ERR_CONTRACT_FAILED',
      'ERR_KEY_IN_USE'
    ])
    const known = publicCodes()
    const packages = new URL('../../../', import.meta.url)
    const folders = ['contracts/src/', 'node/src/pool/'].map(path => new URL(path, packages))
    const codes = folders.flatMap(folder =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        // Proofs are read by verifiers, not admitted.
        .filter(name => name.endsWith('.ts') && name !== 'proofs.ts')
        .flatMap(
          name => readFileSync(new URL(name, folder), 'utf8').match(/'ERR_[A-Z_0-9]+'/g) ?? []
        )
        .map(quoted => quoted.slice(1, -1))
    )
    t.ok(codes.length > 20)
    t.same(
      [...new Set(codes)].filter(code => !known.includes(code) && !internal.has(code)).toSorted(),
      []
    )
    t.end()
  }
)

t.test('an error that only looks like ours says nothing', t => {
  for (const error of [undefined, 'text', { code: 'ERR_BUSY' }, new Error('ERR_BUSY')])
    t.match(toProblem(error).problem, { status: 500, code: 'ERR_INTERNAL' })
  t.end()
})

t.test('the reference lists exactly the codes that clients see, with their status', t => {
  const reference = readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8')
  const rows = [...reference.matchAll(/^\| (\d{3}) +\| (.*)\|$/gm)]
  const listed = rows.flatMap(([, status, codes = '']) =>
    [...codes.matchAll(/`(ERR_\w+)`/g)].map(([, code = '']) => ({ code, status: Number(status) }))
  )
  for (const { code, status } of listed)
    t.equal(toProblem(new VitalchainError(code, '')).problem.status, status, code)
  t.same(listed.map(({ code }) => code).toSorted(), ['ERR_INTERNAL', ...publicCodes()].toSorted())
  t.end()
})
