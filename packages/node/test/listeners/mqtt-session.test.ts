import { correlation } from '@vitalchain/device-sdk/mqtt'
import t from 'tap'
import {
  connectionLost,
  createMqttSession,
  type MqttSession
} from '../../src/listeners/mqtt-session.ts'

const CONNECTION = new Uint8Array(8).fill(3)

/** A session, and what it published. */
function session(): {
  readonly session: MqttSession
  readonly published: (readonly [answer: string, number: number])[]
  readonly send: (number: number, text: string) => void
} {
  const published: [string, number][] = []
  const made = createMqttSession(CONNECTION, async (answer, number) => {
    published.push([Buffer.from(answer).toString(), number])
  })
  return {
    session: made,
    published,
    send: (number, text) => made.take(Buffer.from(text), correlation(CONNECTION, number))
  }
}

async function read({ frames }: MqttSession): Promise<string[]> {
  const all: string[] = []
  for await (const frame of frames.read()) all.push(Buffer.from(frame).toString())
  return all
}

t.test('messages are read once and in order, answers have numbers of their own', async t => {
  const { session: made, published, send } = session()
  send(0, 'a')
  send(1, 'b')
  send(1, 'b again')
  await made.frames.write(Buffer.from('x'))
  await made.frames.write(Buffer.from('y'))
  send(2, 'c')
  made.end()
  t.same(await read(made), ['a', 'b', 'c'])
  await made.frames.close()
  t.same(published, [
    ['x', 0],
    ['y', 1],
    ['', 2]
  ])
})

t.test('a lost message ends the session behind what came, and the device is told once', async t => {
  const { session: made, published, send } = session()
  send(0, 'a')
  send(2, 'c')
  const frames = made.frames.read()[Symbol.asyncIterator]()
  t.equal(Buffer.from((await frames.next()).value ?? []).toString(), 'a')
  await t.rejects(frames.next(), { code: 'ERR_CONNECTION_LOST', retryable: true })
  made.frames.abort(connectionLost())
  made.frames.abort(connectionLost())
  await t.rejects(made.frames.write(Buffer.from('x')), { code: 'ERR_CONNECTION_LOST' })
  t.same(published, [['', 0]])
})

t.test('a device that sends without end loses its session, not the node its memory', async t => {
  const { session: made, send } = session()
  for (let number = 0; number < 300; number++) send(number, 'x')
  const frames = made.frames.read()[Symbol.asyncIterator]()
  let taken = 0
  await t.rejects(
    (async () => {
      while ((await frames.next()).done !== true) taken++
    })(),
    { code: 'ERR_CONNECTION_LOST' }
  )
  t.ok(taken <= 257)
})

t.test(
  'a device that sends far ahead of the node loses its connection, not the node its memory',
  async t => {
    const { session: made } = session()
    const large = Buffer.alloc(100_000)
    for (let number = 0; number < 30; number++) made.take(large, correlation(CONNECTION, number))
    let frames = 0
    await t.rejects(
      (async () => {
        for await (const _ of made.frames.read()) frames++
      })(),
      { code: 'ERR_CONNECTION_LOST' }
    )
    t.ok(frames < 30, `${frames} waited`)
  }
)
