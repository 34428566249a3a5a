import t from 'tap'
import { CHAIN_TURN, createPool } from '../../src/pool/pool.ts'
import { ledgerWithDevice, START_MS, TestDevice } from '../ledger/fixture.ts'

t.test('a long chain does not keep the others out of a block', async t => {
  const { network, ledger, device, operator } = await ledgerWithDevice()
  const other = new TestDevice(network, 'another')
  await operator.register(other)
  const pool = createPool(ledger.rules, ledger.state)
  const add = async (from: TestDevice): Promise<void> => {
    const { candidate } = await from.read()
    pool.add({ ...candidate, signaturesChecked: true, since: START_MS })
  }
  for (let k = 0; k < 3 * CHAIN_TURN; k++) await add(device)
  for (let k = 0; k < CHAIN_TURN + 2; k++) await add(other)
  const ids = [...pool.candidates()].map(({ transaction }) =>
    transaction.type === 'statement' ? transaction.statement : undefined
  )
  const isOther = ids.map(each => Buffer.compare(each?.device ?? Buffer.of(), other.id) === 0)
  t.equal(ids.length, 4 * CHAIN_TURN + 2)
  t.same(
    isOther.slice(0, 4 * CHAIN_TURN),
    [false, true, false, true].flatMap((is, turn) => {
      const left = turn === 3 ? 2 : CHAIN_TURN
      return Array.from({ length: CHAIN_TURN }, (_, k) => is && k < left)
    })
  )
  const seqs = ids.flatMap((each, k) => (isOther[k] === false ? [each?.seq] : []))
  t.same(
    seqs,
    seqs.toSorted((a = 0, b = 0) => a - b),
    'each chain in its order'
  )
})
