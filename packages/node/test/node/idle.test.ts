import { statementId, statementFormat } from '@vitalchain/core'
import t from 'tap'
import { createTestNetwork } from '../../src/index.ts'
import { TestDevice } from '../ledger/fixture.ts'
import { until } from './wait.ts'

t.test('a statement that can never be committed costs no empty block and no leader', async t => {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const { nodes } = network
  const device = new TestDevice({ id: nodes[0]!.network }, 'device')
  await nodes[0]!.registerDevice({
    publicKey: device.publicKey,
    model: 'monitor',
    firmware: undefined
  })
  // A node that does not know the device yet would refuse its statement.
  await until('all know the device', () => nodes.every(node => node.status().height === 1))
  const first = await device.read()
  // It follows the first one but skips places: nobody can tell before the first one is committed.
  const skipping = await device.sign({
    seq: 7,
    previous: statementId(statementFormat.encode(first.statement))
  })
  await nodes[0]!.submit({ transaction: skipping.candidate.bytes, payload: skipping.payload })
  await until('it waits everywhere', () => nodes.every(node => node.status().waiting === 1))
  await nodes[0]!.submit({ transaction: first.candidate.bytes, payload: first.payload })
  await until('the first is committed', () => nodes.every(node => node.status().transactions === 2))
  await until('nothing waits', () => nodes.every(node => node.status().waiting === 0))
  t.same(
    nodes.map(node => node.status().height),
    [2, 2, 2, 2]
  )
  for (const node of nodes) {
    t.notOk(node.ledger.hasPayload(skipping.digest), 'nobody keeps its payload')
    t.equal(node.ledger.certificate(2)?.view, 0)
  }
})
