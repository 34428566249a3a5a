import { devices, deviceStateKey, members } from '@vitalchain/contracts'
import {
  certificateFormat,
  rangesJoin,
  receiptFormat,
  rootAt,
  signCose,
  statementFormat,
  statementId,
  statementTransaction,
  tileNodeReader,
  toHex,
  u64be,
  verifyCompleteness,
  verifyConsistency,
  verifyReceipt,
  verifyStateProofDocument
} from '@vitalchain/core'
import t from 'tap'
import { makeCompleteness, type CompletenessSource } from '../../src/ledger/completeness.ts'
import { createCandidate } from '../../src/ledger/execute.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/store.ts'
import { placeKey, tileKey } from '../../src/store/tables.ts'
import {
  certify,
  commitNext,
  ledgerWithDevice,
  START_MS,
  TestDevice,
  testLedger,
  testNetwork,
  TestOperator,
  testSigner
} from './fixture.ts'
import { rota, rotaArgs } from './handover.ts'

/** A lane of `count` statements in blocks of ten, beside those of another device. */
async function busyLane(count: number, location = 'memory') {
  const made = await ledgerWithDevice(location)
  const { network, ledger, operator, device } = made
  const other = new TestDevice(network, 'another')
  await commitNext(network, ledger, [await operator.register(other)])
  for (let k = 0; k < count; k += 10) {
    const block = []
    for (let n = k; n < Math.min(count, k + 10); n += 1)
      block.push((await device.read()).candidate, (await other.read()).candidate)
    await commitNext(network, ledger, block)
  }
  return { ...made, lane: { device: device.id, lane: 0 } as const }
}

t.test('a whole lane is proved in parts that other work comes between', async t => {
  const { network, ledger, lane } = await busyLane(300)
  t.teardown(() => ledger.close())
  const proof = await ledger.completeness(lane)
  const proven = verifyCompleteness(proof, { genesis: network.id })
  t.equal(proven.statements.length, 300)
  t.ok(proven.fromStart && proven.toHead)
  t.same(proven.header, ledger.header(ledger.head.height))
})

t.test('ranges begin and end at statements, and join', async t => {
  const { network, ledger, lane } = await busyLane(25)
  t.teardown(() => ledger.close())
  const ranges = [
    { to: { boot: 0, seq: 9 } },
    { from: { boot: 0, seq: 10 }, to: { boot: 0, seq: 19 } },
    { from: { boot: 0, seq: 20 } }
  ]
  const parts = []
  for (const range of ranges)
    parts.push(
      verifyCompleteness(await ledger.completeness({ ...lane, ...range }), { genesis: network.id })
    )
  const [first, second, third] = parts
  t.ok(rangesJoin(first!, second!) && rangesJoin(second!, third!))
  t.notOk(rangesJoin(first!, third!))
  t.same(
    [first, second, third].map(each => each!.toHead),
    [false, false, true]
  )
  const behind = { boot: 0, seq: 25 }
  await t.rejects(ledger.completeness({ ...lane, from: behind }), { code: 'ERR_NOT_FOUND' })
  await t.rejects(ledger.completeness({ ...lane, lane: 1 }), { code: 'ERR_NOT_FOUND' })
})

t.test('gaps and boots are part of a lane', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const first = await device.read()
  const { statement: dropped } = await device.sign({ boot: 2, seq: 7 })
  const lastDropped = statementFormat.encode(dropped)
  const gap = statementFormat.encode({
    type: 'gap',
    network: network.id,
    device: device.id,
    lane: 0,
    boot: 0,
    seq: 1,
    previous: first.candidate.transaction.id,
    last: { boot: 2, seq: 7 },
    lastDropped,
    count: 90,
    reason: 1,
    time: START_MS
  })
  const signed = await signCose(testSigner('device'), gap)
  const next = await device.sign({
    boot: 4_000_000_000,
    seq: 0,
    previous: statementId(lastDropped)
  })
  await commitNext(network, ledger, [
    first.candidate,
    createCandidate(statementTransaction(signed), true),
    next.candidate
  ])
  const lane = { device: device.id, lane: 0 } as const
  const proven = verifyCompleteness(await ledger.completeness(lane), { genesis: network.id })
  t.same(
    proven.statements.map(({ statement }) => statement.type),
    ['readings', 'gap', 'readings']
  )
  t.same(proven.gaps[0]?.last, { boot: 2, seq: 7 })
  t.ok(proven.toHead)
})

t.test('what the device sends while a proof is made is in it, or behind its end', async t => {
  const { network, ledger, lane, device } = await busyLane(150)
  t.teardown(() => ledger.close())
  const making = ledger.completeness(lane)
  const commits = []
  for (let k = 0; k < 20; k += 1) {
    const { candidate } = await device.read()
    commits.push(await commitNext(network, ledger, [candidate]))
  }
  const proven = verifyCompleteness(await making, { genesis: network.id })
  t.ok(proven.toHead, 'as of the block that it is shown against')
  t.ok(proven.statements.length >= 150)
})

