import t from 'tap'
import { createGossip } from '../../src/pool/gossip.ts'
import { unitsFormat } from '../../src/pool/unit.ts'
import { ledgerWithDevice, TestDevice } from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'
import { createDoor, unitOf } from './door.ts'

t.test('a bundle is relayed only when everything in it was checked and found good', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const { admission, pool } = createDoor(ledger)
  const links = new FakeNetwork()
  const gossip = createGossip({ network: links, admission, log: () => undefined })
  t.teardown(() => gossip.stop())
  const judge = (...units: ReturnType<typeof unitOf>[]): unknown =>
    links.gossip?.(unitsFormat.encode(units), network.id)

  const [one, two] = [unitOf(await device.read()), unitOf(await device.read())]
  const stranger = unitOf(await new TestDevice(network, 'stranger').read())
  t.equal(await judge(one), 'accept')
  t.equal(await judge(two, stranger), 'ignore', 'nobody looked at the signature of the stranger')
  t.equal(pool.size, 2, 'what was good in it is taken all the same')
  t.equal(await judge(one, two), 'accept')
  t.equal(await judge(one, { ...two, payload: new Uint8Array(32) }), 'reject')
})
