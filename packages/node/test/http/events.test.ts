import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { decodeTransaction, toHex } from '@vitalchain/core'
import { EVENT_STREAMS_MAX } from '../../src/http/events.ts'
import { writeEvents, type EventStreamTimes } from '../../src/http/event-stream.ts'
import type { CommittedEvent, LedgerReader } from '../../src/ledger/ledger.ts'
import { ledgerWithDevice, START_MS } from '../ledger/fixture.ts'
import { bearer, commit, startService } from './service.ts'

/** One server-sent event. */
interface Sent {
  readonly id: string
  readonly event: string
  readonly data: unknown
}

/** Opens a stream; it is cut when the test ends. */
function open(
  t: Test,
  url: string,
  headers: Record<string, string> = {}
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { ...bearer(), ...headers }, agent: false }, resolve)
    request.on('error', reject)
    t.teardown(() => request.destroy())
  })
}

/** The next so many events of a stream, which is cut then; all until it ends without a number. */
async function read(response: IncomingMessage, count = Infinity): Promise<Sent[]> {
  const sent: Sent[] = []
  const fields = new Map<string, string>()
  for await (const line of createInterface({ input: response })) {
    const [name = '', value = ''] = line.split(/: (.*)/s)
    if (line !== '') fields.set(name, value)
    else if (fields.has('data')) {
      const data: unknown = JSON.parse(fields.get('data')!)
      sent.push({ id: fields.get('id')!, event: fields.get('event')!, data })
      fields.clear()
      if (sent.length >= count) break
    }
  }
  response.destroy()
  return sent
}

/** What the ledger says about the transaction at a position. */
function committedAt(ledger: LedgerReader, leaf: number): Omit<Sent, 'event'> {
  const height = ledger.heightOf(leaf)
  const { time, history, transactionCount } = ledger.header(height)!
  const index = leaf - (history.size - transactionCount)
  const { id } = decodeTransaction(ledger.transaction(leaf)!)
  return { id: `${height}.${index}`, data: { height, index, leaf, time, id: toHex(id) } }
}

t.test('events by HTTP', async t => {
  const service = await startService(t, 1)
  const { api, node } = service.first
  const device = await service.device('a monitor')
  for (let k = 0; k < 6; k++) await commit(service, await device.read())
  const url = `${await api.listen({ port: 0 })}/v1/events`
  const total = node.status().transactions
  const all = await read(await open(t, url), total)

  await t.test('are all committed transactions, each once and in order', async t => {
    t.equal(total, 7)
    t.match(
      all,
      Array.from({ length: total }, (_, leaf) => ({
        ...committedAt(node.ledger, leaf),
        event: 'transaction'
      }))
    )
  })

  await t.test('say of a statement where it stands, and of a call who made it', async t => {
    t.match(all[0]!.data, { type: 'call', method: 'devices.register', author: /^[0-9a-f]{64}$/ })
    t.same(all[2]!.data, {
      ...Object(committedAt(node.ledger, 2).data),
      type: 'statement',
      statement: 'readings',
      device: toHex(device.id),
      lane: 0,
      boot: 0,
      seq: 1,
      count: 4,
      from: START_MS,
      to: START_MS + 1_000,
      flags: 0
    })
  })

  await t.test('go on exactly behind any cursor, by header and by query', async t => {
    for (const [k, { id }] of all.slice(0, -1).entries()) {
      const rest = all.slice(k + 1)
      t.same(await read(await open(t, `${url}?from=${id}`), rest.length), rest)
      t.same(await read(await open(t, url, { 'last-event-id': id }), rest.length), rest)
    }
    const both = await open(t, `${url}?from=${all[0]!.id}`, { 'last-event-id': all[4]!.id })
    t.same(await read(both, 2), all.slice(5), 'the header is newer than the URL')
  })

  await t.test('come as they are committed', async t => {
    const response = await open(t, `${url}?from=${all.at(-1)!.id}`)
    const next = read(response, 2)
    const ids = [
      await commit(service, await device.read()),
      await commit(service, await device.read())
    ]
    t.match(
      await next,
      ids.map(id => ({ data: { id: toHex(id) } }))
    )
  })

  await t.test(
    'are refused from a cursor that no event stands at, before the stream begins',
    async t => {
      for (const cursor of ['1.7', '999999.0', '1', 'now', '-1.0', '01.0', '']) {
        const response = await open(t, url, { 'last-event-id': cursor })
        t.equal(response.statusCode, 400, cursor)
        t.equal(response.headers['content-type'], 'application/problem+json')
      }
      t.equal((await open(t, `${url}?from=1.0&from=2.0`)).statusCode, 400)
    }
  )

  await t.test('are refused to one reader too many, and not any more when one left', async t => {
    const streams = []
    for (let k = 0; k < EVENT_STREAMS_MAX; k++) streams.push(await open(t, url))
    t.equal((await open(t, url)).statusCode, 503)
    for (const stream of streams) stream.destroy()
    // The server hears of it when it next reads from the socket.
    let status
    do {
      await setImmediate()
      const probe = await open(t, url)
      status = probe.statusCode
      probe.destroy()
    } while (status === 503)
    t.equal(status, 200)
  })

  await t.test('end when the API closes', async t => {
    const response = await open(t, `${url}?from=${all[0]!.id}`)
    const rest = read(response)
    await api.close()
    t.ok((await rest).length <= total + 1)
    t.ok(response.complete, 'the stream ends as it should, it is not cut')
  })
})

