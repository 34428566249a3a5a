import { spawnSync } from 'node:child_process'
import { toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import type { MemberReport } from '../../src/diagnosis/types.ts'
import { createMetrics, type Metrics } from '../../src/observe/metrics.ts'
import type { LedgerNode } from '../../src/types.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'

const reportOf = (name: string): MemberReport => ({
  member: 'ab'.repeat(32),
  name,
  self: false,
  validator: true,
  linked: true,
  height: 7,
  view: 0,
  version: 1,
  clockSkewMs: -250,
  roundTripMs: 12,
  heardMs: 400,
  banned: false
})

/** A network whose first node is measured, and a device whose readings it took. */
async function measured(
  t: Test
): Promise<{ metrics: Metrics; node: LedgerNode; device: TestDevice; ids: readonly string[] }> {
  let node: LedgerNode | undefined
  const metrics = createMetrics({
    version: '0.1.0',
    dataDir: t.testdir(),
    status() {
      if (node === undefined) throw new Error('not started')
      return node.status()
    },
    members: () => [reportOf('Hospital "2"'), reportOf('Hospital 3')]
  })
  const others = createMetrics({
    version: '',
    dataDir: undefined,
    status: never,
    members: () => []
  })
  const network = await createTestNetwork({
    meters: k => (k === 0 ? metrics : others).meters
  })
  t.teardown(() => network.stop())
  node = network.nodes[0]!
  const device = new TestDevice({ id: node.network }, 'device')
  await node.registerDevice({ publicKey: device.publicKey, model: 'monitor', firmware: undefined })
  const ids: string[] = []
  for (let k = 0; k < 3; k++) {
    const reading = await device.read()
    const id = await node.submit({ transaction: reading.candidate.bytes, payload: reading.payload })
    await node.committed(id)
    ids.push(toHex(id))
  }
  await until('all have it', () => network.nodes.every(each => each.status().transactions === 4))
  return { metrics, node, device, ids }
}

const never = (): never => {
  throw new Error('it does not run')
}

/** The value of one series, written as Prometheus has it. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find(each => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

t.test('the figures of a node that took readings are those of its ledger', async t => {
  const { metrics, node, device, ids } = await measured(t)
  const bare = await device.read()
  await t.rejects(node.submit({ transaction: bare.candidate.bytes, payload: undefined }))
  metrics.meters.httpAnswered({ method: 'GET', route: '/v1/receipts/:id', status: 200, ms: 3 })
  metrics.meters.httpAnswered({ method: 'BREW', route: undefined, status: 404, ms: 1 })
  metrics.meters.httpAnswered({ method: 'GET', route: '/v1/events', status: 200, ms: 9e6 })
  metrics.meters.logged('something that is in no table', {})
  const text = await metrics.text()
  const value = (series: string): number | undefined => valueOf(text, `vitalchain_${series}`)

  const { height } = node.status()
  t.equal(value('running'), 1)
  t.equal(value('height'), height)
  t.equal(value('ledger_transactions'), 4)
  t.equal(value('votes'), 1)
  t.equal(value('draining'), 0)
  t.equal(value('links'), 3)
  t.equal(value('blocks_committed_total{by="consensus"}'), height)
  t.equal(value('blocks_committed_total{by="catch-up"}'), 0)
  t.equal(value('transactions_committed_total{type="statement"}'), 3)
  t.equal(value('transactions_committed_total{type="call"}'), 1)
  t.equal(value('transactions_admitted_total'), 4)
  t.equal(value('commit_wait_seconds_count'), 4)
  t.equal(value('submissions_total{outcome="accepted"}'), 4)
  t.equal(value('submissions_total{outcome="ERR_PAYLOAD_MISSING"}'), 1)
  t.equal(value('receipts_total'), 4)
  t.ok(value('committed_bytes_total')! > 4 * 200)
  t.ok(value('consensus_step_seconds_count{step="commits"}')! >= 1)
  t.equal(
    value('height_seconds_count{leads="true"}')! + value('height_seconds_count{leads="false"}')!,
    height
  )
  t.equal(value('member_height{member="Hospital 3"}'), 7)
  t.equal(value('member_clock_skew_seconds{member="Hospital \\"2\\""}'), -0.25)
  t.ok(value('disk_free_bytes')! > 0)
  t.equal(value('http_requests_total{method="other",route="none",status="404"}'), 1)
  t.equal(value('http_request_seconds_count{route="/v1/receipts/:id"}'), 1)
  t.equal(value('http_request_seconds_count{route="/v1/events"}'), undefined, 'streams are none')
  t.equal(value('events_total{event="other"}'), 1)
  t.equal(value('events_total{event="link-up"}'), 3)

  t.notMatch(text, toHex(device.id), 'no device')
  for (const id of ids) t.notMatch(text, id, 'no transaction')
  const identifiers = text.split('\n').filter(line => /"[^"]*[0-9a-f]{16}[^"]*"/.test(line))
  t.same(identifiers, [], 'no identifier at all')
})

t.test('labels are bounded, whatever comes', async t => {
  const metrics = createMetrics({
    version: '0.1.0',
    dataDir: undefined,
    status: never,
    members: () => []
  })
  const unit = { transaction: new Uint8Array(1), payload: undefined }
  for (let k = 0; k < 1_000; k++) {
    const error = Object.assign(new Error('x'), { code: `ERR_${k}` })
    metrics.meters.submitting(unit)({ error })
    metrics.meters.logged(`event ${k}`, {})
    metrics.meters.httpAnswered({ method: `M${k}`, route: undefined, status: 404, ms: 1 })
  }
  const series = (await metrics.text()).split('\n').filter(line => line.startsWith('vitalchain_'))
  t.ok(series.length < 300, `${series.length} series`)
  t.match(series, [/./])
  t.ok(series.includes('vitalchain_submissions_total{outcome="ERR_INTERNAL"} 1000'))
  t.ok(series.includes('vitalchain_running 0'))
  t.notOk(
    series.some(line => line.startsWith('vitalchain_height ')),
    'no height that was never'
  )
})

const noPromtool =
  spawnSync('promtool', ['--version']).error !== undefined &&
  'promtool is not installed (Debian: prometheus)'

t.test('promtool finds nothing to object to', { skip: noPromtool }, async t => {
  const metrics = createMetrics({
    version: '0.1.0',
    dataDir: t.testdir(),
    status: never,
    members: () => []
  })
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: await metrics.text(),
    encoding: 'utf8'
  })
  t.equal(status, 0, `${stdout}${stderr}`)
})
