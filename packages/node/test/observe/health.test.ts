import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createHttpApi } from '../../src/http/index.ts'
import type { MemberReport } from '../../src/diagnosis/types.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { notReady } from '../../src/observe/readiness.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { ask, startService, TOKEN } from '../http/service.ts'
import { until } from '../node/wait.ts'

/** What a member says, and how long ago. */
const report = (height: number, heardMs = 100): MemberReport => ({
  member: '',
  name: '',
  self: false,
  validator: true,
  linked: true,
  height,
  view: 0,
  version: 1,
  clockSkewMs: 0,
  roundTripMs: 1,
  heardMs,
  banned: false
})

t.test('a node says which software it is, that it lives, and whether to use it', async t => {
  const { first, members } = await startService(t)
  t.same((await ask(first.api, 'GET', '/livez')).json(), { status: 'ok' })
  const version = (await ask(first.api, 'GET', '/version')).json()
  t.match(version, { name: 'vitalchain', version: /^\d+\.\d+\.\d+/, runtime: process.version })
  await until('it is linked', () => first.node.status().links.length > 0)
  const ready = await ask(first.api, 'GET', '/readyz')
  t.equal(ready.status, 200)
  t.same(ready.json(), { status: 'ok' })

  await first.node.drain(AbortSignal.timeout(5_000))
  const draining = await ask(first.api, 'GET', '/readyz')
  t.equal(draining.status, 503)
  t.match(draining.json(), { code: 'ERR_NOT_READY', detail: 'this node is about to stop' })
  t.equal(draining.headers['retry-after'], '10')
  t.equal((await ask(first.api, 'GET', '/livez')).status, 200, 'it lives all the same')

  await Promise.all(members.slice(1).map(({ node }) => node.stop()))
  await until('its links are down', () => first.node.status().links.length === 0)
  t.match((await ask(first.api, 'GET', '/readyz')).json(), { detail: /no other member is linked/ })
  await first.node.stop()
  t.match((await ask(first.api, 'GET', '/readyz')).json(), { detail: 'the node does not run' })
})

t.test('a node that is behind or cannot write is not ready, whatever one liar says', async t => {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const node = network.nodes[0]!
  await until('it is linked', () => node.status().links.length === 3)
  const reasons = (
    heights: readonly MemberReport[],
    dataDir?: string
  ): Promise<readonly string[]> => notReady({ node, members: () => heights, dataDir })
  t.same(await reasons([report(1e9), report(0), report(0)]), [], 'one may lie')
  t.same(await reasons([report(1e9, 60_000), report(1e9), report(0)]), [], 'what is old is nothing')
  t.match(await reasons([report(1e9), report(500), report(0)]), ['this node is 500 blocks behind'])
  const dataDir = t.testdir({ ledger: {} })
  t.same(await reasons([], dataDir), [])
  await rm(join(dataDir, 'ledger'), { recursive: true })
  await rm(dataDir, { recursive: true })
  t.match(await reasons([], dataDir), [/cannot be written/])
})

t.test('figures are at the API only where the operator says so', async t => {
  const network = await createTestNetwork({ validators: 1 })
  const node = network.nodes[0]!
  const metrics = createMetrics({
    version: '0.1.0',
    dataDir: undefined,
    status: () => node.status(),
    members: () => node.members()
  })
  const closed = createHttpApi({ node, token: TOKEN })
  const open = createHttpApi({ node, token: TOKEN, meters: metrics.meters, metrics })
  t.teardown(async () => {
    await Promise.all([closed.close(), open.close()])
    await network.stop()
  })
  t.equal((await ask(closed, 'GET', '/metrics')).status, 404)
  await ask(open, 'GET', `/v1/receipts/${'ab'.repeat(32)}`)
  const { status, type, bytes } = await ask(open, 'GET', '/metrics')
  t.equal(status, 200)
  t.match(type, /^text\/plain; version=0\.0\.4/)
  const text = new TextDecoder().decode(bytes)
  t.match(text, 'vitalchain_member_linked{member="Hospital 1"} 1')
  t.match(text, /http_requests_total\{method="GET",route="\/v1\/receipts\/:id",status="401"\} 1/)
  t.notMatch(text, 'abab')
})
