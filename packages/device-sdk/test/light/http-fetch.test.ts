import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { httpFetch } from '../../src/http-fetch.ts'
import { createHttpPeer, type HttpPeer } from '../../src/light/http-peer.ts'
import { systemTimers } from '../../src/timers.ts'

async function peerOf(t: Test, listener: RequestListener): Promise<HttpPeer> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return createHttpPeer(
    { url: `http://127.0.0.1:${port}`, token: 'secret' },
    { fetch: httpFetch, timers: systemTimers }
  )
}

t.test('a proof is asked for with its token, and a height without', async t => {
  const asked: unknown[] = []
  const peer = await peerOf(t, ({ url, headers }, response) => {
    asked.push([url, headers.authorization])
    response.end(url === '/v1/status' ? '{"height":7}' : Buffer.from([1, 2, 3]))
  })
  const { signal } = new AbortController()
  t.equal(await peer.height(signal), 7)
  t.same(await peer.proof('/v1/receipts/00', 3, signal), Uint8Array.of(1, 2, 3))
  t.same(asked, [
    ['/v1/status', undefined],
    ['/v1/receipts/00', 'Bearer secret']
  ])
})

t.test('an answer without an end is cut off, and its connection closed', async t => {
  let closed: Promise<unknown> | undefined
  const peer = await peerOf(t, (_request, response) => {
    closed = once(response, 'close')
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536)));
      response.once('drain', more)
    }
    more()
  })
  await t.rejects(peer.proof('/', 1_000_000, new AbortController().signal), {
    code: 'ERR_TOO_LARGE'
  })
  await closed
  t.pass('the server saw the end')
})

t.test('an answer in many small parts takes no more memory than its bytes', async t => {
  // Who keeps the parts sees in each what the last one was.
  const part = new Uint8Array(1)
  let sent = 0
  const read = async (): Promise<{ value?: Uint8Array }> => {
    if (sent === 10_000) return {}
    part[0] = sent % 251
    sent += 1
    return { value: part }
  }
  const peer = createHttpPeer(
    { url: 'https://hospital.example' },
    {
      fetch: async () => ({ status: 200, body: { getReader: () => ({ read }) } }),
      timers: systemTimers
    }
  )
  t.same(
    await peer.proof('/', 10_000, new AbortController().signal),
    Uint8Array.from({ length: 10_000 }, (_, k) => k % 251)
  )
})

t.test('a redirect is not followed, so that no token goes elsewhere', async t => {
  const asked: unknown[] = []
  const peer = await peerOf(t, ({ url }, response) => {
    asked.push(url)
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  await t.rejects(peer.proof('/here', 10, new AbortController().signal), {
    code: 'ERR_PEER_REFUSED',
    values: { status: 302 }
  })
  t.same(asked, ['/here'])
})

t.test('aborting ends a request that is not answered, or not to its end', async t => {
  for (const begin of [false, true]) {
    const abort = new AbortController()
    const peer = await peerOf(t, (_request, response) => {
      if (begin) response.write('x')
      setImmediate(() => abort.abort(new Error('enough')))
    })
    await t.rejects(peer.proof('/', 10, abort.signal), { message: 'enough' })
  }
})

t.test('who is not there cannot be reached', async t => {
  const timers = systemTimers
  for (const url of ['http://127.0.0.1:1', 'https://127.0.0.1:1']) {
    const peer = createHttpPeer({ url }, { fetch: httpFetch, timers })
    await t.rejects(peer.height(new AbortController().signal), {
      code: 'ERR_PEER_UNREACHABLE',
      retryable: true
    })
  }
})
