import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { VitalchainError } from '@vitalchain/core'
import type { RequestHandler, RequestLimits } from '../../src/network/index.ts'
import { collect, createNode, memberPeer, startMembers, text, until } from './nodes.ts'

const MEMBERS_ONLY: RequestLimits = { access: 'members', maxRequestBytes: 1000, timeoutMs: 5_000 }
const ANYONE: RequestLimits = { ...MEMBERS_ONLY, access: 'anyone' }
const OPTIONS = { maxResponseBytes: 1_000_000 }

const echo: RequestHandler = async request => request

t.test('a member asks a member by its id and gets one part or many', async t => {
  const { nodes } = await startMembers(t, 2, ({ network }) => {
    network.handleRequest('echo', MEMBERS_ONLY, async (request, { member }) =>
      Buffer.concat([request, member!])
    )
    network.handleRequest('count', MEMBERS_ONLY, async request => {
      const parts = async function* (): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < request[0]!; i++) {
          yield new Uint8Array(10_000).fill(i)
        }
      }
      return parts()
    })
  })
  const [asker, server] = [nodes[0]!, nodes[1]!]
  const [one] = await collect(
    asker.network.request(server.member, 'echo', Buffer.from('hi'), OPTIONS)
  )
  t.strictSame(Buffer.from(one!), Buffer.concat([Buffer.from('hi'), asker.member]))

  const many = await collect(
    asker.network.request(server.member, 'count', Uint8Array.of(50), OPTIONS)
  )
  t.equal(many.length, 50)
  t.strictSame(
    many.map(part => part[9_999]),
    Array.from({ length: 50 }, (_, i) => i)
  )
  await t.rejects(
    collect(
      asker.network.request(server.member, 'count', Uint8Array.of(50), { maxResponseBytes: 99_999 })
    ),
    { code: 'ERR_RESPONSE_TOO_LARGE' }
  )
})

t.test('errors reach the asker with their code and without foreign text', async t => {
  const { nodes } = await startMembers(t, 2, ({ network }) => {
    network.handleRequest('own', MEMBERS_ONLY, async () => {
      throw new VitalchainError('ERR_NO_SUCH_BLOCK', 'height 7 is not here', { retryable: true })
    })
    network.handleRequest('foreign', MEMBERS_ONLY, async () => {
      throw new Error('secret')
    })
    network.handleRequest('late', MEMBERS_ONLY, async () => failingLate())
    network.handleRequest('slow', { ...MEMBERS_ONLY, timeoutMs: 30 }, () => new Promise(() => {}))
    network.handleRequest('echo', MEMBERS_ONLY, echo)
  })
  const ask = (name: string, bytes = Buffer.from('x')) =>
    collect(nodes[0]!.network.request(nodes[1]!.member, name, bytes, OPTIONS))
  await t.rejects(ask('own'), { code: 'ERR_NO_SUCH_BLOCK', retryable: true })
  await t.rejects(ask('foreign'), { code: 'ERR_INTERNAL', message: /^internal error$/ })
  await t.rejects(ask('late'), { code: 'ERR_NO_SUCH_BLOCK' })
  await t.rejects(ask('slow'), { code: 'ERR_TIMEOUT', retryable: true })
  await t.rejects(ask('absent'), { code: 'ERR_UNKNOWN_PROTOCOL' })
  await t.rejects(ask('echo', Buffer.alloc(1001)), { code: 'ERR_FRAME_TOO_LARGE' })
  await t.rejects(ask('echo', Buffer.alloc(3_000_000)), { code: 'ERR_FRAME_TOO_LARGE' })
  t.equal((await ask('echo', Buffer.alloc(1000))).length, 1)
})

t.test('a stranger is refused where only members may ask, and served where anyone may', async t => {
  let asked = 0
  const { nodes } = await startMembers(t, 1, ({ network }) => {
    network.handleRequest('blocks', MEMBERS_ONLY, async request => {
      asked += 1
      return request
    })
    network.handleRequest('clock', ANYONE, async (_, { member, peer }) =>
      Buffer.from(`${String(member)} ${peer}`)
    )
  })
  const stranger = createNode(t, 'asking stranger', { listen: [] })
  await stranger.network.start()
  const address = nodes[0]!.network.addresses()[0]!
  await t.rejects(collect(stranger.network.request(address, 'blocks', Buffer.from('x'), OPTIONS)), {
    code: 'ERR_NOT_A_MEMBER',
    retryable: false
  })
  t.equal(asked, 0)
  const [answer] = await collect(
    stranger.network.request(address, 'clock', Buffer.from('x'), OPTIONS)
  )
  t.equal(text(answer!), `undefined ${stranger.network.peer}`)
})

t.test('a peer with too many requests in work is told to come back', async t => {
  const gate = Promise.withResolvers<void>()
  let working = 0
  const { nodes } = await startMembers(t, 1, ({ network }) => {
    network.handleRequest('wait', ANYONE, async request => {
      working += 1
      await gate.promise
      return request
    })
  })
  const stranger = createNode(t, 'busy stranger', { listen: [] })
  await stranger.network.start()
  const ask = () =>
    collect(
      stranger.network.request(nodes[0]!.network.addresses()[0]!, 'wait', Buffer.from('x'), OPTIONS)
    )
  const first = Array.from({ length: 32 }, ask)
  await until(() => working === 32)
  await t.rejects(ask(), { code: 'ERR_BUSY', retryable: true })
  gate.resolve()
  t.equal((await Promise.all(first)).length, 32)
  t.equal((await ask()).length, 1, 'slots are given back')
})