t.test('a lane that is too long for one proof gives several that join', async t => {
  const { network, ledger, lane } = await busyLane(30)
  t.teardown(() => ledger.close())
  const source = sourceOf(ledger)
  const genesis = network.id
  const first = verifyCompleteness(await makeCompleteness(source, lane, 20), { genesis })
  t.equal(first.statements.length, 20)
  t.notOk(first.toHead)
  const from = { boot: first.to.boot, seq: first.to.seq + 1 }
  const rest = await makeCompleteness(source, { ...lane, from }, 20)
  const second = verifyCompleteness(rest, { genesis })
  t.ok(rangesJoin(first, second) && second.toHead)
  const bytes = rest.length - 1
  const short = verifyCompleteness(await makeCompleteness(source, { ...lane, from }, 20, bytes), {
    genesis
  })
  t.equal(short.statements.length, 10, 'half as many, when the bytes are too many')
})

/** What the ledger makes its proofs from, for smaller limits. */
function sourceOf(ledger: Ledger): CompletenessSource {
  const places: CompletenessSource['places'] = async ({ from, to, max }) => {
    const [first, last] = [from, to].map(key => Number(Buffer.from(key).readBigUInt64BE(37)))
    const found = []
    for (let seq = first!; seq <= Math.min(last!, 1_000) && found.length < max; seq += 1) {
      const device = from.slice(0, 32)
      const leaf = ledger.findPlace(device, 0, { boot: 0, seq })
      const key = placeKey(device, 0, { boot: 0, seq })
      if (leaf !== undefined) found.push({ key, value: u64be(leaf) })
    }
    return found
  }
  return {
    places,
    size: () => ledger.head.history.size,
    committed: index => ({ height: ledger.heightOf(index), bytes: ledger.transaction(index)! }),
    readNode: tileNodeReader((level, index) => ledger.tile(level, index)),
    newest: pin => ledger.anchor(ledger.head.height, pin),
    proven: key => ({ value: ledger.state.get(key)!, proof: ledger.proveState(key) })
  }
}

t.test('receipts and state proofs continue every earlier checkpoint', async t => {
  const network = testNetwork({ size: 7, contracts: [rota, members, devices] })
  const ledger = await testLedger(network)
  t.teardown(() => ledger.close())
  const operator = new TestOperator(network)
  const device = new TestDevice(network)
  let validators = network.members
  for (const round of [undefined, [6, 5, 4, 3], [0, 1, 2, 3, 4], undefined]) {
    const candidate =
      round === undefined
        ? await operator.register(new TestDevice(network, `${ledger.head.height}`))
        : await operator.call('rota.set', rotaArgs(round))
    const { block, executed } = ledger.build([candidate], {
      view: 0,
      proposer: 0,
      time: ledger.head.time + 1
    })
    await ledger.commit(executed, await certify(network, block.header, { validators }))
    if (round !== undefined) validators = round.map(index => network.members[index]!)
  }
  const genesis = network.id
  for (const height of [1, 2, 3, 4]) {
    const pin = ledger.header(height)!.history
    for (const index of [0, 1, 2, 3]) {
      const proven = verifyReceipt(ledger.receipt(index, { pin: pin.size }), { genesis, pin })
      t.equal(proven.header.height, index + 1 >= height ? index + 1 : 4)
      t.equal(proven.trust, index < pin.size ? `pinned@${pin.size}` : 'genesis-only')
    }
    const key = deviceStateKey(device.id)
    const absent = verifyStateProofDocument(ledger.stateProof(key, pin.size), { genesis, pin })
    t.equal(absent.value, undefined)
    t.equal(ledger.handOvers(height, 10).length, height < 2 ? 2 : height < 3 ? 1 : 0)
  }
  t.throws(() => ledger.receipt(0, { pin: 5 }), { code: 'ERR_TREE_RANGE', retryable: true })
  t.throws(() => ledger.stateProof(deviceStateKey(device.id), 5), { code: 'ERR_TREE_RANGE' })
  t.throws(() => ledger.anchor(5), { code: 'ERR_NOT_COMMITTED' })
  t.throws(() => ledger.anchor(0), { code: 'ERR_NOT_COMMITTED' })
  t.equal(receiptFormat.decode(ledger.receipt(0, { pin: 0 })).consistency, undefined)
})

t.test('before the first block nothing is proved', async t => {
  const ledger = await testLedger(testNetwork())
  t.teardown(() => ledger.close())
  t.throws(() => ledger.stateProof(deviceStateKey(new Uint8Array(32))), {
    code: 'ERR_NOT_COMMITTED',
    retryable: true
  })
  t.same(ledger.headers(1, 10), [])
  t.same(ledger.handOvers(0, 10), [])
  t.same(ledger.consistencyProof(0, 0), [])
})

