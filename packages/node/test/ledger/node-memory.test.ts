import { sha256, u64be } from '@vitalchain/core'
import t from 'tap'
import { createNodeMemory } from '../../src/ledger/node-memory.ts'

t.test('a node is read once, until too many others were or all are forgotten', t => {
  const reads: string[] = []
  const memory = createNodeMemory((level, index) => {
    reads.push(`${level}.${index}`)
    return sha256(u64be(level * 1_000 + index))
  }, 3)
  const ask = (...nodes: readonly (readonly [level: number, index: number])[]): string[] => {
    reads.length = 0
    for (const [level, index] of nodes)
      t.same(memory.read(level, index), sha256(u64be(level * 1_000 + index)))
    return [...reads]
  }
  t.same(ask([0, 1], [1, 1], [0, 1], [1, 1]), ['0.1', '1.1'])
  t.same(ask([2, 0], [0, 1]), ['2.0'])
  t.same(ask([3, 0]), ['3.0'])
  t.same(ask([1, 1], [2, 0], [3, 0]), [], 'the oldest made room')
  t.same(ask([0, 1]), ['0.1'])
  memory.forget()
  t.same(ask([0, 1], [2, 0]), ['0.1', '2.0'])
  t.end()
})
