import t from 'tap'
import { createHttpApi } from '../../src/http/index.ts'
import { createRateLimit } from '../../src/http/rate-limit.ts'
import { clientName } from '../../src/http/server.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { TOKEN } from './service.ts'

/** How many of so many requests are let through. */
function taken(take: () => void, count: number): number {
  let through = 0
  for (let k = 0; k < count; k++) {
    try {
      take()
      through += 1
    } catch {
      // Refused.
    }
  }
  return through
}

t.test('a client has its burst, then its rate, and others are not touched', t => {
  let now = 0
  const limit = createRateLimit({ perSecond: 10, burst: 20 }, () => now)
  t.equal(
    taken(() => limit.take('a'), 100),
    20
  )
  t.throws(() => limit.take('a'), { code: 'ERR_RATE', retryable: true, values: { retryAfterS: 1 } })
  limit.take('b')
  now += 500
  t.equal(
    taken(() => limit.take('a'), 100),
    5
  )
  now -= 10_000
  t.throws(() => limit.take('a'), { code: 'ERR_RATE' }, 'a clock that is set back gives nothing')
  t.end()
})

t.test('what is more work counts for more, and never for more than there is room for', t => {
  const limit = createRateLimit({ perSecond: 10, burst: 20 }, () => 0)
  t.equal(
    taken(() => limit.take('a', 8), 5),
    2
  )
  t.throws(() => limit.take('a', 8), { code: 'ERR_RATE', values: { retryAfterS: 1 } })
  limit.take('a', 4)
  limit.take('b', 1_000)
  t.throws(() => limit.take('b'), { code: 'ERR_RATE' })
  t.end()
})

t.test('who asks slowly is told how long to wait', t => {
  const limit = createRateLimit({ perSecond: 0.1, burst: 1 }, () => 0)
  limit.take('a')
  t.throws(() => limit.take('a'), { code: 'ERR_RATE', values: { retryAfterS: 10 } })
  t.end()
})

t.test(
  'the table is bounded: strangers beyond it share one rate, who was there keeps its own',
  t => {
    let now = 0
    const limit = createRateLimit({ perSecond: 1, burst: 10 }, () => now, 100)
    for (let k = 0; k < 100; k++) limit.take(`client ${k}`)
    t.equal(
      taken(() => limit.take(`stranger ${Math.random()}`), 50),
      10
    )
    t.equal(
      taken(() => limit.take('client 7'), 50),
      9
    )
    now += 60_000
    t.equal(
      taken(() => limit.take('a newcomer'), 50),
      10,
      'those whose bucket is full again made room'
    )
    t.end()
  }
)

t.test('beyond its rate a client gets 429 with Retry-After, whatever it shows', async t => {
  const network = await createTestNetwork({ validators: 1 })
  t.teardown(() => network.stop())
  const api = createHttpApi({
    node: network.nodes[0]!,
    token: TOKEN,
    clientRate: { perSecond: 1, burst: 3 },
    trustProxies: ['127.0.0.1'],
    now: () => 0
  })
  const ask = async (client: string): Promise<{ status: number; after: unknown }> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'x-forwarded-for': client }
    const answer = await api.app.inject({ url: '/v1/status', headers })
    return { status: answer.statusCode, after: answer.headers['retry-after'] }
  }
  const one = '2001:db8::1:2:3'
  for (let k = 0; k < 3; k++) t.equal((await ask(one)).status, 200)
  t.same(await ask(one), { status: 429, after: '1' })
  t.equal((await ask('192.0.2.7')).status, 200)
})

t.test('a host counts once, whichever address of its network it takes', t => {
  const same = [
    ['2001:db8::1:2:3:4', '2001:db8::ffff:2:3:4', '2001:db8:0:0:5:6:7:8', '2001:db8::9'],
    ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2:a::b'],
    ['2001:db8:0:7::1', '2001:db8:0:7:1:2:3:4'],
    ['fe80::1%eth0', 'fe80::2:3%eth0'],
    ['64:ff9b::1.2.3.4', '64:ff9b::5:6']
  ]
  for (const addresses of same)
    t.equal(new Set(addresses.map(clientName)).size, 1, addresses.join(' '))
  const apart = [
    '2001:db8::1',
    '2001:db8:0:1::1',
    '2001:db9::1',
    '::1',
    '::ffff:192.0.2.1',
    '::ffff:192.0.2.2'
  ]
  t.equal(new Set(apart.map(clientName)).size, apart.length)
  t.equal(clientName('192.0.2.1'), '192.0.2.1')
  t.equal(clientName('not an address'), 'not an address')
  t.end()
})
