import { readFileSync } from 'node:fs'
import { fromHex } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import { EdgeNode } from '../../src/gateway/edge-node.ts'
import { METRICS_MAX } from '../../src/gateway/limits.ts'
import {
  decodeSparkplug,
  encodeRebirth,
  type Metric,
  type SparkplugPayload
} from '../../src/gateway/sparkplug-payload.ts'
import { metricFlag, metricTime, metricValue } from '../../src/gateway/sparkplug-values.ts'

const file = new URL('../../../../test/vectors/gateway/sparkplug.json', import.meta.url)
/** Payloads that another library made, in hexadecimal. */
const { about: _about, ...vectors } = JSON.parse(readFileSync(file, 'utf8')) as Readonly<
  Record<string, string>
>
const TIME = 1_700_000_000_000
const vector = (name: string): SparkplugPayload => decodeSparkplug(fromHex(vectors[name]!))
const named = (payload: SparkplugPayload): Record<string, Metric> =>
  Object.fromEntries(payload.metrics.map(metric => [metric.name ?? `${metric.alias}`, metric]))

t.test("payloads of Eclipse Tahu's library are read as it meant them", async t => {
  const birth = vector('dbirth')
  t.equal(birth.timestamp, BigInt(TIME + 1))
  t.equal(birth.seq, 1n)
  t.match(birth.metrics[0], { name: 'Vitals/Heart Rate', alias: 1n, datatype: 6 })
  t.strictSame(
    birth.metrics.map(metric => metricValue(metric, metric.datatype)),
    [72, 36.625, false, 'sinus']
  )
  const { metrics } = vector('types')
  const values: Record<string, unknown> = {}
  for (const metric of metrics.slice(0, 15))
    values[metric.name!] = metricValue(metric, metric.datatype)
  t.strictSame(values, {
    Int8: -5,
    Int16: -300,
    Int32: -70_000,
    Int64: -5_000_000_000,
    UInt8: 200,
    UInt16: 60_000,
    UInt32: 4_000_000_000,
    UInt64: 5_000_000_000,
    Float: 36.5,
    Double: 0.1,
    Boolean: true,
    String: 'äö',
    DateTime: TIME,
    Text: 'a note',
    UUID: '1d9e'
  })
  for (const metric of metrics.slice(15))
    t.throws(
      () => metricValue(metric, metric.datatype),
      { code: 'ERR_SPARKPLUG' },
      `${metric.name}`
    )
})

t.test('a bad or stale value is flagged, a null is no value, and each keeps its time', async t => {
  const { Bad, Good, Stale, Null, Historical, ...rest } = named(vector('quality'))
  t.equal(metricFlag(Bad!.quality), 'questionable')
  t.equal(metricFlag(Stale!.quality), 'questionable')
  t.equal(metricFlag(Good!.quality), undefined)
  t.equal(metricValue(Null!, Null!.datatype), undefined)
  t.equal(metricTime(Historical!.timestamp), TIME - 60_000)
  t.equal(metricTime(rest['No time']!.timestamp), undefined)
  t.throws(() => metricTime(2n ** 63n), { code: 'ERR_SPARKPLUG' })
})

t.test('the request for a birth is what that library makes', async t => {
  t.strictSame(decodeSparkplug(encodeRebirth(TIME)), vector('rebirth'))
})

t.test('names come from the birth, and a gap in the numbers asks for another one', async t => {
  const node = new EdgeNode()
  t.match(node.take('NBIRTH', vector('nbirth')), { isGap: false, needsBirth: false })
  t.match(node.take('DBIRTH', vector('dbirth')), { isGap: false, needsBirth: false })
  const data = node.take('DDATA', vector('ddata'))
  t.strictSame(
    data.metrics.map(({ name, datatype, metric }) => [name, metricValue(metric, datatype)]),
    [
      ['Vitals/Heart Rate', 73],
      ['Vitals/Temperature', 36.75]
    ]
  )
  t.match(data, { isGap: false, needsBirth: false })
  const after = (seq: number) => node.take('DDATA', { ...vector('ddata'), seq: BigInt(seq) })
  t.match(after(4), { isGap: true, needsBirth: true, unnamed: 0 }, '3 is missing')
  t.match(after(5), { isGap: false, needsBirth: false }, 'said once')
  t.match(node.take('DDATA', { ...vector('ddata'), seq: undefined }), { isGap: true })
})

