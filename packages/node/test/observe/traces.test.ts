import { context, propagation, trace, SpanStatusCode } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan
} from '@opentelemetry/sdk-trace-base'
import { fastify } from 'fastify'
import { toHex } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { traceRequests } from '../../src/observe/trace-context.ts'
import { createTraces } from '../../src/observe/traces.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import type { LedgerNode } from '../../src/types.ts'
import { TestDevice } from '../ledger/fixture.ts'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
trace.setGlobalTracerProvider(provider)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())

async function traced(t: Test): Promise<{ node: LedgerNode; device: TestDevice }> {
  const network = await createTestNetwork({ meters: () => createTraces() })
  t.teardown(() => network.stop())
  const node = network.nodes[1]!
  const device = new TestDevice({ id: node.network }, 'device')
  await node.registerDevice({ publicKey: device.publicKey, model: 'monitor', firmware: undefined })
  exporter.reset()
  return { node, device }
}

const ms = ([seconds, nanos]: ReadableSpan['startTime']): number => seconds * 1e3 + nanos / 1e6

t.test('a transaction is one trace from the hand-over to its receipt', async t => {
  const { node, device } = await traced(t)
  const app = fastify()
  traceRequests(app)
  t.teardown(() => app.close())
  let id = new Uint8Array(0)
  app.post('/submit', async () => {
    const reading = await device.read()
    id = Uint8Array.from(
      await node.submit({ transaction: reading.candidate.bytes, payload: reading.payload })
    )
    return { id: toHex(id) }
  })
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  await app.inject({
    method: 'POST',
    url: '/submit',
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    body: { some: 'body' }
  })
  await node.committed(id)

  const spans = new Map(exporter.getFinishedSpans().map(span => [span.name, span]))
  t.same([...spans.keys()].toSorted(), [
    'vitalchain.consensus',
    'vitalchain.pool',
    'vitalchain.receipt',
    'vitalchain.submit',
    'vitalchain.transaction'
  ])
  for (const span of spans.values()) t.equal(span.spanContext().traceId, traceId, span.name)
  const whole = spans.get('vitalchain.transaction')!
  t.equal(whole.parentSpanContext?.spanId, '00f067aa0ba902b7')
  t.match(whole.attributes, {
    'vitalchain.transaction.id': toHex(id),
    'vitalchain.transaction.type': 'statement',
    'vitalchain.height': 2,
    'vitalchain.committed.by': 'consensus'
  })
  const parts = ['submit', 'pool', 'consensus'].map(name => spans.get(`vitalchain.${name}`)!)
  for (const part of parts) t.equal(part.parentSpanContext?.spanId, whole.spanContext().spanId)
  for (const [k, part] of parts.entries()) {
    const next = parts[k + 1]
    if (next !== undefined) t.ok(ms(part.endTime) <= ms(next.startTime) + 1, 'one after the other')
  }
  t.notMatch(JSON.stringify([...spans.values()].map(span => span.attributes)), toHex(device.id))
})

t.test('a refusal is a span with its code, and nothing is followed', async t => {
  const { node, device } = await traced(t)
  const reading = await device.read()
  const unit = { transaction: reading.candidate.bytes, payload: new Uint8Array(3) }
  await t.rejects(node.submit(unit), { code: 'ERR_PAYLOAD_DIGEST' })
  t.match(
    exporter.getFinishedSpans().map(({ name, status }) => ({ name, status })),
    ['vitalchain.submit', 'vitalchain.transaction'].map(name => ({
      name,
      status: { code: SpanStatusCode.ERROR, message: 'ERR_PAYLOAD_DIGEST' }
    }))
  )
})

t.test('what is handed over twice is followed once', async t => {
  const { node, device } = await traced(t)
  const reading = await device.read()
  const unit = { transaction: reading.candidate.bytes, payload: reading.payload }
  const [id] = await Promise.all([node.submit(unit), node.submit(unit)])
  await node.committed(id)
  const names = exporter.getFinishedSpans().map(({ name }) => name)
  t.equal(names.filter(name => name === 'vitalchain.transaction').length, 2, 'both have an answer')
  t.equal(names.filter(name => name === 'vitalchain.consensus').length, 1)
})
