import t from 'tap'
import { devices, deviceStateKey, getDevice, members } from '@vitalchain/contracts'
import {
  EMPTY_ROOT,
  equalBytes,
  verifyConsistency,
  verifyStateProof,
  type TreeHead
} from '@vitalchain/core'
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/store.ts'
import {
  buildNext,
  certify,
  commitNext,
  ledgerWithDevice,
  START_MS,
  TestDevice,
  testLedger,
  testNetwork,
  TestOperator
} from './fixture.ts'
import { rota, rotaArgs } from './handover.ts'

const CHECKED = { signaturesChecked: (): boolean => true }

t.test('every store of a network begins with the same state', async t => {
  const network = testNetwork()
  const [a, b] = [await testLedger(network), await testLedger(network)]
  t.teardown(() => Promise.all([a.close(), b.close()]))
  t.equal(a.head.height, 0)
  t.same(a.head.hash, network.id)
  t.equal(a.head.time, START_MS)
  t.same(a.head.history, { size: 0, root: EMPTY_ROOT })
  t.same(a.head.stateRoot, b.head.stateRoot)
  t.equal(a.head.certificate, undefined)
  t.equal(a.validators().length, 4)
  t.equal(a.header(0), undefined)
  t.equal(a.block(1), undefined)
  const other = await testLedger(testNetwork({ name: 'another' }))
  t.teardown(() => other.close())
  t.notSame(a.head.stateRoot, other.head.stateRoot)
})

t.test('a store of another genesis is not opened, nor with other rules', async t => {
  const location = t.testdir()
  const network = testNetwork()
  await (await testLedger(network, location)).close()
  const store = await openStore(location)
  const other = testNetwork({ name: 'another' })
  await t.rejects(openLedger({ store, genesis: other.genesis, rules: other.rules }), {
    code: 'ERR_STORE_NETWORK'
  })
  const { rules } = testNetwork({ contracts: [rota, members, devices] })
  await t.rejects(openLedger({ store, genesis: network.genesis, rules }), {
    code: 'ERR_CONTRACTS'
  })
  await store.close()
})

t.test('what a leader builds a replica accepts, and both end in the same state', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const replica = await testLedger(network)
  t.teardown(() => Promise.all([ledger.close(), replica.close()]))
  const first = ledger.block(1)!
  await replica.commit(
    replica.validate(first, { signaturesChecked: () => false }),
    ledger.certificate(1)!
  )

  const readings = [await device.read(), await device.read(), await device.read()]
  const candidates = readings.map(({ candidate }) => candidate)
  const { block, executed } = ledger.build(candidates, {
    view: 0,
    proposer: 1,
    time: START_MS + 5_000
  })
  t.equal(ledger.head.height, 1, 'building changes nothing')
  const validated = replica.validate(block, { signaturesChecked: () => false })
  t.equal(replica.head.height, 1, 'nor does validating')
  const certificate = await certify(network, block.header)
  const committed = await ledger.commit(executed, certificate)
  t.equal(committed.firstLeaf, 1)
  await replica.commit(validated, certificate)

  for (const at of [ledger, replica]) {
    t.equal(at.head.height, 2)
    t.same(at.head.hash, executed.hash)
    t.same(at.head.stateRoot, block.header.stateRoot)
    t.same(at.head.history, block.header.history)
    t.same(at.head.certificate, certificate)
    t.same(at.block(2), block)
    t.same(at.certificate(2), certificate)
    readings.forEach(({ candidate, statement }, k) => {
      t.equal(at.findTransaction(candidate.transaction.id), 1 + k)
      t.equal(at.findPlace(device.id, 0, statement), 1 + k)
      t.same(at.transaction(1 + k), candidate.bytes)
      t.same(at.decodedTransaction(1 + k), candidate.transaction)
      t.equal(at.heightOf(1 + k), 2)
    })
    t.equal(at.heightOf(0), 1)
    t.equal(at.transaction(4), undefined)
    t.equal(at.findPlace(device.id, 1, { boot: 0, seq: 0 }), undefined)
    t.throws(() => at.heightOf(4), { code: 'ERR_NOT_COMMITTED' })
  }
})

