import * as fc from 'fast-check'
import t from 'tap'
import { decodeFrames, encodeFrame, FRAME_BYTES_MAX } from '../../src/network/framing.ts'
import { decodeEnvelope, encodeData, encodeEnd, encodeError } from '../../src/network/envelope.ts'
import { VitalchainError } from '@vitalchain/core'
import { collect } from './nodes.ts'

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let offset = 0
  for (let i = 0; offset < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.subarray(offset, offset + size)
    offset += size
  }
}

t.test('a frame is its length in four bytes, big-endian, and its bytes', async t => {
  t.strictSame([...encodeFrame(Uint8Array.of(7, 8))], [0, 0, 0, 2, 7, 8])
  t.strictSame([...encodeFrame(new Uint8Array(0))], [0, 0, 0, 0])
})

t.test('frames come back whole however the bytes were cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
      async (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(frame => encodeFrame(frame)))
        const got = await collect(decodeFrames(chunksOf(new Uint8Array(bytes), sizes)))
        return (
          got.length === frames.length &&
          got.every((frame, i) => Buffer.from(frame).equals(Buffer.from(frames[i]!)))
        )
      }
    ),
    { seed: 1, numRuns: 100 }
  )
})

t.test('a stream that stops inside a frame is an error, not a shorter answer', async t => {
  const bytes = encodeFrame(Uint8Array.of(1, 2, 3))
  for (let length = 1; length < bytes.length; length++) {
    await t.rejects(collect(decodeFrames(chunksOf(bytes.subarray(0, length), [2]))), {
      code: 'ERR_FRAME_TRUNCATED',
      retryable: true
    })
  }
})

t.test('a frame over the limit is refused by its header, before its bytes', async t => {
  const header = Uint8Array.of(0, 0, 1, 1)
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield header
    throw new Error('read past the header')
  }
  await t.rejects(collect(decodeFrames(endless(), 256)), { code: 'ERR_FRAME_TOO_LARGE' })
  t.throws(() => encodeFrame(new Uint8Array(FRAME_BYTES_MAX + 1)), { code: 'ERR_FRAME_TOO_LARGE' })
})

t.test('an error keeps its code, message and whether to retry on its way', async t => {
  const sent = new VitalchainError('ERR_BUSY', 'try later', { retryable: true })
  const got = decodeEnvelope(encodeError(sent))
  t.match(got, {
    kind: 'error',
    error: { code: 'ERR_BUSY', message: 'try later', retryable: true }
  })
  t.match(decodeEnvelope(encodeData(Uint8Array.of(5))), { kind: 'data', bytes: Uint8Array.of(5) })
  t.strictSame(decodeEnvelope(encodeEnd()), { kind: 'end' })
})

t.test('the text of a foreign error does not leave the node', async t => {
  const frame = encodeError(new Error('password of patient 7'))
  t.notMatch(Buffer.from(frame).toString(), 'patient')
  t.match(decodeEnvelope(frame), { error: { code: 'ERR_INTERNAL' } })
})

t.test('any bytes decode to an envelope or to ERR_ENVELOPE', async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.json().map(json => new Uint8Array([1, ...Buffer.from(json)]))
      ),
      frame => {
        try {
          decodeEnvelope(frame)
          return true
        } catch (error) {
          return error instanceof VitalchainError && error.code === 'ERR_ENVELOPE'
        }
      }
    ),
    { seed: 2, numRuns: 500 }
  )
})
