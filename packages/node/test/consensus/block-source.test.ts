import { sha256, toHex } from '@vitalchain/core'
import t from 'tap'
import { createBlockSource, type BlockSource } from '../../src/consensus/block-source.ts'
import type { Candidate } from '../../src/ledger/execute.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { hashesFormat, unitsFormat } from '../../src/pool/unit.ts'
import { ledgerWithDevice, memberOf, type SignedReading } from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'
import { altered, createDoor, unitOf, type Door } from '../pool/door.ts'

interface Bench {
  readonly links: FakeNetwork
  readonly source: BlockSource
  readonly door: Door
  readonly unused: Candidate[]
}

function bench(ledger: Ledger): Bench {
  const links = new FakeNetwork()
  const door = createDoor(ledger)
  const unused: Candidate[] = []
  const source = createBlockSource({
    ledger,
    pool: door.pool,
    network: links,
    admission: door.admission,
    proposals: () => undefined,
    onUnused: fetched => void unused.push(...fetched),
    log: () => undefined
  })
  return { links, source, door, unused }
}

const wait = { signal: new AbortController().signal, isOver: () => false, live: true }

function unitsOf(readings: readonly SignedReading[]): Uint8Array {
  return unitsFormat.encode(readings.map(unitOf))
}

t.test(
  'who fetched the transactions of a block gives them to who still lacks them, until the height is over',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice()
    const { links, source, unused } = bench(ledger)
    const reading = await device.read()
    const { hash } = reading.candidate
    const leader = memberOf(network, 1).id
    links.link(leader, 'units', () => [unitsOf([reading])])
    const found = await source.transactions([hash], [leader], wait)
    t.same(
      found?.map(each => each.hash),
      [hash]
    )
    source.hold(found!)
    const ask = async (): Promise<number> => {
      let count = 0
      for await (const part of links.ask('units', hashesFormat.encode([hash])))
        count += unitsFormat.decode(part).length
      return count
    }
    t.equal(await ask(), 1, 'the leader may be gone by now')
    source.keep([])
    t.equal(await ask(), 0)
    t.same(
      unused.map(each => each.hash),
      [hash],
      'no block took it'
    )
  }
)

t.test('an answer is read from the disk bundle by bundle, and each unit once', async t => {
  const { ledger, device } = await ledgerWithDevice()
  let reads = 0
  const { links, door } = bench(
    altered(ledger, {
      getPayload(digest) {
        reads++
        return ledger.getPayload(digest)
      }
    })
  )
  const reading = await device.read()
  const { hash } = await door.admission.submit(unitOf(reading))
  const request = hashesFormat.encode(Array.from({ length: 2_048 }, () => hash))
  let units = 0
  for await (const part of links.ask('units', request)) units += unitsFormat.decode(part).length
  t.equal(units, 1)
  t.equal(reads, 1)
})

t.test(
  'a member that sends for ever what nobody asked for does not keep others from being asked',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice()
    const { links, source } = bench(ledger)
    const [wanted, other] = [await device.read(), await device.read()]
    const [faulty, honest] = [memberOf(network, 1).id, memberOf(network, 2).id]
    let read = 0
    links.link(faulty, 'units', function* () {
      for (; read < 1_000; read++) yield unitsOf([other])
    })
    let answered = 0
    links.link(honest, 'units', function* () {
      answered++
      yield unitsOf([wanted])
    })
    const found = await source.transactions([wanted.candidate.hash], [faulty], wait)
    t.same(
      found?.map(each => toHex(each.hash)),
      [toHex(wanted.candidate.hash)]
    )
    t.equal(answered, 1)
    t.equal(links.asked.length, 2)
    t.equal(read, 0, 'one part was enough to know')
  }
)

t.test('more than a block may hold is not fetched to the end', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const { links, source } = bench(ledger)
  const leader = memberOf(network, 1).id
  const readings = await Promise.all(
    Array.from({ length: 65 }, (_, seq) => {
      const payload = new Uint8Array(65_536).fill(seq)
      return large(device, seq, payload)
    })
  )
  const hashes = readings.map(each => each.candidate.hash)
  const one = await device.sign({ seq: 1_000 })
  links.link(leader, 'units', function* (request) {
    const asked = new Set(hashesFormat.decode(request).map(toHex))
    for (const each of readings) if (asked.has(toHex(each.candidate.hash))) yield unitsOf([each])
  })
  await t.rejects(source.transactions([...hashes, one.candidate.hash], [leader], wait), {
    code: 'ERR_BLOCK_SIZE'
  })
})

async function large(
  device: { sign(fields: object): Promise<SignedReading> },
  seq: number,
  payload: Uint8Array
): Promise<SignedReading> {
  const signed = await device.sign({
    seq,
    payloadSize: payload.length,
    payloadDigest: sha256(payload)
  })
  return { ...signed, payload }
}
