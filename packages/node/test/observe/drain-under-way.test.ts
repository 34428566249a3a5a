import t from 'tap'
import { createDrain } from '../../src/drain.ts'
import type { Offers } from '../../src/pool/offers.ts'
import { createOwnDoor } from '../../src/pool/own-door.ts'
import { altered, createDoor, unitOf } from '../pool/door.ts'
import { ledgerWithDevice } from '../ledger/fixture.ts'

/** A node about to stop whose disk takes its time with a payload. */
async function drainingNode() {
  const { ledger, device } = await ledgerWithDevice()
  const disk = Promise.withResolvers<void>()
  const slow = altered(ledger, {
    async putPayload(...args) {
      await disk.promise
      await ledger.putPayload(...args)
    }
  })
  const { pool, admission } = createDoor(slow)
  const door = createOwnDoor(admission, undefined)
  const handedOver: number[] = []
  const offers: Offers = {
    wake: () => undefined,
    stop: () => undefined,
    async handOver() {
      handedOver.push(pool.size)
      return 1
    }
  }
  const drain = createDrain({
    door,
    offers,
    pool,
    leads: () => false,
    trust: () => 2,
    log: () => undefined
  })
  const accepted = door.submit(unitOf(await device.read()))
  return { drain, accepted, handedOver, disk }
}

t.test('what was being taken when the node began to stop is handed over too', async t => {
  const { drain, accepted, handedOver, disk } = await drainingNode()
  const drained = drain.run(new AbortController().signal)
  disk.resolve()
  t.ok(await accepted, 'its client was told that it is accepted')
  await drained
  t.same(handedOver, [1])
})

t.test('a disk that hangs does not hold up the end', async t => {
  const { drain, accepted, handedOver, disk } = await drainingNode()
  const stop = new AbortController()
  const drained = drain.run(stop.signal)
  stop.abort()
  await drained
  t.same(handedOver, [0])
  disk.resolve()
  await accepted
})
