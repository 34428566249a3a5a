import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { equalBytes, fromHex, toHex } from '../../src/bytes.ts'
import {
  deviceAnswerFormat,
  deviceRequestFormat,
  type DeviceAnswer,
  type DeviceRequest
} from '../../src/device/messages.ts'
import { signSession } from '../../src/device/session.ts'
import type { Format } from '../../src/encoding/schema.ts'
import { isVitalchainError } from '../../src/errors.ts'
import {
  PAYLOAD_BYTES_MAX,
  RECEIPT_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  VALIDATORS_MAX
} from '../../src/ledger/limits.ts'
import { refusesField } from '../ledger/fields.ts'
import { seed, testSigner } from '../ledger/small-ledger.ts'

const hash = seed('hash')
const session = await signSession(testSigner('es256', 'device'), {
  network: hash,
  device: hash,
  challenge: hash,
  node: hash
})

const requests: readonly DeviceRequest[] = [
  { type: 'session', request: 0, session },
  { type: 'submit', request: 1, transaction: fromHex('0102'), payload: fromHex('03') },
  { type: 'submit', request: 2, transaction: fromHex('0102'), payload: undefined },
  {
    type: 'submit',
    request: 0xffff_ffff,
    transaction: new Uint8Array(TRANSACTION_BYTES_MAX),
    payload: new Uint8Array(PAYLOAD_BYTES_MAX)
  },
  { type: 'head', request: 3, lane: 1 },
  { type: 'receipt', request: 4, id: hash },
  { type: 'greeting', request: 5, nonce: hash },
  { type: 'time', request: 5, nonce: hash }
]

const answers: readonly DeviceAnswer[] = [
  { type: 'hello', network: hash, node: hash, challenge: hash },
  { type: 'done', request: 1 },
  {
    type: 'refused',
    request: 2,
    code: 'ERR_PLACE_TAKEN',
    message: 'a statement stands at this place already',
    retryable: false
  },
  { type: 'head', request: 3, lane: undefined },
  { type: 'head', request: 3, lane: { boot: 2, seq: 5, head: hash } },
  { type: 'receipt', id: hash, receipt: new Uint8Array(RECEIPT_BYTES_MAX) },
  { type: 'receipt', id: hash, receipt: fromHex('01') },
  { type: 'greeting', network: hash, node: hash, challenge: hash, proof: new Uint8Array(64) },
  { type: 'time', request: 5, answers: [] },
  {
    type: 'time',
    request: 5,
    answers: Array.from({ length: VALIDATORS_MAX }, (_, clock) => ({
      member: hash,
      clock,
      signature: new Uint8Array(64)
    }))
  }
]

/** The message of a frame, which must be the frame's only form. Bytes are compared, not megabytes of numbers. */
function comesBack<T>(t: Test, format: Format<T>, message: T): void {
  const frame = format.encode(message)
  const read = format.decode(frame)
  t.ok(equalBytes(format.encode(read), frame))
  if (frame.length < 1_000) t.strictSame(read, message)
}

t.test('every message comes back from its frame, the largest included', async t => {
  for (const request of requests) comesBack(t, deviceRequestFormat, request)
  for (const answer of answers) comesBack(t, deviceAnswerFormat, answer)
})

t.test('the frames are short enough for a device to write by hand', async t => {
  t.equal(toHex(deviceRequestFormat.encode({ type: 'head', request: 3, lane: 1 })), '83030301')
  t.equal(toHex(deviceAnswerFormat.encode({ type: 'done', request: 1 })), '820201')
})

function request(at: number): Uint8Array {
  return deviceRequestFormat.encode(requests[at]!)
}

function answer(at: number): Uint8Array {
  return deviceAnswerFormat.encode(answers[at]!)
}

t.test("the limits of the messages' fields hold", async t => {
  refusesField(t, deviceRequestFormat, request(0), [2], [new Uint8Array(513), null])
  refusesField(t, deviceRequestFormat, request(1), [0], [0, 5, '2'])
  refusesField(t, deviceRequestFormat, request(1), [1], [2 ** 32])
  refusesField(t, deviceRequestFormat, request(1), [2], [new Uint8Array(TRANSACTION_BYTES_MAX + 1)])
  refusesField(t, deviceRequestFormat, request(1), [3], [new Uint8Array(PAYLOAD_BYTES_MAX + 1)])
  refusesField(t, deviceRequestFormat, request(4), [2], [2])
  refusesField(t, deviceRequestFormat, request(5), [2], [new Uint8Array(31)])
  for (const at of [1, 2, 3])
    refusesField(t, deviceAnswerFormat, answer(0), [at], [new Uint8Array(31), new Uint8Array(33)])
  refusesField(t, deviceAnswerFormat, answer(2), [2], ['x'.repeat(65)])
  refusesField(t, deviceAnswerFormat, answer(2), [3], ['x'.repeat(257), 'one\ntwo'])
  refusesField(t, deviceAnswerFormat, answer(2), [4], [0])
  refusesField(
    t,
    deviceAnswerFormat,
    answer(4),
    [2],
    [
      [2 ** 32, 0, hash],
      [1, 2]
    ]
  )
  refusesField(t, deviceAnswerFormat, answer(6), [2], [null])
  refusesField(t, deviceRequestFormat, request(7), [2], [new Uint8Array(31), new Uint8Array(33)])
  const said = [hash, 0, new Uint8Array(64)]
  refusesField(
    t,
    deviceAnswerFormat,
    answer(8),
    [2],
    [
      null,
      [said.slice(1)],
      [[hash, -1, new Uint8Array(64)]],
      Array.from({ length: VALIDATORS_MAX + 1 }, () => said)
    ]
  )
})

/** Bytes near a valid frame: cut, grown, or with some of them changed. */
function mutated(frames: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(400), byte: fc.nat(255) })
  return fc
    .tuple(
      fc.constantFrom(...frames),
      fc.array(change, { maxLength: 4 }),
      fc.nat(500),
      fc.uint8Array({ maxLength: 3 })
    )
    .map(([frame, changes, length, tail]) => {
      const bytes = Uint8Array.from([
        ...frame.subarray(0, Math.max(1, frame.length - (length > 400 ? length - 400 : 0))),
        ...(length % 7 === 0 ? tail : [])
      ])
      for (const { at, byte } of changes) bytes[at % bytes.length] = byte
      return bytes
    })
}

function survives<T>(format: Format<T>, small: readonly T[]): number {
  const frames = small.map(each => format.encode(each)).filter(frame => frame.length < 1_000)
  let accepted = 0
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(frames)), bytes => {
      try {
        const message = format.decode(bytes)
        accepted += 1
        return toHex(format.encode(message)) === toHex(bytes)
      } catch (error) {
        return isVitalchainError(error)
      }
    }),
    { numRuns: 10_000, seed: 3 }
  )
  return accepted
}

t.test(
  'whatever a peer sends, the answer is a message with exactly these bytes or an error of ours',
  async t => {
    t.ok(survives(deviceRequestFormat, requests) > 100, 'some mutations are valid messages')
    t.ok(survives(deviceAnswerFormat, answers) > 100, 'some mutations are valid messages')
  }
)
