import t from 'tap'
import { devices, members } from '@vitalchain/contracts'
import { receiptFormat, verifyReceipt } from '@vitalchain/core'
import {
  certify,
  commitNext,
  ledgerWithDevice,
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
