import t from 'tap'
import {
  checkHistory,
  laneName,
  type Acknowledged,
  type Chain,
  type PlacedStatement
} from '../../src/dev/history.ts'

const device = 'd1'

/** Two statements a block, all of one lane. */
function statements(count: number): readonly PlacedStatement[] {
  return Array.from({ length: count }, (_, seq) => ({
    id: `s${seq}`,
    device,
    lane: 0,
    boot: 0,
    seq,
    previous: seq === 0 ? undefined : `s${seq - 1}`,
    height: 1 + (seq >> 1)
  }))
}

function chain(node: string, change: Partial<Chain> = {}): Chain {
  return {
    node,
    left: false,
    blocks: ['b1', 'b2', 'b3'],
    state: 'state',
    statements: statements(6),
    accusations: [],
    payloadsMissing: 0,
    viewChanges: 0,
    ...change
  }
}

const told: Acknowledged = {
  signed: new Map([[laneName({ device, lane: 0 }), ['s0', 's1', 's2', 's3', 's4', 's5']]]),
  proved: [
    { id: 's0', height: 1, block: 'b1' },
    { id: 's5', height: 3, block: 'b3' }
  ]
}

const check = (change: Partial<Chain>, acknowledged = told, done = true): readonly string[] =>
  checkHistory([chain('A'), chain('B', change)], acknowledged, done)

const proved = (height: number, block: string): Acknowledged => ({
  ...told,
  proved: [{ id: 's4', height, block }]
})

t.test('a right history has no violation', async t => {
  t.same(check({}), [])
})

t.test('a fork, a chain that lags and a state that differs are told apart', async t => {
  t.match(check({ blocks: ['b1', 'x2', 'b3'] }), [/B: block 2 differs .* forked/])
  t.match(check({ blocks: ['b1', 'b2'] }), [/B: ends at height 2, A at 3/])
  t.match(check({ state: 'other' }), [/B: the state differs/])
})

t.test('a proved batch that one chain lacks is lost', async t => {
  const held = statements(6).slice(0, 5)
  const found = check({ statements: held })
  t.match(found, [/batch s5 was proved and is lost/, /5 statements of 6 signed/])
  t.match(check({ statements: held }, told, false), [/batch s5 was proved and is lost/])
})

t.test('a receipt must name a block of the chain that is not older than the batch', async t => {
  t.same(check({}, proved(3, 'b3')), [])
  t.match(check({}, proved(3, 'x')), [/A: the receipt/, /B: the receipt/])
  t.match(check({}, proved(2, 'b2')), [/A: .* after its proof/, /B: .* after its proof/])
})

t.test('a statement twice, out of order, or without its predecessor is seen', async t => {
  const right = statements(6)
  const [s0, s1, s2] = right
  t.match(check({ statements: [...right, s2!] }).join('\n'), /d1\/0\/0\/2 stands there twice/)
  const swapped = [s0!, s2!, s1!, ...right.slice(3)]
  t.match(check({ statements: swapped }).join('\n'), /is not what the device signed there/)
  t.match(check({ statements: swapped }).join('\n'), /out of order/)
  const unlinked = right.map(each => (each.seq === 3 ? { ...each, previous: 's0' } : each))
  t.match(check({ statements: unlinked }), [/statement 3 .* does not name the one before it/])
})

t.test('a statement that no device signed is seen', async t => {
  const ghost = { ...statements(1)[0]!, id: 'ghost', device: 'd2' }
  t.match(check({ statements: [...statements(6), ghost] }), [/statement 0 of d2\/0 is not what/])
})

t.test(
  'statements that are signed and not proved may be missing until the devices drained',
  async t => {
    const shorter = { statements: statements(5) }
    const none = { ...told, proved: [] }
    const both = [chain('A', shorter), chain('B', shorter)]
    t.same(checkHistory(both, none, false), [])
    t.match(checkHistory(both, none, true), [/A: .*5 statements of 6/, /B: .*5 statements of 6/])
  }
)

t.test('an accusation among honest nodes and a missing payload are violations', async t => {
  t.match(check({ accusations: [2] }), [/block 2 accuses somebody/])
  t.match(check({ payloadsMissing: 3 }), [/3 payloads are missing/])
})

t.test('a node that left holds the beginning of the history, and no other', async t => {
  const left = { left: true, blocks: ['b1', 'b2'], state: 'older', statements: statements(4) }
  t.same(check(left), [])
  t.match(check({ ...left, blocks: ['b1', 'x2'] }), [/block 2 differs/])
  t.match(check({ ...left, blocks: ['x1', 'b2', 'b3'] }), [/block 1 differs/])
})
