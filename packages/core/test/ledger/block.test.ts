import t from 'tap'
import { blockFormat, checkBlock, type Block } from '../../src/ledger/block.ts'
import { BLOCK_TRANSACTIONS_MAX } from '../../src/ledger/limits.ts'
import { EMPTY_FRONTIER, appendLeaves, leafHash } from '../../src/merkle/history.ts'
import { refusesField } from './fields.ts'
import { plainLedger, SmallLedger } from './small-ledger.ts'

const ledger = await plainLedger()
const blocks = ledger.blocks.map(each => each.block)

t.test('blocks come back from their bytes', async t => {
  for (const block of blocks) t.strictSame(blockFormat.decode(blockFormat.encode(block)), block)
})

t.test('the headers of a ledger bind their blocks, one after the other', async t => {
  let frontier = EMPTY_FRONTIER
  for (const block of blocks) frontier = checkBlock(block, frontier)
  t.strictSame(frontier, ledger.frontier)
})

t.test('a block of no transactions is bound like any other', async t => {
  const empty = new SmallLedger()
  empty.addBlock([])
  const { block } = empty.blocks[0]!
  t.strictSame(checkBlock(block, EMPTY_FRONTIER), EMPTY_FRONTIER)
  t.strictSame(blockFormat.decode(blockFormat.encode(block)), block)
})

t.test(
  'a block whose parts are not those of its header is refused, and the part is named',
  async t => {
    const [first, second, third] = [blocks[0]!, blocks[1]!, blocks[2]!]
    const before = appendLeaves(EMPTY_FRONTIER, first.transactions.map(leafHash))
    const refused = (block: Block, part: RegExp): void => {
      t.throws(() => checkBlock(block, before), { code: 'ERR_BLOCK', message: part })
    }
    t.doesNotThrow(() => checkBlock(second, before))
    const { transactions, header } = second
    refused({ ...second, previousCertificate: undefined }, /previous certificate/)
    refused({ ...second, previousCertificate: third.previousCertificate }, /previous certificate/)
    refused({ ...second, transactions: transactions.slice(1) }, /number of transactions/)
    refused(
      { ...second, transactions: [...transactions, transactions[0]!] },
      /number of transactions/
    )
    refused({ ...second, transactions: transactions.toReversed() }, /its transactions/)
    refused(
      { ...second, transactions: transactions.with(0, first.transactions[0]!) },
      /its transactions/
    )
    refused(
      {
        ...second,
        header: { ...header, history: { ...header.history, size: header.history.size + 1 } }
      },
      /its transactions/
    )
    t.throws(() => checkBlock(second, EMPTY_FRONTIER), { code: 'ERR_BLOCK' })
  }
)

t.test("the limits of a block's fields hold", async t => {
  const encoded = blockFormat.encode(blocks[1]!)
  refusesField(t, blockFormat, encoded, [0], ['vitalchain/header'])
  refusesField(t, blockFormat, encoded, [1], [null, new Uint8Array(1_025)])
  refusesField(t, blockFormat, encoded, [2], [['vitalchain/certificate']])
  refusesField(
    t,
    blockFormat,
    encoded,
    [3],
    [
      null,
      Array.from({ length: BLOCK_TRANSACTIONS_MAX + 1 }, () => Uint8Array.of(1)),
      [new Uint8Array(65_536)],
      [new Uint8Array(0)]
    ],
    [[]]
  )
})
