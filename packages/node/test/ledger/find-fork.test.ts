import t from 'tap'
import { findFork } from '../../src/ledger/find-fork.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import {
  certify,
  commitNext,
  TestDevice,
  testLedger,
  testNetwork,
  TestOperator
} from './fixture.ts'

t.test('a ledger that ends before the fork does not say who the validators were', async t => {
  const network = testNetwork()
  const fork = async (signers: readonly number[], device: string): Promise<Ledger> => {
    const ledger = await testLedger(network)
    const operator = new TestOperator(network)
    await commitNext(network, ledger, [await operator.register(new TestDevice(network, 'one'))])
    const candidate = await operator.register(new TestDevice(network, device))
    const time = ledger.head.time + 1_000
    const { block, executed } = ledger.build([candidate], { view: 0, proposer: 0, time })
    await ledger.commit(executed, await certify(network, block.header, { signers }))
    return ledger
  }
  const [a, b] = [await fork([0, 1, 2], 'x'), await fork([0, 1, 3], 'y')]
  const start = await testLedger(network)
  // Block 1 changed the validators, which it does not hold.
  const short = { ...start, validators: () => start.validators(1).toReversed() }
  const found = findFork([short, a, b])
  t.same(
    found?.convictions.map(({ validator, evidence }) => [validator, evidence.kind]),
    [
      [0, 'duplicate'],
      [1, 'duplicate']
    ]
  )
  for (const ledger of [start, a, b]) await ledger.close()
})