t.test('a leader leaves out what would not take effect and says why', async t => {
  const { ledger, device, operator, network } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const good = await device.read()
  const stranger = await new TestDevice(network, 'stranger').read()
  const ahead = await device.sign({ seq: 5, previous: new Uint8Array(32).fill(1) })
  const twice = await operator.register(device)
  const next = await device.read()
  const candidates = [stranger, good, good, ahead].map(({ candidate }) => candidate)
  const { block, refused } = ledger.build([...candidates, twice, next.candidate], {
    view: 0,
    proposer: 0,
    time: START_MS + 5_000
  })
  t.same(block.transactions, [good.candidate.bytes, next.candidate.bytes])
  t.same(
    refused.map(({ error }) => error.code),
    ['ERR_DEVICE_UNKNOWN', 'ERR_PLACE_TAKEN', 'ERR_CHAIN_AHEAD', 'ERR_DEVICE_EXISTS']
  )
  t.same(refused[0]?.hash, stranger.candidate.hash)
  const { executed } = ledger.build([good.candidate, next.candidate], {
    view: 0,
    proposer: 0,
    time: START_MS + 5_000
  })
  t.same(executed.block, block, 'what was refused leaves no trace in the state')
  t.doesNotThrow(() => ledger.validate(block, CHECKED))
})

t.test('a transaction is checked alone against the state as it is', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { candidate } = await device.read()
  const before = ledger.head.stateRoot
  t.doesNotThrow(() => ledger.check(candidate.transaction, START_MS))
  t.doesNotThrow(() => ledger.check(candidate.transaction, START_MS), 'and again')
  await commitNext(network, ledger, [candidate])
  t.throws(() => ledger.check(candidate.transaction, START_MS), { code: 'ERR_PLACE_TAKEN' })
  t.notSame(ledger.head.stateRoot, before)
})

t.test('a contract that fails refuses its transaction only', async t => {
  const network = testNetwork({ contracts: [rota, members, devices] })
  const ledger = await testLedger(network)
  t.teardown(() => ledger.close())
  const operator = new TestOperator(network)
  const call = await operator.call('rota.crash', rotaArgs([0]))
  const { block, refused } = ledger.build([call], { view: 1, proposer: 0, time: START_MS + 1 })
  t.equal(block.transactions.length, 0)
  t.match(refused[0]?.error, { code: 'ERR_CONTRACT_FAILED', cause: { name: 'TypeError' } })
})

t.test('committing twice does nothing, another block at the height is a fork', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { candidate } = await device.read()
  const as = { view: 0, proposer: 0, time: START_MS + 5_000 }
  const one = ledger.build([candidate], as).executed
  const other = ledger.build([candidate], { ...as, time: as.time + 1 }).executed
  const certificate = await certify(network, one.block.header)
  const both = await Promise.all([ledger.commit(one, certificate), ledger.commit(one, certificate)])
  t.same(both[0], both[1])
  const later = await certify(network, one.block.header, { view: 3, signers: [1, 2, 3] })
  t.same((await ledger.commit(one, later)).certificate, certificate, 'the first certificate stays')
  t.equal(ledger.head.height, 2)

  await t.rejects(ledger.commit(other, certificate), { code: 'ERR_CERTIFICATE' })
  await t.rejects(ledger.commit(other, await certify(network, other.block.header)), {
    code: 'ERR_FORK'
  })
  t.same(ledger.head.hash, one.hash)
})

