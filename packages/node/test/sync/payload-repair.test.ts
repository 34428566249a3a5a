import { VitalchainError } from '@vitalchain/core'
import t from 'tap'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { unitsFormat } from '../../src/pool/unit.ts'
import { createPayloadRepair } from '../../src/sync/payload-repair.ts'
import { commitNext, ledgerWithDevice, memberOf } from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'
import { altered } from '../pool/door.ts'

t.test(
  'a member that sends for ever what nobody asked for does not hold up the repair',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice()
    const reading = await device.read()
    await commitNext(network, ledger, [reading.candidate])
    const links = new FakeNetwork()
    const part = (payload: Uint8Array): Uint8Array =>
      unitsFormat.encode([{ transaction: reading.digest, payload }])
    let parts = 0
    links.link(memberOf(network, 1).id, 'payloads', function* () {
      for (; parts < 1_000; parts++) yield part(new Uint8Array(8))
    })
    links.link(memberOf(network, 2).id, 'payloads', () => [part(reading.payload)])
    const came = arrival(ledger)
    const repair = createPayloadRepair({
      ledger: came.ledger,
      network: links,
      log: () => undefined
    })
    repair.start()
    await came.arrived
    await repair.stop()
    t.ok(ledger.hasPayload(reading.digest))
    t.equal(parts, 0, 'one part was enough to know')
  }
)

t.test('a disk that fails for a while does not end the repair, nor the process', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const reading = await device.read()
  await commitNext(network, ledger, [reading.candidate])
  const links = new FakeNetwork()
  links.link(memberOf(network, 1).id, 'payloads', () => [
    unitsFormat.encode([{ transaction: reading.digest, payload: reading.payload }])
  ])
  let failures = 0
  const came = arrival(
    altered(ledger, {
      wantedPayloads(max) {
        if (failures++ === 0) throw new VitalchainError('ERR_STORE', 'the store cannot be read')
        return ledger.wantedPayloads(max)
      }
    })
  )
  const failed = Promise.withResolvers<void>()
  const repair = createPayloadRepair({
    ledger: came.ledger,
    network: links,
    log: () => failed.resolve()
  })
  repair.start()
  await failed.promise
  repair.wake()
  await came.arrived
  await repair.stop()
  t.ok(ledger.hasPayload(reading.digest))
})

/** A ledger that tells when a payload was stored. */
function arrival(ledger: Ledger): { readonly ledger: Ledger; readonly arrived: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    arrived: promise,
    ledger: altered(ledger, {
      async putPayload(...payload) {
        await ledger.putPayload(...payload)
        resolve()
      }
    })
  }
}
