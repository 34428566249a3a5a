import { sha256, u32be } from '@vitalchain/core'
import t from 'tap'
import { createOffers } from '../../src/pool/offers.ts'
import { BUNDLE_BYTES, unitsFormat } from '../../src/pool/unit.ts'
import { ledgerWithDevice, memberOf, START_MS } from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'
import { altered, createDoor } from './door.ts'

t.test('of a long backlog only what is offered is read from the disk', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  let reads = 0
  const counting = altered(ledger, {
    getPayload(digest) {
      reads++
      return ledger.getPayload(digest)
    }
  })
  const { pool, admission } = createDoor(counting)
  const size = 32 * 1024
  for (let k = 0; k < 40; k++) {
    const payload = new Uint8Array(size).fill(k)
    const { candidate } = await device.read({
      payloadSize: size,
      payloadDigest: sha256(payload)
    })
    await admission.submit({ transaction: candidate.bytes, payload })
  }
  const links = new FakeNetwork()
  const leader = memberOf(network, 1).id
  const offered = new Promise<number>(resolve => {
    links.link(leader, 'offer', function* (request) {
      resolve(unitsFormat.decode(request).length)
      yield new Uint8Array(0)
    })
  })
  const offers = createOffers({
    ledger: counting,
    pool,
    network: links,
    admission,
    leader: () => leader,
    now: () => START_MS + 120_000,
    log: () => undefined
  })
  t.teardown(() => offers.stop())
  offers.wake()
  const units = await offered
  t.ok(units > 0 && units <= BUNDLE_BYTES / size)
  t.ok(reads <= units + 1, `${reads} payloads were read for ${units}`)
})

t.test('what is wrong in an offer holds up nothing that is right', async t => {
  const { ledger, device } = await ledgerWithDevice()
  const { pool, admission } = createDoor(ledger)
  const links = new FakeNetwork()
  createOffers({
    ledger,
    pool,
    network: links,
    admission,
    leader: () => undefined,
    now: () => START_MS,
    log: () => undefined
  })
  const good = await device.read()
  const units = [
    { transaction: u32be(7), payload: undefined },
    { transaction: good.candidate.bytes, payload: good.payload }
  ]
  for await (const part of links.ask('offer', unitsFormat.encode(units))) t.equal(part.length, 0)
  t.equal(pool.size, 1)
})

t.test('a follower that has what waits is no reason to stop: a validator must have it', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const { pool, admission } = createDoor(ledger)
  const { candidate, payload } = await device.read()
  await admission.submit({ transaction: candidate.bytes, payload })
  const links = new FakeNetwork()
  const told: string[] = []
  const take = (name: string) =>
    function* () {
      told.push(name)
      yield new Uint8Array(0)
    }
  const validator = memberOf(network, 1).id
  links.link(sha256(u32be(1)), 'offer', take('follower'))
  links.link(validator, 'offer', take('validator'))
  const offers = createOffers({
    ledger,
    pool,
    network: links,
    admission,
    leader: () => undefined,
    now: () => START_MS,
    log: () => undefined
  })
  t.teardown(() => offers.stop())
  t.equal(await offers.handOver(1, new AbortController().signal), 1)
  t.same(told, ['validator'])
  t.equal(await offers.handOver(2, new AbortController().signal), 1, 'a follower does not count')
  t.same(told, ['validator', 'validator', 'follower'], 'and has it in case it reaches others')
})
