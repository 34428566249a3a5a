import t from 'tap'
import * as fc from 'fast-check'
import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { spareWindowUpdates, WITHHELD_BYTES_MAX } from '../../src/network/spare-updates.ts'

const DATA = 0
const UPDATE = 1
const FIN = 4

function frame(type: number, flags: number, stream: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, stream)
  view.setUint32(8, length)
  return bytes
}

/** A connection whose frames are kept, as a muxer over it would use it. */
function connection(): { send: (bytes: Uint8Array) => void; sent: Uint8Array[] } {
  const sent: Uint8Array[] = []
  const stream = {
    writableNeedsDrain: false,
    send: (bytes: Uint8Array) => {
      sent.push(bytes)
      return true
    }
  } as unknown as MessageStream
  const factory = spareWindowUpdates((): StreamMuxerFactory => ({
    protocol: '/yamux/1.0.0',
    createStreamMuxer: given => ({ given }) as unknown as StreamMuxer
  }))
  factory().createStreamMuxer(stream)
  return { send: bytes => stream.send(bytes), sent }
}

function freed(sent: readonly Uint8Array[], stream: number): number {
  return sent
    .map(bytes => new DataView(bytes.buffer, bytes.byteOffset))
    .filter(view => view.getUint8(1) === UPDATE && view.getUint32(4) === stream)
    .reduce((sum, view) => sum + view.getUint32(8), 0)
}

t.test('small updates of a window are kept back, and none of their bytes is lost', async t => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 100_000 }))),
      updates => {
        const { send, sent } = connection()
        for (const [stream, bytes] of updates) send(frame(UPDATE, 0, stream, bytes))
        for (let stream = 1; stream <= 5; stream++) {
          const given = updates.filter(([each]) => each === stream)
          const total = given.reduce((sum, [, bytes]) => sum + bytes, 0)
          const missing = total - freed(sent, stream)
          if (missing < 0 || missing >= WITHHELD_BYTES_MAX) return false
        }
        return true
      }
    )
  )
  const { send, sent } = connection()
  for (let k = 0; k < 100; k++) send(frame(UPDATE, 0, 1, 300))
  t.same(sent, [], 'a hundred votes cost no packet')
})

t.test(
  'data, and frames that open or end a stream, pass at once with what was kept back',
  async t => {
    const { send, sent } = connection()
    send(frame(UPDATE, 0, 7, 500))
    send(frame(DATA, 0, 7, 0))
    send(new Uint8Array(2_000))
    t.equal(sent.length, 2)
    send(frame(UPDATE, FIN, 7, 0))
    t.same(sent[2], frame(UPDATE, FIN, 7, 500))
    send(frame(UPDATE, 0, 7, 1))
    t.equal(sent.length, 3)
  }
)

t.test('streams without number cost bounded memory: the oldest is told its bytes', async t => {
  const { send, sent } = connection()
  for (let stream = 1; stream <= 5_000; stream++) send(frame(UPDATE, 0, stream, 10))
  t.equal(sent.length, 5_000 - 1_024)
  t.equal(freed(sent, 1), 10)
})
