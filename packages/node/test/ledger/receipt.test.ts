import t from 'tap'
import { devices, members } from '@vitalchain/contracts'
import {
  pureCryptoBackend,
  receiptFormat,
  u64be,
  useCryptoBackend,
  verifyReceipt
} from '@vitalchain/core'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/store.ts'
import {
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

t.test('the receipt of every transaction verifies offline', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  for (const count of [3, 1, 290, 2]) {
    const block = []
    for (let k = 0; k < count; k += 1) block.push((await device.read()).candidate)
    await commitNext(network, ledger, block)
  }
  const { size } = ledger.head.history
  t.equal(size, 297)
  // The ends of blocks and of tiles, and some between.
  const indices = [0, 1, 2, 3, 4, 5, 100, 254, 255, 256, 257, 293, 294, 295, 296]
  for (const index of indices) {
    const proven = verifyReceipt(ledger.receipt(index), { genesis: network.id })
    t.equal(proven.index, index)
    t.same(proven.transaction, ledger.decodedTransaction(index))
    t.equal(proven.header.height, ledger.heightOf(index), 'against the header of its own block')
  }
  t.throws(() => ledger.receipt(size), { code: 'ERR_NOT_COMMITTED' })
  t.throws(() => ledger.receipt(-1), { code: 'ERR_NOT_COMMITTED' })
})

t.test('a receipt stays the same while the ledger grows', async t => {
  const { ledger, network, device } = await ledgerWithDevice()
  t.teardown(() => ledger.close())
  await commitNext(network, ledger, [(await device.read()).candidate])
  const receipt = ledger.receipt(1)
  await commitNext(network, ledger, [(await device.read()).candidate])
  t.same(ledger.receipt(1), receipt)
})

t.test('a receipt leads through every change of the validators since genesis', async t => {
  const network = testNetwork({ size: 7, contracts: [rota, members, devices] })
  const ledger = await testLedger(network)
  t.teardown(() => ledger.close())
  const operator = new TestOperator(network)
  const device = new TestDevice(network)
  let validators = network.members
  const rounds = [
    [6, 5, 4, 3],
    [0, 1, 2, 3, 4]
  ]
  for (const round of [...rounds, undefined]) {
    const candidate =
      round === undefined
        ? await operator.register(device)
        : await operator.call('rota.set', rotaArgs(round))
    const { block, executed } = ledger.build([candidate], {
      view: 0,
      proposer: 0,
      time: ledger.head.time + 1
    })
    await ledger.commit(executed, await certify(network, block.header, { validators }))
    if (round !== undefined) validators = round.map(index => network.members[index]!)
  }
  for (const index of [0, 1, 2]) {
    const receipt = ledger.receipt(index)
    const proven = verifyReceipt(receipt, { genesis: network.genesis })
    t.equal(proven.handOvers, index, `${index} changes before transaction ${index}`)
    t.equal(receiptFormat.decode(receipt).handOvers.length, index)
  }
})

t.test(
  'a certificate that was checked before its block was committed is not checked again',
  async t => {
    let checks = 0
    useCryptoBackend({
      verifyEd25519: (...asked) => {
        checks++
        return pureCryptoBackend.verifyEd25519(...asked)
      }
    })
    t.teardown(() => useCryptoBackend(pureCryptoBackend))
    const location = t.testdir()
    const { ledger, network } = await ledgerWithDevice(location)
    checks = 0
    const receipt = ledger.receipt(0)
    t.equal(checks, 0, 'by the node that committed it')
    await ledger.close()

    const again = await testLedger(network, location)
    t.teardown(() => again.close())
    t.same(again.receipt(0), receipt)
    t.ok(checks >= 3, `${checks} checks: what a disk gives back is checked`)
  }
)

t.test(
  'a certificate that the disk damages after its block was committed is never served',
  async t => {
    const network = testNetwork()
    const store = await openStore('memory')
    const { genesis, rules } = network
    const ledger = await openLedger({ store, genesis, rules, now: () => START_MS })
    t.teardown(() => ledger.close())
    const { certificate } = await commitNext(network, ledger, [
      await new TestOperator(network).register(new TestDevice(network))
    ])
    const key = u64be(1)
    const value = Uint8Array.from(store.get('headers', key)!)
    const at = Buffer.from(value).indexOf(certificate.signatures[0]!)
    value[at]! ^= 1
    await store.write([{ table: 'headers', key, value }])
    t.throws(() => ledger.receipt(0), { code: 'ERR_DAMAGED' })
  }
)
