import { errorCode } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { createTestNetwork, type TestNetwork } from '../../src/testing/test-network.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from '../node/wait.ts'

/** How long what is tested may take, ms. */
const LIMIT_MS = 5_000

async function start(
  t: Test
): Promise<{ network: TestNetwork; device: TestDevice; logged: readonly string[] }> {
  const logged: string[] = []
  const network = await createTestNetwork({
    log(node, event, values) {
      if (event.startsWith('drain')) logged.push(`${node} ${event} ${JSON.stringify(values)}`)
    }
  })
  t.teardown(() => network.stop())
  const [node] = network.nodes
  const device = new TestDevice({ id: node!.network }, 'device')
  const { publicKey } = device
  await node!.registerDevice({ publicKey, model: 'monitor', firmware: undefined })
  await until('all have the device', () =>
    network.nodes.every(each => each.status().transactions === 1)
  )
  return { network, device, logged }
}

t.test('a node that drains takes nothing more, and loses nothing that it took', async t => {
  const { network, device, logged } = await start(t)
  const [node, ...others] = network.nodes
  const ids: Uint8Array[] = []
  for (let k = 0; k < 40; k++) {
    const { candidate, payload } = await device.read()
    ids.push(await node!.submit({ transaction: candidate.bytes, payload }))
  }
  t.equal(node!.status().draining, false)
  const late = await device.read()
  const drained = node!.drain(AbortSignal.timeout(LIMIT_MS))
  t.equal(node!.status().draining, true)
  const refused = await node!
    .submit({ transaction: late.candidate.bytes, payload: late.payload })
    .then(() => 'accepted', errorCode)
  t.equal(refused, 'ERR_DRAINING')
  await drained
  t.ok(node!.status().height > 0, 'reading goes on')
  await node!.stop()
  await Promise.all(
    ids.map(async id =>
      t.ok(await others[0]!.committed(id, { signal: AbortSignal.timeout(LIMIT_MS) }))
    )
  )
  t.match(logged, [/^0 drains/, /^0 drained \{"waiting":\d+,"told":\d+\}/])
})

t.test('nobody waits for a leader that was drained while something waited', async t => {
  const { network, device } = await start(t)
  const { nodes } = network
  // Whoever leads next drains with work before it; the others go on without a change of view.
  const leader = nodes.find(node => node.status().leader === node.status().name)!
  const { name } = leader.status()
  const others = nodes.filter(node => node !== leader)
  const first = await device.read()
  const id = await leader.submit({ transaction: first.candidate.bytes, payload: first.payload })
  await leader.drain(AbortSignal.timeout(LIMIT_MS))
  await leader.stop()
  const receipt = others[0]!.committed(id, { signal: AbortSignal.timeout(LIMIT_MS) })
  t.ok(await receipt)
  t.equal(others[0]!.ledger.certificate(2)?.view, 0)
  t.not(others[0]!.status().leader, name, 'another leads')
})

t.test('a node that reaches nobody stops all the same', async t => {
  const { network, device, logged } = await start(t)
  const [node, ...others] = network.nodes
  await Promise.all(others.map(each => each.stop()))
  await until('its links are down', () => node!.status().links.length === 0)
  const { candidate, payload } = await device.read()
  await node!.submit({ transaction: candidate.bytes, payload })
  const begun = performance.now()
  await node!.drain(AbortSignal.timeout(LIMIT_MS))
  t.ok(performance.now() - begun < LIMIT_MS)
  t.match(logged.at(-1), /^0 drain(ed| cut short) \{"waiting":1,"told":0\}/)
})