t.test('a block is committed only with its own certificate and on its own parent', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const { candidate } = await device.read()
  const as = { view: 0, proposer: 0, time: START_MS + 5_000 }
  const { executed } = ledger.build([candidate], as)
  const { header } = executed.block
  const refused = [
    await certify(network, header, { phase: 'prepare' }),
    await certify(network, header, { signers: [0, 1] }),
    await certify(network, header, { signers: [0, 1, 2, 3] }),
    await certify(network, { ...header, time: header.time + 1 }),
    ledger.certificate(1)!,
    { ...(await certify(network, header)), view: 1 }
  ]
  for (const certificate of refused) {
    await t.rejects(ledger.commit(executed, certificate), { code: 'ERR_CERTIFICATE' })
  }
  t.equal(ledger.head.height, 1)
  await commitNext(network, ledger, [candidate])
  const sibling = { ...executed, block: { ...executed.block, header: { ...header, height: 3 } } }
  await t.rejects(
    ledger.commit(sibling, await certify(network, header), { verified: true }),
    { code: 'ERR_NOT_NEXT' },
    'it was carried out on the head before'
  )
})

t.test('reads during a commit see the ledger before it, whole', async t => {
  const { ledger, network, device } = await ledgerWithDevice(t.testdir())
  t.teardown(() => ledger.close())
  for (let round = 0; round < 5; round += 1) {
    const { candidate } = await device.read()
    const { block, executed } = ledger.build([candidate], {
      view: 0,
      proposer: 0,
      time: ledger.head.time + 1_000
    })
    const commit = ledger.commit(executed, await certify(network, block.header), { verified: true })
    const progress = { done: false }
    const end = commit.then(() => (progress.done = true))
    while (!progress.done) {
      const { height, stateRoot } = ledger.head
      const key = deviceStateKey(device.id)
      const proof = ledger.proveState(key)
      const value = ledger.state.get(key)
      t.ok(verifyStateProof({ root: stateRoot, key, value, proof }), `at height ${height}`)
      if (height === executed.block.header.height - 1) {
        t.same(
          ledger.validate(block, CHECKED).hash,
          executed.hash,
          'a replica can validate all the while'
        )
      }
      await new Promise(resolve => setImmediate(resolve))
    }
    await end
  }
})

t.test('the histories of any two heights are consistent', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const heads: TreeHead[] = [ledger.head.history]
  for (const count of [1, 5, 300, 2]) {
    const block = []
    for (let k = 0; k < count; k += 1) block.push((await device.read()).candidate)
    await commitNext(network, ledger, block)
    heads.push(ledger.head.history)
  }
  t.equal(heads.at(-1)?.size, 309)
  for (const first of heads) {
    for (const second of heads.filter(({ size }) => size >= first.size)) {
      const proof = ledger.consistencyProof(first.size, second.size)
      t.ok(verifyConsistency(first, second, proof), `${first.size} to ${second.size}`)
    }
  }
  t.throws(() => ledger.consistencyProof(1, 310), { code: 'ERR_TREE_RANGE' })
  t.throws(() => ledger.inclusionProof(0, 310), { code: 'ERR_TREE_RANGE' })
})

t.test('the state proves what is in it and what is not', async t => {
  const { ledger, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const root = ledger.head.stateRoot
  const key = deviceStateKey(device.id)
  const value = ledger.state.get(key)
  t.ok(value)
  t.ok(verifyStateProof({ root, key, value, proof: ledger.proveState(key) }))
  const absent = deviceStateKey(new Uint8Array(32))
  t.ok(verifyStateProof({ root, key: absent, value: undefined, proof: ledger.proveState(absent) }))
})

t.test('a ledger that is opened again stands where it stood', async t => {
  const location = t.testdir()
  const { ledger, network, device } = await ledgerWithDevice(location)
  for (const view of [0, 2, 0]) {
    await commitNext(network, ledger, [(await device.read()).candidate], view)
  }
  const { head } = ledger
  const { leadership } = ledger.head
  await ledger.close()
  const again = await testLedger(network, location)
  t.teardown(() => again.close())
  t.same(again.head, head)
  t.same(again.head.leadership, leadership)
  t.ok(getDevice(again.state, device.id))
  await commitNext(network, again, [(await device.read()).candidate])
  t.equal(again.head.height, 5)
})

t.test('the ledger tells which leaders failed, as blocks on the chain say', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  for (let height = 2; height <= 12; height += 1) {
    const { candidate } = await device.read()
    await commitNext(network, ledger, [candidate], height % 3)
  }
  t.ok(ledger.head.leadership.failures.length > 0, 'leaders of views that decided nothing')
})

