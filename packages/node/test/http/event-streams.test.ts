import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { sendEvents } from '../../src/http/event-socket.ts'
import { writeEvents } from '../../src/http/event-stream.ts'
import { createHttpApi, createRoleTokens } from '../../src/http/index.ts'
import type { CommittedEvent } from '../../src/ledger/events.ts'
import { ledgerWithDevice } from '../ledger/fixture.ts'
import { bearer, commit, startService, TOKEN } from './service.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A message of a WebSocket of events. */
interface Message {
  readonly id: string
  readonly event?: string
  readonly data?: { readonly id: string; readonly type: string; readonly statement?: string }
}

function text(response: IncomingMessage): Promise<string> {
  return response.setEncoding('utf8').reduce((all: string, chunk: string) => all + chunk, '')
}

/** Opens a WebSocket; it is cut when the test ends. */
function openSocket(
  t: Test,
  url: string,
  headers: Record<string, string> = { ...bearer() },
  protocols: string[] = ['vitalchain.events.1']
): WebSocket {
  const socket = new WebSocket(url, protocols, { headers })
  t.teardown(() => socket.terminate())
  socket.on('error', () => undefined)
  return socket
}

/** The next so many messages of a socket. */
async function take(socket: WebSocket, count: number): Promise<Message[]> {
  const messages: Message[] = []
  const done = Promise.withResolvers<void>()
  socket.on('message', (message: Buffer) => {
    if (messages.length < count) messages.push(JSON.parse(message.toString()) as Message)
    if (messages.length === count) done.resolve()
  })
  await done.promise
  return messages
}

/** The code with which an upgrade is refused. */
async function refusalOf(socket: WebSocket): Promise<string> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const { code, status } = JSON.parse(await text(response)) as { code: string; status: number }
  return `${status} ${code}`
}

/** The subprotocols by which a browser shows a token. */
function shown(token: string): string[] {
  return ['vitalchain.events.1', `vitalchain.bearer.${Buffer.from(token).toString('base64url')}`]
}

t.test('events by WebSocket, and filters', async t => {
  const service = await startService(t, 1)
  const { api, node } = service.first
  const [pump, monitor] = [await service.device('pump'), await service.device('monitor')]
  for (const device of [pump, pump, monitor, pump]) await commit(service, await device.read())
  const http = `${await api.listen({ port: 0 })}/v1/events`
  const url = http.replace('http', 'ws')
  const { transactions } = (
    await api.app.inject({ url: '/v1/transactions', headers: bearer() })
  ).json() as { transactions: { height: number; index: number; id: string }[] }

  await t.test('a socket has the same events with the same cursors', async t => {
    const all = await take(openSocket(t, url), transactions.length)
    t.same(
      all,
      transactions.map(data => ({ id: `${data.height}.${data.index}`, event: 'transaction', data }))
    )
    const { id } = all[2]!
    t.same(await take(openSocket(t, `${url}?from=${id}`), 3), all.slice(3))
    const fresh = openSocket(t, `${url}?from=latest`)
    await once(fresh, 'open')
    const next = take(fresh, 1)
    const committed = await commit(service, await pump.read())
    t.match(await next, [{ data: { id: toHex(committed) } }])
  })

  await t.test('the node leaves out what was not asked for', async t => {
    const [own] = await take(openSocket(t, `${url}?device=${toHex(monitor.id)}`), 1)
    t.match(own!.data, { type: 'statement', device: toHex(monitor.id) })
    const calls = await take(openSocket(t, `${url}?kind=call`), 2)
    t.same(
      calls.map(({ data }) => data!.type),
      ['call', 'call']
    )
    const response = await new Promise<IncomingMessage>(resolve => {
      get(`${http}?kind=readings&device=${toHex(monitor.id)}`, { headers: bearer() }, resolve)
    })
    const [chunk] = (await once(response.setEncoding('utf8'), 'data')) as [string]
    response.destroy()
    t.equal(chunk.match(/^id: /gm)?.length, 1)
  })

  await t.test(
    'a token may come as a subprotocol; nothing else than a reader is let in',
    async t => {
      const tokens = createRoleTokens(Date.now)
      const other = createHttpApi({
        node,
        token: TOKEN,
        tokens,
        allowOrigins: ['https://a.example']
      })
      t.teardown(() => other.close())
      const url = `${(await other.listen({ port: 0 })).replace('http', 'ws')}/v1/events`
      const browser = openSocket(t, url, { origin: 'https://a.example' }, shown(TOKEN))
      t.equal((await take(browser, 1)).length, 1)
      t.equal(browser.protocol, 'vitalchain.events.1', 'the token is not sent back')
      const { token: monitoring } = await tokens.create({ name: 'm', role: 'monitor' })
      for (const [refusal, address, headers, protocols] of [
        ['401 ERR_UNAUTHORIZED', url, {}, undefined],
        ['401 ERR_UNAUTHORIZED', url, {}, shown('x'.repeat(40))],
        ['403 ERR_FORBIDDEN', url, {}, shown(monitoring)],
        ['403 ERR_FORBIDDEN', url, { ...bearer(), origin: 'https://b.example' }, undefined],
        ['400 ERR_CURSOR', `${url}?from=99.0`, bearer(), undefined],
        ['400 ERR_SCHEMA', `${url}?kind=x`, bearer(), undefined],
        ['404 ERR_NOT_FOUND', `${url}/more`, bearer(), undefined]
      ] as const)
        t.equal(await refusalOf(openSocket(t, address, headers, protocols)), refusal)
    }
  )

  await t.test('a stream ends with the token that it was opened with', async t => {
    let now = Date.now()
    const tokens = createRoleTokens(() => now)
    const other = createHttpApi({ node, token: TOKEN, tokens, now: () => now })
    t.teardown(() => other.close())
    const base = `${await other.listen({ port: 0 })}/v1/events`
    const { token, id } = await tokens.create({ name: 'sink', role: 'reader' })
    const socket = openSocket(t, base.replace('http', 'ws'), { ...bearer(token) })
    const first = take(socket, 1)
    const response = await new Promise<IncomingMessage>(resolve => {
      get(base, { headers: bearer(token), agent: false }, resolve)
    })
    await first
    const [closed, rest] = [once(socket, 'close'), text(response)]
    await tokens.revoke(id)
    t.match(await closed, [1_001])
    t.match(await rest, /^id: 1\.0/)
    const short = await tokens.create({ name: 'short', role: 'reader', days: 1 })
    now += 24 * 60 * 60 * 1_000 - 50
    const ending = openSocket(t, base.replace('http', 'ws'), { ...bearer(short.token) })
    t.match(await once(ending, 'close'), [1_001], 'its day came')
  })

  await t.test('a client that speaks is closed, and so are all when the API closes', async t => {
    const [speaker, listener] = [openSocket(t, url), openSocket(t, url)]
    const end = once(listener, 'close')
    await Promise.all([take(listener, 1), take(speaker, 1)])
    speaker.send('hello')
    t.match(await once(speaker, 'close'), [1_008])
    await api.close()
    const [code, reason] = (await end) as [number, Buffer]
    t.equal(code, 1_001)
    t.match(reason.toString(), /go on from the last id/)
  })
})