async function firstEvent(ledger: LedgerReader): Promise<CommittedEvent> {
  for await (const event of ledger.events()) return event
  throw new Error('the ledger has no event')
}

/** A server whose every answer is a stream of these events. */
async function serve(
  t: Test,
  events: AsyncIterable<CommittedEvent>,
  times: EventStreamTimes = {}
): Promise<{
  readonly url: string
  readonly response: Promise<ServerResponse>
  readonly done: Promise<void>
  readonly closing: AbortController
}> {
  const started = Promise.withResolvers<ServerResponse>()
  const done = Promise.withResolvers<void>()
  const closing = new AbortController()
  const server = createServer((_request, response) => {
    response.on('close', () => closing.abort())
    started.resolve(response)
    writeEvents(response, events, closing.signal, times).then(done.resolve, done.reject)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const url = `http://127.0.0.1:${port}/`
  return { url, response: started.promise, done: done.promise, closing }
}

/** An event again and again, which counts how often it was taken. */
async function endless(t: Test): Promise<{
  readonly events: AsyncIterable<CommittedEvent>
  readonly taken: () => number
  readonly reach: (count: number) => Promise<void>
}> {
  const { ledger } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const event = await firstEvent(ledger)
  const reached = Promise.withResolvers<void>()
  let taken = 0
  let goal = Infinity
  async function* again(): AsyncGenerator<CommittedEvent> {
    for (;;) {
      taken += 1
      if (taken >= goal) reached.resolve()
      // Ten times what the sockets' buffers hold.
      if (taken > 200_000) throw new Error('nothing holds the events back')
      yield event
    }
  }
  return {
    events: again(),
    taken: () => taken,
    reach(count) {
      goal = count
      return reached.promise
    }
  }
}

/** Resolves when the buffers of both sockets are full and nothing moves. */
async function standstill(taken: () => number): Promise<void> {
  for (let still = 0, before = -1; still < 100; still = taken() === before ? still + 1 : 0) {
    before = taken()
    await setImmediate()
  }
}

t.test('a client that does not read holds the events back, not in memory', async t => {
  const { events, taken, reach } = await endless(t)
  const { url, response, done } = await serve(t, events)
  const client = await open(t, url)
  client.pause()
  await standstill(taken)
  const { writableNeedDrain, writableLength } = await response
  t.ok(writableNeedDrain)
  t.ok(writableLength < 256 * 1024, `${writableLength} bytes wait`)
  const more = reach(taken() + 1_000)
  client.resume()
  await more
  t.pass('it goes on when the client reads')
  client.destroy()
  await done
  t.pass('and ends when the client leaves')
})

t.test('a client that does not read does not hold up the close', async t => {
  const { events, taken } = await endless(t)
  const { url, response, done, closing } = await serve(t, events)
  const client = await open(t, url)
  client.pause()
  await standstill(taken)
  closing.abort()
  await done
  t.ok((await response).destroyed)
})

t.test('a client that takes nothing for too long is cut off', async t => {
  const { events } = await endless(t)
  const { url, response, done } = await serve(t, events, { stallMs: 50, keepAliveMs: 1 })
  const client = await open(t, url)
  client.pause()
  await done
  t.ok((await response).destroyed)
})

t.test('a silent stream says that it lives, which keeps it', async t => {
  const { ledger } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { cursor: from } = await firstEvent(ledger)
  const gone = new AbortController()
  t.teardown(() => gone.abort())
  const silent = ledger.events({ from, signal: gone.signal })
  const { url } = await serve(t, silent, { keepAliveMs: 10, stallMs: 50 })
  const client = await open(t, url)
  t.equal(client.headers['content-type'], 'text/event-stream')
  let text = ''
  // Twenty keep-alives take longer than the time after which a client that takes nothing is cut off.
  for await (const chunk of client.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length >= 60) break
  }
  t.match(text, /^(:\n\n){20,}$/)
})