t.test('other validators take over at the next height', async t => {
  const network = testNetwork({ size: 5, contracts: [rota, members, devices] })
  const location = t.testdir()
  const ledger = await testLedger(network, location)
  const operator = new TestOperator(network)
  const founders = ledger.validators()
  await commitNext(network, ledger, [await operator.call('rota.set', rotaArgs([4, 2, 1, 0]))])
  t.same(
    ledger.validators(),
    [4, 2, 1, 0].map(index => founders[index])
  )
  t.same(ledger.validators(1), founders)
  const { header } = ledger.block(1)!
  t.notSame(header.validatorsHash, header.nextValidatorsHash)

  const next = ledger.build([], { view: 1, proposer: 0, time: ledger.head.time + 1 })
  const old = await certify(network, next.block.header)
  await t.rejects(ledger.commit(next.executed, old), { code: 'ERR_CERTIFICATE' })
  const validators = [4, 2, 1, 0].map(index => network.members[index]!)
  const taken = await certify(network, next.block.header, { validators })
  await ledger.commit(next.executed, taken)
  t.equal(ledger.head.height, 2)
  await ledger.close()

  const again: Ledger = await testLedger(network, location)
  t.teardown(() => again.close())
  t.same(
    again.validators(),
    [4, 2, 1, 0].map(index => founders[index])
  )
  t.same(again.validators(1), founders)
  const third = buildNext(again, [], 1)
  t.doesNotThrow(() => again.validate(third, CHECKED))
})

t.test('payloads belong to the ledger that names them', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  const [held, missing, expired] = [
    await device.read(),
    await device.read({ retention: 1 }),
    await device.read()
  ]
  await ledger.putPayload(held.digest, held.payload, { retention: 0 })
  await ledger.flushPayloads()
  t.ok(ledger.hasPayload(held.digest))
  t.same(ledger.getPayload(held.digest), held.payload)
  t.match(ledger.payloadMeta(held.digest), { storedHeight: 1, storedTime: START_MS, retention: 0 })
  await commitNext(
    network,
    ledger,
    [held, missing, expired].map(({ candidate }) => candidate)
  )
  t.same(
    ledger.wantedPayloads(10).toSorted((a, b) => b.retention - a.retention),
    [
      { digest: missing.digest, retention: 1 },
      { digest: expired.digest, retention: 0 }
    ]
  )
  await ledger.putPayload(missing.digest, missing.payload, { retention: 1 })
  t.same(ledger.wantedPayloads(10), [{ digest: expired.digest, retention: 0 }])
  t.ok(equalBytes(ledger.getPayload(missing.digest)!, missing.payload))
})

t.test('a payload whose time is over is not wanted', async t => {
  const network = testNetwork()
  const location = t.testdir()
  const store = await openStore(location)
  const DAY_MS = 86_400_000
  const ledger = await openLedger({
    store,
    genesis: network.genesis,
    rules: network.rules,
    now: () => START_MS + 31 * DAY_MS
  })
  t.teardown(() => ledger.close())
  const device = new TestDevice(network)
  await commitNext(network, ledger, [await new TestOperator(network).register(device)])
  const [short, long] = [await device.read(), await device.read({ retention: 1 })]
  await commitNext(network, ledger, [short.candidate, long.candidate])
  t.same(ledger.wantedPayloads(10), [{ digest: long.digest, retention: 1 }])
})
