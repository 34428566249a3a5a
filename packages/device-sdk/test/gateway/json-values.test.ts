import { utf8 } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import { readJsonMessage, type JsonDefaults } from '../../src/gateway/json-values.ts'
import { SENSOR_MESSAGE_BYTES_MAX, SENSOR_VALUES_MAX } from '../../src/gateway/limits.ts'

const RATE = { name: '8867-4', unit: '/min' }
const read = (text: string, defaults: JsonDefaults = RATE) => readJsonMessage(utf8(text), defaults)

t.test('a number alone is a value of what the topic measures', async t => {
  t.strictSame(read('72.5'), { values: [{ ...RATE, value: 72.5 }], id: undefined })
  t.strictSame(read(' -1e3 ').values, [{ ...RATE, value: -1000 }])
  t.strictSame(read('true').values, [{ ...RATE, value: true }])
})

t.test('a record says what it says, and the rest is as for its topic', async t => {
  t.strictSame(read('{"value":72,"time":1700000000123,"flag":"artefact","id":"a-1"}'), {
    values: [{ ...RATE, value: 72, time: 1_700_000_000_123, flag: 'artefact' }],
    id: 'a-1'
  })
  t.strictSame(read('{"value":"sinus","name":"rhythm","unit":null}').values, [
    { name: 'rhythm', unit: '/min', value: 'sinus' }
  ])
  t.strictSame(read('{"readings":[1,{"value":2}],"id":7}'), {
    values: [
      { ...RATE, value: 1 },
      { ...RATE, value: 2 }
    ],
    id: '7'
  })
})

function at(time: string, timeUnit?: 's'): number | undefined {
  const rules = timeUnit === undefined ? RATE : { ...RATE, timeUnit }
  return read(`{"value":1,"time":${time}}`, rules).values[0]?.time
}

t.test('times are kept to the millisecond, also those of a clock that is wrong', async t => {
  t.equal(at('0'), 0)
  t.equal(at('-86400000'), -86_400_000)
  t.equal(at('1700000000.123', 's'), 1_700_000_000_123)
  t.equal(at('"2023-11-14T22:13:20.123Z"'), 1_700_000_000_123)
  t.equal(at('"2023-11-15T00:13:20+02:00"'), 1_700_000_000_000)
})

t.test('what is no message of a sensor is refused with one code and does not quote it', async t => {
  const many = JSON.stringify(Array.from({ length: SENSOR_VALUES_MAX + 1 }, () => 1))
  const secret = 'Mustermann'
  for (const text of [
    '',
    secret,
    `"${secret}"`,
    '[]',
    'null',
    '{}',
    '{"value":null}',
    '{"value":[1]}',
    '{"value":1,"time":1.5}',
    '{"value":1,"time":"yesterday"}',
    '{"value":1,"time":"2023-11-14T22:13:20"}',
    '{"value":1,"flag":"fine"}',
    '{"value":1,"id":{}}',
    `{"value":1,"id":"${'x'.repeat(97)}"}`,
    '{"value":1,"unit":5}',
    '[[1]]',
    many,
    ' '.repeat(SENSOR_MESSAGE_BYTES_MAX) + '1'
  ]) {
    try {
      read(text)
      t.fail(text.slice(0, 40))
    } catch (error) {
      t.match(error, { code: 'ERR_GATEWAY_PAYLOAD' }, text.slice(0, 40))
      t.notMatch((error as Error).message, secret)
    }
  }
  t.throws(() => read('1', {}), { code: 'ERR_GATEWAY_PAYLOAD' }, 'nobody says what it is')
  t.throws(() => readJsonMessage(Uint8Array.of(0x22, 0xff, 0x22), RATE), {
    code: 'ERR_GATEWAY_PAYLOAD'
  })
})

t.test('whatever comes is read or refused, and nothing else is thrown', async t => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(utf8)), bytes => {
      try {
        readJsonMessage(bytes, RATE)
        return true
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'ERR_GATEWAY_PAYLOAD'
      }
    }),
    { numRuns: 2_000, seed: 1 }
  )
  t.pass()
})
