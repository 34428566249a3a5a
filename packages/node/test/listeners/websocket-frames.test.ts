import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { webSocketFrames } from '../../src/listeners/websocket-frames.ts'
import { until } from '../node/wait.ts'

/** Both ends of a socket. */
async function pair(t: Test): Promise<readonly [device: WebSocket, node: WebSocket]> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  await once(server, 'listening')
  const device = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => device.terminate())
  const [node] = (await once(server, 'connection')) as [WebSocket]
  await once(device, 'open')
  return [device, node]
}

for (const bytes of [0, 1, 10_000])
  t.test(`a socket that nobody reads is paused, also with frames of ${bytes} bytes`, async t => {
    const [device, node] = await pair(t)
    const frames = webSocketFrames(node)
    const frame = new Uint8Array(bytes)
    const count = bytes > 1_000 ? 100 : 20_000
    for (let k = 0; k < count; k++) device.send(frame)
    await until('it is paused', () => node.isPaused)
    let read = 0
    let whole = 0
    for await (const each of frames.read()) {
      if (each.length === bytes) whole++
      if (++read === count) break
    }
    t.equal(whole, count, 'and nothing is lost')
  })
