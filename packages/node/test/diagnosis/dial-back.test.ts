import { createServer } from 'node:net'
import { once } from 'node:events'
import { list, format, text, tuple, type Format } from '@vitalchain/core'
import t from 'tap'
import { createDialBack } from '../../src/diagnosis/dial-back.ts'
import { FakeNetwork } from '../node/fake-network.ts'

const asked: Format<readonly string[]> = format('dial-back', 4_096, list(text(256), 8))
const answered = format(
  'dialled-back',
  4_096,
  list(tuple({ address: text(256), outcome: text(16) }), 8)
)

/** A node to which `asker` is connected from 127.0.0.1. */
class Connected extends FakeNetwork {
  override peers(): [] {
    const peer = { peer: 'asker', direction: 'inbound', addresses: ['/ip4/127.0.0.1/tcp/4001'] }
    return [peer] as unknown as []
  }
}

/** The addresses that a node tried which was asked to try these. */
async function ask(addresses: readonly string[]): Promise<readonly string[]> {
  const network = new Connected()
  createDialBack(network, () => '00'.repeat(32), new AbortController().signal)
  for await (const part of network.ask('dial-back', asked.encode(addresses)))
    return answered.decode(part).map(({ address: tried }) => tried)
  return []
}

t.test('a member lets this node knock at no door but its own', async t => {
  let knocks = 0
  const neighbour = createServer(socket => {
    knocks++
    socket.destroy()
  }).listen(0, '127.0.0.2')
  await once(neighbour, 'listening')
  t.teardown(() => neighbour.close())
  const address = neighbour.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const hostile = [
    `/ip4/127.0.0.2/tcp/${port}`,
    `/dns4/127.0.0.2/tcp/${port}/ip4/127.0.0.1`,
    `/ip4/127.0.0.1/tcp/1/ip4/127.0.0.2/tcp/${port}`,
    `/ip4/127.0.0.1/dns4/127.0.0.2/tcp/${port}/ws`,
    `/ip6zone/x/ip6/::1/tcp/${port}/ip4/127.0.0.1`
  ]
  t.same(await ask(hostile), [], 'none of them is tried')
  t.equal(knocks, 0)
  t.same(await ask(['/ip4/127.0.0.1/tcp/1']), ['/ip4/127.0.0.1/tcp/1'])
})