t.test('an aborted request ends at both sides with the reason', async t => {
  let ended = false
  let asks = 0
  const { nodes } = await startMembers(t, 2, ({ network }) => {
    network.handleRequest('wait', MEMBERS_ONLY, (_, __, signal) => {
      asks += 1
      signal.addEventListener('abort', () => {
        ended = true
      })
      return new Promise(() => {})
    })
  })
  const controller = new AbortController()
  const asked = collect(
    nodes[0]!.network.request(nodes[1]!.member, 'wait', Buffer.from('x'), {
      ...OPTIONS,
      signal: controller.signal
    })
  )
  const reason = new Error('changed my mind')
  const rejected = t.rejects(asked, reason)
  await until(() => asks === 1)
  controller.abort(reason)
  await rejected
  await until(() => ended)

  // A reader that stops early ends the answer too.
  await t.rejects(
    collect(
      nodes[0]!.network.request(nodes[1]!.member, 'wait', Buffer.from('x'), {
        ...OPTIONS,
        timeoutMs: 30
      })
    ),
    { code: 'ERR_TIMEOUT' }
  )
})

t.test('an answer that is cut off is an error, not a short answer', async t => {
  const { nodes } = await startMembers(t, 2, ({ network }) => {
    network.handleRequest('cut', MEMBERS_ONLY, async () => stuckLate())
  })
  const got: Uint8Array[] = []
  await t.rejects(
    async () => {
      const parts = nodes[0]!.network.request(nodes[1]!.member, 'cut', Buffer.from('x'), OPTIONS)
      for await (const part of parts) {
        got.push(part)
        void nodes[1]!.network.stop()
      }
    },
    { code: 'ERR_CONNECTION_LOST', retryable: true }
  )
  t.equal(got.length, 1)
  await t.rejects(
    collect(nodes[0]!.network.request(nodes[1]!.member, 'cut', Buffer.from('x'), OPTIONS)),
    { code: 'ERR_UNREACHABLE', retryable: true }
  )
})

t.test(
  'a session runs both ways for a stranger, with back-pressure, until one side closes',
  async t => {
    const seen: string[] = []
    const { nodes } = await startMembers(t, 1, ({ network }) => {
      network.handleStream('session', { maxFrameBytes: 70_000 }, async (frames, { member }) => {
        t.equal(member, undefined)
        for await (const frame of frames.read()) {
          if (frame.length < 100) {
            seen.push(text(frame))
          }
          await frames.write(Buffer.from(`got ${frame.length}`))
        }
        seen.push('end')
      })
    })
    const device = createNode(t, 'device', { listen: [] })
    await device.network.start()
    const address = nodes[0]!.network.addresses()[0]!
    const session = await device.network.openStream(address, 'session')
    await session.write(Buffer.from('hello'))
    const answers = session.read()[Symbol.asyncIterator]()
    t.equal(await nextText(answers), 'got 5')

    // Ten megabytes against a reader that answers each piece: nothing is lost, nothing is reordered.
    const writing = (async () => {
      for (let i = 0; i < 150; i++) {
        await session.write(new Uint8Array(60_000 + i))
      }
      await session.close()
    })()
    for (let i = 0; i < 150; i++) {
      const answer = await nextText(answers)
      if (answer !== `got ${60_000 + i}`) {
        t.fail(`answer ${i} is ${answer}`)
      }
    }
    t.equal(await nextText(answers), 'the end')
    await writing
    t.strictSame(seen, ['hello', 'end'])

    const rude = await device.network.openStream(address, 'session')
    await rude.write(new Uint8Array(70_001))
    await t.rejects(collect(rude.read()), { code: 'ERR_CONNECTION_LOST' })
  }
)

t.test('a writer waits while the other side does not read', async t => {
  const gate = Promise.withResolvers<void>()
  let received = 0
  const { nodes } = await startMembers(t, 1, ({ network }) => {
    network.handleStream('sink', { maxFrameBytes: 200_000 }, async frames => {
      await gate.promise
      for await (const frame of frames.read()) {
        received += frame.length
      }
    })
  })
  const device = createNode(t, 'pushing device', { listen: [] })
  await device.network.start()
  const stream = await device.network.openStream(nodes[0]!.network.addresses()[0]!, 'sink')
  let written = 0
  const writing = (async () => {
    for (let i = 0; i < 200; i++) {
      await stream.write(new Uint8Array(100_000))
      written += 100_000
    }
    await stream.close()
  })()
  let before = -1
  while (before !== written) {
    before = written
    await delay(50)
  }
  t.ok(written < 3_000_000, `stopped after ${written} bytes`)
  gate.resolve()
  await writing
  await until(() => received === 20_000_000)
  t.equal(written, 20_000_000)
})

t.test('names are declared once and before start', async t => {
  const node = createNode(t, 'declaring')
  node.network.handleRequest('echo', ANYONE, echo)
  t.throws(() => node.network.handleStream('no spaces', { maxFrameBytes: 1 }, async () => {}), {
    code: 'ERR_PROTOCOL_NAME'
  })
  t.throws(() => node.network.handleRequest('echo', ANYONE, echo), { code: 'ERR_NETWORK_DECLARED' })
  t.throws(() => node.network.broadcast(Buffer.from('x')), { code: 'ERR_NOT_STARTED' })
  await node.network.start()
  t.throws(() => node.network.handleRequest('more', ANYONE, echo), {
    code: 'ERR_NETWORK_DECLARED'
  })
  t.same(node.network.peers(), [])
  t.equal(memberPeer(node).addresses.length, 1)
})

async function nextText(frames: AsyncIterator<Uint8Array, unknown>): Promise<string> {
  const next = await frames.next()
  return next.done === true ? 'the end' : text(next.value)
}

async function* failingLate(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(1)
  throw new VitalchainError('ERR_NO_SUCH_BLOCK', 'height 8 is not here')
}

async function* stuckLate(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(1)
  yield await new Promise(() => {})
}
