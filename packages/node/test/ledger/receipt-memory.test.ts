import t from 'tap'
import { createReceiptMemory } from '../../src/ledger/receipt-memory.ts'

t.test('a receipt is remembered as it was made, whatever its reader does to it', async t => {
  const memory = createReceiptMemory()
  const made = Uint8Array.of(1, 2, 3)
  memory.keep(7, made)
  made.fill(0)
  memory.get(7)?.fill(9)
  t.same(memory.get(7), Uint8Array.of(1, 2, 3))
  t.equal(memory.get(8), undefined)
})

t.test(
  'what was made first is forgotten first, and no more bytes are kept than may be',
  async t => {
    const memory = createReceiptMemory(10)
    for (let index = 0; index < 5; index++) memory.keep(index, new Uint8Array(4).fill(index))
    t.same(
      [0, 1, 2, 3, 4].map(index => memory.get(index)?.length),
      [undefined, undefined, undefined, 4, 4]
    )
    memory.keep(4, new Uint8Array(4))
    memory.keep(5, new Uint8Array(11))
    t.equal(memory.get(5), undefined, 'one that is larger than the room is not kept')
    t.equal(memory.get(4)?.[0], 4, 'and nothing is forgotten for it')
  }
)
