import * as fc from 'fast-check'
import t from 'tap'
import { fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import {
  EMPTY_STATE_ROOT,
  overlayNodes,
  readStateRoot,
  updateStateTree,
  type NodeStore,
  type StateChange
} from '../../src/merkle/state-tree.ts'
import { statePosition } from '../../src/merkle/state-node.ts'
import { bitsOf, crowdedKeys, keyOf, MemoryNodes, stateRoot } from './state-reference.ts'
import { useNodeCrypto } from '../ledger/node-crypto.ts'

useNodeCrypto()

const CROWDED = crowdedKeys()
const KEYS = [
  ...Array.from({ length: 25 }, (_, at) => keyOf(at)),
  ...CROWDED.triple,
  ...CROWDED.pair
]

/** A change of one of the keys to one of four values (one of them empty), or its deletion. */
const change = fc.record({
  key: fc.nat(KEYS.length - 1),
  value: fc.option(fc.nat(3), { nil: undefined })
})
const batches = fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 12 })

function toChanges(batch: readonly { key: number; value: number | undefined }[]): StateChange[] {
  return batch.map(({ key, value }) => [
    KEYS[key]!,
    value === undefined ? undefined : new Uint8Array(value)
  ])
}

/** What a sequence of changes leaves, by the key in hexadecimal. */
function finalEntries(changes: Iterable<StateChange>): [Uint8Array, Uint8Array][] {
  const entries = new Map<string, Uint8Array>()
  for (const [key, value] of changes) {
    if (value === undefined) entries.delete(toHex(key))
    else entries.set(toHex(key), value)
  }
  return Array.from(entries, ([key, value]) => [fromHex(key), value])
}

t.test('the root is that of the definition after any sequence of changes', t => {
  fc.assert(
    fc.property(batches, sequence => {
      const store = new MemoryNodes()
      const all: StateChange[] = []
      for (const batch of sequence) {
        const root = store.apply(toChanges(batch))
        all.push(...toChanges(batch))
        if (toHex(root) !== toHex(stateRoot(finalEntries(all)))) return false
        if (toHex(root) !== toHex(readStateRoot(store))) return false
      }
      return true
    }),
    { seed: 1, numRuns: 400 }
  )
  t.end()
})

t.test('the records depend on the set of entries alone: not on order, batches or past', t => {
  fc.assert(
    fc.property(batches, fc.boolean(), (sequence, backwards) => {
      const batched = new MemoryNodes()
      const single = new MemoryNodes()
      for (const batch of sequence) {
        batched.apply(toChanges(batch))
        for (const one of toChanges(batch)) single.apply([one])
      }
      const fresh = new MemoryNodes()
      const entries = finalEntries(sequence.flatMap(toChanges))
      fresh.apply(backwards ? entries.toReversed() : entries)
      const expected = fresh.dump().join()
      return batched.dump().join() === expected && single.dump().join() === expected
    }),
    { seed: 2, numRuns: 300 }
  )
  t.end()
})

t.test('overlays on overlays are the store that will be, and leave the store as it is', t => {
  fc.assert(
    fc.property(batches, sequence => {
      const base = new MemoryNodes()
      base.apply(KEYS.slice(0, 10).map(key => [key, utf8('before')]))
      const before = base.dump().join()
      const written = new MemoryNodes()
      written.write(base.records)
      let overlay: NodeStore = base
      for (const batch of sequence) {
        const { root, writes } = updateStateTree(overlay, toChanges(batch))
        overlay = overlayNodes(overlay, writes)
        if (toHex(written.apply(toChanges(batch))) !== toHex(root)) return false
        if (toHex(readStateRoot(overlay)) !== toHex(root)) return false
      }
      return base.dump().join() === before
    }),
    { seed: 3, numRuns: 200 }
  )
  t.end()
})

t.test('a tree without entries has the empty root and no record', t => {
  const store = new MemoryNodes()
  t.same(readStateRoot(store), EMPTY_STATE_ROOT)
  t.same(EMPTY_STATE_ROOT, new Uint8Array(32))
  t.same(store.apply([]), EMPTY_STATE_ROOT)
  t.same(store.apply([[keyOf(1), undefined]]), EMPTY_STATE_ROOT)
  store.apply(KEYS.map(key => [key, utf8('value')]))
  t.same(store.apply(KEYS.map(key => [key, undefined])), EMPTY_STATE_ROOT)
  t.equal(store.records.size, 0)
  t.end()
})

t.test('deleting the neighbour lifts a leaf past all the levels they shared', t => {
  const [one, other] = CROWDED.pair
  const store = new MemoryNodes()
  const alone = store.apply([[one, utf8('a')]])
  t.equal(store.records.size, 1)
  store.apply([[other, utf8('b')]])
  t.ok(store.records.size >= 25, 'an inner node for each shared bit, and the one that parts them')
  t.same(store.apply([[other, undefined]]), alone)
  t.equal(store.records.size, 1)
  t.end()
})