/** An event of a ledger. */
async function anEvent(t: Test): Promise<CommittedEvent> {
  const { ledger } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  for await (const event of ledger.events()) return event
  throw new Error('the ledger has no event')
}

/** The event again and again; counts how often it was taken. */
function endless(event: CommittedEvent): {
  readonly taken: () => number
  readonly events: AsyncGenerator<CommittedEvent>
} {
  let taken = 0
  async function* again(): AsyncGenerator<CommittedEvent> {
    for (;;) {
      taken += 1
      if (taken % 64 === 0) await setImmediate()
      yield event
    }
  }
  return { taken: () => taken, events: again() }
}

t.test('clients that do not read take no memory and slow down no other', async t => {
  const event = await anEvent(t)
  const streams: ReturnType<typeof endless>[] = []
  const server = createServer((_request, response) => {
    const stream = endless(event)
    streams.push(stream)
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    void writeEvents(response, stream.events, gone.signal)
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket => {
    const stream = endless(event)
    streams.push(stream)
    const gone = new AbortController()
    socket.on('close', () => gone.abort())
    void sendEvents(socket, stream.events, gone.signal)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  collect()
  const before = process.memoryUsage()
  const open = (): Promise<IncomingMessage> =>
    new Promise(resolve => get({ port, host: '127.0.0.1', agent: false }, resolve))
  for (let k = 0; k < 5; k++) {
    const slow = openSocket(t, `ws://127.0.0.1:${port}`)
    await once(slow, 'open')
    slow.pause()
    ;(await open()).pause()
  }
  const slow = [...streams]
  const fast = await open()
  let bytes = 0
  for await (const chunk of fast as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > 20_000_000) break
  }
  const quick = streams.at(-1)!.taken()
  t.ok(quick > 50_000, `the quick client had ${quick} events`)
  for (const { taken } of slow) t.ok(taken() < quick / 3, `a slow one is at ${taken()}`)
  // What was sent is garbage by now: it counts only what is held.
  collect()
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.external - before.heapUsed - before.external
  t.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`)
})

t.test('a socket that takes nothing for too long is closed, with what to do then', async t => {
  const event = await anEvent(t)
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  const stream = endless(event)
  const ended = new Promise<number>(resolve => {
    sockets.on('connection', socket => {
      const gone = new AbortController()
      socket.on('close', () => gone.abort())
      void sendEvents(socket, stream.events, gone.signal, { stallMs: 50 }).then(() =>
        resolve(socket.bufferedAmount)
      )
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const client = openSocket(t, `ws://127.0.0.1:${port}`)
  await once(client, 'open')
  client.pause()
  const waiting = await ended
  t.ok(waiting < 256 * 1024, `${waiting} bytes wait in the node`)
  const closed = once(client, 'close')
  client.resume()
  const [code] = (await closed) as [number]
  // The reason comes behind what the system has taken already, if the client reads that in time.
  t.ok([4_008, 1_006].includes(code), String(code))
})

t.test('a filtered stream that finds nothing says how far it has come', async t => {
  const event = await anEvent(t)
  async function* some(signal: AbortSignal): AsyncGenerator<CommittedEvent> {
    yield { ...event, cursor: '1.0' }
    yield { ...event, cursor: '2.0' }
    await once(signal, 'abort')
  }
  const gone = new AbortController()
  const options = { filter: () => false, keepAliveMs: 10 }
  const server = createServer((_request, response) => {
    void writeEvents(response, some(gone.signal), gone.signal, options)
  })
  const sockets = new WebSocketServer({ server })
  sockets.on(
    'connection',
    socket => void sendEvents(socket, some(gone.signal), gone.signal, options)
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    gone.abort()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const response = await new Promise<IncomingMessage>(resolve => {
    get({ port, host: '127.0.0.1', agent: false }, resolve)
  })
  const [chunk] = (await once(response.setEncoding('utf8'), 'data')) as [string]
  t.equal(chunk, 'id: 2.0\n\n')
  t.same(await take(openSocket(t, `ws://127.0.0.1:${port}`), 1), [{ id: '2.0' }])
})