t.test('numbers go from 255 to 0', async t => {
  const node = new EdgeNode()
  node.take('NBIRTH', vector('nbirth'))
  const data = (seq: number) => node.take('NDATA', { timestamp: 0n, seq: BigInt(seq), metrics: [] })
  for (let seq = 1; seq < 600; seq++) t.equal(data(seq % 256).isGap, false)
})

t.test('data before any birth, and after a death, asks for one; an old death does not', async t => {
  const node = new EdgeNode()
  t.match(node.take('DDATA', vector('ddata')), { isGap: true, unnamed: 2, needsBirth: true })
  node.take('NBIRTH', vector('nbirth'))
  node.take('DBIRTH', vector('dbirth'))
  const old = { ...vector('ndeath'), metrics: [] }
  t.match(node.take('NDEATH', old), { needsBirth: false })
  t.match(node.take('DDATA', vector('ddata')), { isGap: false, unnamed: 0 })
  node.take('NDEATH', vector('ndeath'))
  t.match(node.take('DDATA', { ...vector('ddata'), seq: 3n }), { isGap: true, needsBirth: true })
})

t.test('another birth forgets the aliases of the one before', async t => {
  const node = new EdgeNode()
  node.take('NBIRTH', vector('nbirth'))
  node.take('DBIRTH', vector('dbirth'))
  node.take('NBIRTH', vector('nbirth'))
  t.match(node.take('DDATA', { ...vector('ddata'), seq: 1n }), { unnamed: 2, needsBirth: true })
})

/** A metric of a birth. */
function metric(alias: number): Metric {
  return {
    name: `m${alias}`,
    alias: BigInt(alias),
    timestamp: undefined,
    datatype: 3,
    isNull: false,
    value: undefined,
    quality: undefined
  }
}

t.test('aliases without end take no memory without end', async t => {
  const node = new EdgeNode()
  for (let round = 0; round < 3; round++) {
    const metrics = Array.from({ length: METRICS_MAX }, (_, k) => metric(round * METRICS_MAX + k))
    node.take('DBIRTH', { timestamp: 0n, seq: 0n, metrics })
  }
  const [known, unknown] = [metric(0), metric(METRICS_MAX)].map(each => ({
    ...each,
    name: undefined
  }))
  const asked = { timestamp: 0n, seq: 1n, metrics: [known!, unknown!] }
  t.match(node.take('DDATA', asked), { unnamed: 1, metrics: [{ name: 'm0' }] })
})

function isReadOrRefused(bytes: Uint8Array): boolean {
  try {
    for (const metric of decodeSparkplug(bytes).metrics) {
      try {
        metricValue(metric, metric.datatype)
      } catch (error) {
        if ((error as { code?: string }).code !== 'ERR_SPARKPLUG') return false
      }
    }
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'ERR_GATEWAY_PAYLOAD'
  }
}

t.test('a payload that is cut, flipped or made up is read or refused, never more', async t => {
  for (const hex of Object.values(vectors)) {
    const bytes = fromHex(hex)
    for (let at = 0; at < bytes.length; at++) {
      if (!isReadOrRefused(bytes.subarray(0, at))) t.fail(`cut at ${at}`)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Uint8Array.from(bytes)
        flipped[at]! ^= 1 << bit
        if (!isReadOrRefused(flipped)) t.fail(`bit ${bit} of byte ${at}`)
      }
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), isReadOrRefused), {
    numRuns: 5_000,
    seed: 2
  })
  t.throws(() => decodeSparkplug(new Uint8Array(65_537)), { code: 'ERR_GATEWAY_PAYLOAD' })
  const tooMany = Uint8Array.from({ length: 2 * (METRICS_MAX + 1) }, (_, k) => (k % 2 ? 0 : 0x12))
  t.throws(() => decodeSparkplug(tooMany), { code: 'ERR_GATEWAY_PAYLOAD' })
})