t.test('of two changes to one key in a batch the later one counts', t => {
  const [key, store] = [keyOf(1), new MemoryNodes()]
  const expected = stateRoot([[key, utf8('late')]])
  t.same(
    updateStateTree(store, [
      [key, utf8('early')],
      [key, utf8('late')]
    ]).root,
    expected
  )
  t.same(
    updateStateTree(store, [
      [key, undefined],
      [key, utf8('late')]
    ]).root,
    expected
  )
  t.same(
    updateStateTree(store, [
      [key, utf8('early')],
      [key, undefined]
    ]).root,
    EMPTY_STATE_ROOT
  )
  t.end()
})

t.test('a change that changes nothing writes nothing', t => {
  const store = new MemoryNodes()
  for (const count of [1, 2, KEYS.length]) {
    const root = store.apply(KEYS.slice(0, count).map(key => [key, utf8('same')]))
    const update = updateStateTree(store, [
      [KEYS[0]!, utf8('same')],
      [keyOf(999), undefined]
    ])
    t.same(update.root, root)
    t.equal(update.writes.size, 0)
  }
  t.end()
})

t.test('a value of no bytes is not the absence of a value', t => {
  const store = new MemoryNodes()
  t.not(toHex(store.apply([[keyOf(1), new Uint8Array(0)]])), toHex(EMPTY_STATE_ROOT))
  t.equal(store.records.size, 1)
  t.end()
})

t.test('a write reads and writes as many records as the tree is deep', t => {
  const store = new MemoryNodes()
  const mean: number[] = []
  for (const size of [256, 1024, 4096]) {
    const from = size / 4
    store.apply(Array.from({ length: size - from }, (_, at) => [keyOf(from + at), utf8('v')]))
    store.reads = 0
    let writes = 0
    for (let at = 0; at < 64; at += 1) {
      writes += updateStateTree(store, [[keyOf(1_000_000 + at), utf8('v')]]).writes.size
    }
    // One more than the depth of a random leaf, which is about log2 n + 0.3, and the top.
    t.ok(store.reads / 64 < Math.log2(size) + 4, `${store.reads / 64} reads at ${size}`)
    t.ok(writes / 64 < Math.log2(size) + 4, `${writes / 64} writes at ${size}`)
    mean.push(store.reads / 64)
  }
  t.ok(mean[2]! - mean[0]! < 5, `four times the entries are two levels more: ${mean.join(', ')}`)
  t.end()
})

/** Where an in-order walk meets the node under a prefix. */
function order(prefix: string): string {
  return `${prefix}1`.padEnd(20, '0')
}

t.test('positions are unique, and in the order of the tree from left to right', t => {
  const paths = KEYS.map(key => sha256(key))
  const seen = new Map<string, string>()
  for (const path of paths) {
    for (let depth = 0; depth < 256; depth += 1) {
      const position = statePosition(path, depth)
      const prefix = bitsOf(path).slice(0, depth)
      t.equal(seen.get(position) ?? prefix, prefix)
      seen.set(position, prefix)
    }
  }
  t.equal(new Set(seen.values()).size, seen.size)
  // In-order: what is left of a node sorts before it, what is right of it after.
  const inOrder = ['', '0', '1', '00', '01', '10', '11', '0111111', '01111111', '011111110']
  const positions = inOrder.map(prefix => {
    const byte = (at: number): number => Number.parseInt(prefix.slice(at, at + 8).padEnd(8, '0'), 2)
    return statePosition(Uint8Array.of(byte(0), prefix.length > 8 ? byte(8) : 0), prefix.length)
  })
  t.same(
    positions.toSorted(),
    inOrder
      .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
      .map(p => positions[inOrder.indexOf(p)])
  )
  t.end()
})

t.test('a lost or malformed record is an error, not another tree', t => {
  const store = new MemoryNodes()
  store.apply(KEYS.map(key => [key, utf8('value')]))
  const error = { code: 'ERR_STATE_NODE' }
  const path = sha256(KEYS[0]!)
  for (let depth = 0; store.records.has(statePosition(path, depth)); depth += 1) {
    const position = statePosition(path, depth)
    const record = store.records.get(position)!
    const broken = [
      undefined,
      new Uint8Array(0),
      record.slice(0, -1),
      Uint8Array.of(...record, 0),
      Uint8Array.of(3, ...record),
      Uint8Array.of(0)
    ]
    for (const bytes of depth === 0 ? broken.slice(1) : broken) {
      const reader = overlayNodes(store, new Map([[position, bytes]]))
      t.throws(() => updateStateTree(reader, [[KEYS[0]!, utf8('new')]]), error)
    }
  }
  t.end()
})