t.test('without its payloads a node proves all the same', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { candidate, digest, payload } = await device.read()
  await ledger.putPayload(digest, payload, { retention: 0 })
  await commitNext(network, ledger, [candidate])
  const [receipt, lane] = [ledger.receipt(1), { device: device.id, lane: 0 } as const]
  const proof = await ledger.completeness(lane)
  await ledger.deletePayload(digest)
  t.notOk(ledger.hasPayload(digest))
  t.same(ledger.receipt(1), receipt)
  t.same(await ledger.completeness(lane), proof)
})

t.test('what the store does not prove is never served', async t => {
  const DAMAGED = { code: 'ERR_DAMAGED' }
  const location = t.testdir()
  const { network, ledger, lane } = await busyLane(20, location)
  const [device, second] = [lane.device, ledger.header(3)!]
  const forged = ledger.certificate(3)!
  await ledger.close()

  // Whole records with right checksums, but wrong.
  const changed = async (
    change: (store: Awaited<ReturnType<typeof openStore>>) => Promise<void>,
    check: (ledger: Ledger) => Promise<void>
  ): Promise<void> => {
    const before = await openStore(location)
    const records = []
    for await (const { key, value, store } of before.entries()) records.push({ key, value, store })
    await change(before)
    await before.close()
    const damaged = await testLedger(network, location)
    await check(damaged)
    await damaged.close()
    const after = await openStore(location)
    await after.write(records.map(each => ({ ...each, table: each.store as 'meta' })))
    await after.close()
  }
  const place = placeKey(device, 0, { boot: 0, seq: 7 })
  await t.test('a place that is missing, or another', async t => {
    for (const value of [undefined, u64be(0), u64be(2)])
      await changed(
        store => store.write([{ table: 'places', key: place, value }]),
        ledger => t.rejects(ledger.completeness(lane), DAMAGED).then(() => undefined)
      )
    for (const seq of [0, 19])
      await changed(
        store =>
          store.write([
            { table: 'places', key: placeKey(device, 0, { boot: 0, seq }), value: undefined }
          ]),
        ledger => t.rejects(ledger.completeness(lane), DAMAGED, `${seq}`).then(() => undefined)
      )
  })
  await t.test('a certificate with a signature that is not valid', async t => {
    const signatures = forged.signatures.map(each => Uint8Array.from(each, byte => byte ^ 1))
    const [real, wrong] = [forged, { ...forged, signatures }].map(each =>
      toHex(certificateFormat.encode(each))
    )
    await changed(
      async store => {
        const key = u64be(3)
        const value = toHex(store.get('headers', key)!).replace(real!, wrong!)
        await store.write([{ table: 'headers', key, value: Buffer.from(value, 'hex') }])
      },
      async ledger => {
        const first = second.history.size - second.transactionCount
        t.throws(() => ledger.receipt(first), DAMAGED)
        t.throws(() => ledger.headers(1, 10), DAMAGED)
        t.throws(() => ledger.anchor(3), DAMAGED)
        t.ok(ledger.receipt(0))
      }
    )
  })
})

t.test('a wrong hash in a tile is never served, nor what it would prove', async t => {
  const DAMAGED = { code: 'ERR_DAMAGED' }
  const location = t.testdir()
  const { network, ledger, lane } = await busyLane(150, location)
  await ledger.close()
  // In a full tile, whose root stands in the one above: the ledger opens.
  const key = tileKey({ tileLevel: 0, tileIndex: 0 })
  const store = await openStore(location)
  const value = Uint8Array.from(store.get('tiles', key)!)
  value[32 * 5]! ^= 1
  await store.write([{ table: 'tiles', key, value }])
  await store.close()
  const damaged = await testLedger(network, location)
  t.teardown(() => damaged.close())
  t.throws(() => damaged.consistencyProof(4, 6), DAMAGED)
  t.throws(() => damaged.receipt(200, { pin: 6 }), DAMAGED)
  t.throws(() => damaged.receipt(5), DAMAGED)
  t.throws(() => damaged.receipt(4), DAMAGED)
  await t.rejects(damaged.completeness(lane), DAMAGED)
  const proven = verifyReceipt(damaged.receipt(290), { genesis: network.id })
  t.equal(proven.index, 290, 'what does not need it is proved')
})

t.test('a consistency proof holds between any two sizes', async t => {
  const { ledger } = await busyLane(150)
  t.teardown(() => ledger.close())
  const readNode = tileNodeReader((level, index) => ledger.tile(level, index))
  const { size } = ledger.head.history
  const sizes = [0, 1, 2, 3, 100, 127, 128, 255, 256, 257, size - 1, size]
  const headOf = (of: number) => ({ size: of, root: rootAt(of, readNode) })
  for (const second of sizes)
    for (const first of sizes.filter(each => each <= second))
      t.ok(verifyConsistency(headOf(first), headOf(second), ledger.consistencyProof(first, second)))
  t.throws(() => ledger.consistencyProof(1, size + 1), { code: 'ERR_TREE_RANGE', retryable: true })
  t.throws(() => ledger.consistencyProof(2, 1), { code: 'ERR_TREE_RANGE', retryable: false })
})
