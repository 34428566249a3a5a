import * as fc from 'fast-check'
import t from 'tap'
import { toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import { nodeHash } from '../../src/merkle/history.ts'
import { pathBit, stateLeafHash, statePosition } from '../../src/merkle/state-node.ts'
import { proveState, verifyStateProof, type StateProof } from '../../src/merkle/state-proof.ts'
import { EMPTY_STATE_ROOT, overlayNodes, readStateRoot } from '../../src/merkle/state-tree.ts'
import { crowdedKeys, keyOf, MemoryNodes } from './state-reference.ts'
import { useNodeCrypto } from '../ledger/node-crypto.ts'

useNodeCrypto()

const CROWDED = crowdedKeys()
const VALUE = utf8('a value')

/** A tree with these keys, all of one value. */
function treeOf(keys: readonly Uint8Array[]): { store: MemoryNodes; root: Uint8Array } {
  const store = new MemoryNodes()
  return { store, root: store.apply(keys.map(key => [key, VALUE])) }
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  flipped[bit >> 3]! ^= 1 << (bit & 7)
  return flipped
}

/** Every proof that differs from the given one by one bit, a place, a missing or an added part. */
function mutations(proof: StateProof, key: Uint8Array): StateProof[] {
  const { siblings, leaf } = proof
  const lists = [
    [...siblings, sha256(VALUE)],
    [...siblings, EMPTY_STATE_ROOT],
    [EMPTY_STATE_ROOT, ...siblings],
    [sha256(VALUE), ...siblings]
  ]
  for (const [at, sibling] of siblings.entries()) {
    lists.push(siblings.with(at, flip(sibling, at % 256)), siblings.toSpliced(at, 1))
    lists.push(siblings.with(at, sibling.subarray(1)), siblings.toSpliced(at, 0, sibling))
    const before = siblings[at - 1]
    if (before !== undefined && toHex(before) !== toHex(sibling)) {
      lists.push(siblings.with(at, before).with(at - 1, sibling))
    }
  }
  const changed: StateProof[] = lists.map(list => ({ ...proof, siblings: list }))
  const own = { path: sha256(key), valueHash: sha256(VALUE) }
  changed.push({ siblings, leaf: own })
  changed.push({ siblings, leaf: { ...own, path: flip(own.path, 7) } })
  if (leaf !== undefined) {
    changed.push({ siblings })
    for (const bit of [0, 100, 255]) {
      changed.push({ siblings, leaf: { ...leaf, path: flip(leaf.path, bit) } })
      changed.push({ siblings, leaf: { ...leaf, valueHash: flip(leaf.valueHash, bit) } })
    }
    changed.push({ siblings, leaf: { ...leaf, path: leaf.path.subarray(1) } })
  }
  return changed
}

t.test('every key is proved present with its value, every other absent, and never both', t => {
  const crowded = [...CROWDED.triple, ...CROWDED.pair]
  for (const size of [0, 1, 2, 3, 8, 60]) {
    const inside = [
      ...Array.from({ length: size }, (_, at) => keyOf(at)),
      ...crowded.slice(0, size)
    ]
    const outside = [
      ...Array.from({ length: 40 }, (_, at) => keyOf(1000 + at)),
      ...crowded.slice(size)
    ]
    const { store, root } = treeOf(inside)
    const wrong: string[] = []
    for (const [keys, value, lie] of [
      [inside, VALUE, undefined],
      [outside, undefined, VALUE]
    ] as const) {
      for (const key of keys) {
        const proof = proveState(store, key)
        const name = `${new TextDecoder().decode(key)} of ${size}`
        if (!verifyStateProof({ root, key, value, proof })) wrong.push(name)
        if (verifyStateProof({ root, key, value: lie, proof })) wrong.push(`${name}, a lie`)
        const other = utf8('another value')
        if (verifyStateProof({ root, key, value: other, proof })) wrong.push(`${name}, other value`)
        const otherRoot = flip(root, 9)
        if (verifyStateProof({ root: otherRoot, key, value, proof })) wrong.push(`${name}, root`)
        for (const [at, changed] of mutations(proof, key).entries()) {
          for (const claim of [value, lie]) {
            if (verifyStateProof({ root, key, value: claim, proof: changed })) {
              wrong.push(`${name}, change ${at}`)
            }
          }
        }
      }
    }
    t.same(wrong, [])
  }
  t.end()
})

t.test('a proof is for its key only', t => {
  const keys = Array.from({ length: 50 }, (_, at) => keyOf(at))
  const { store, root } = treeOf(keys)
  for (const key of keys) {
    const proof = proveState(store, key)
    const others = keys.filter(other => other !== key)
    t.notOk(others.some(other => verifyStateProof({ root, key: other, value: VALUE, proof })))
    t.notOk(others.some(other => verifyStateProof({ root, key: other, value: undefined, proof })))
  }
  t.end()
})

t.test('absence is shown by an empty place or by the leaf that is there instead', t => {
  const { store } = treeOf(Array.from({ length: 60 }, (_, at) => keyOf(1000 + at)))
  const kinds = { empty: 0, leaf: 0 }
  for (let at = 0; at < 200; at += 1) {
    kinds[proveState(store, keyOf(at)).leaf === undefined ? 'empty' : 'leaf'] += 1
  }
  t.ok(kinds.empty > 10 && kinds.leaf > 10, `${kinds.empty} empty places, ${kinds.leaf} leaves`)
  t.same(proveState(new MemoryNodes(), keyOf(0)), { siblings: [] })
  t.end()
})

t.test('keys that share a long prefix are proved past empty siblings', t => {
  const [one, other] = CROWDED.pair
  const { store, root } = treeOf([one])
  const absent = proveState(store, other)
  t.same(absent.siblings, [])
  t.ok(verifyStateProof({ root, key: other, value: undefined, proof: absent }))
  const both = store.apply([[other, VALUE]])
  const present = proveState(store, other)
  t.ok(present.siblings.length >= 25)
  t.equal(present.siblings.filter(hash => toHex(hash) !== toHex(EMPTY_STATE_ROOT)).length, 1)
  t.ok(verifyStateProof({ root: both, key: other, value: VALUE, proof: present }))
  t.notOk(verifyStateProof({ root: both, key: other, value: undefined, proof: absent }))
  t.end()
})

t.test('a proof may be as deep as a path is long, and no deeper', t => {
  const key = keyOf(7)
  const path = sha256(key)
  const siblings = Array.from({ length: 256 }, (_, at) => sha256(keyOf(at)))
  const rootOver = (leaf: Uint8Array, list: readonly Uint8Array[]): Uint8Array =>
    list.reduce((hash, sibling, at) => {
      const depth = list.length - 1 - at
      return pathBit(path, depth) === 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash)
    }, leaf)
  const leaf = stateLeafHash(path, sha256(VALUE))
  const root = rootOver(leaf, siblings)
  t.ok(verifyStateProof({ root, key, value: VALUE, proof: { siblings } }))
  const deeper = [...siblings, sha256(VALUE)]
  const deeperRoot = rootOver(leaf, deeper)
  t.notOk(verifyStateProof({ root: deeperRoot, key, value: VALUE, proof: { siblings: deeper } }))
  // Another leaf can be in the way only where the paths have not parted yet.
  const twin = { path: flip(path, 248), valueHash: sha256(VALUE) }
  const twinHash = stateLeafHash(twin.path, twin.valueHash)
  for (const [length, holds] of [
    [255, true],
    [256, false]
  ] as const) {
    const list = siblings.slice(0, length)
    const claim = { root: rootOver(twinHash, list), key, value: undefined }
    t.equal(verifyStateProof({ ...claim, proof: { siblings: list, leaf: twin } }), holds)
  }
  t.end()
})

t.test('a tree that keeps a lone leaf deeper than it must is not accepted', t => {
  const key = keyOf(3)
  const leaf = stateLeafHash(sha256(key), sha256(VALUE))
  const left = pathBit(sha256(key), 0) === 0
  const root = left ? nodeHash(leaf, EMPTY_STATE_ROOT) : nodeHash(EMPTY_STATE_ROOT, leaf)
  t.notOk(verifyStateProof({ root, key, value: VALUE, proof: { siblings: [EMPTY_STATE_ROOT] } }))
  t.end()
})

t.test('verification answers any input without throwing', t => {
  const hash = fc.uint8Array({ minLength: 31, maxLength: 33 })
  const value = fc.oneof(fc.anything(), hash)
  const leaf = fc.oneof(value, fc.record({ path: value, valueHash: value }))
  const proof = fc.oneof(
    value,
    fc.record({ siblings: fc.oneof(value, fc.array(value), fc.array(hash)), leaf })
  )
  fc.assert(
    fc.property(value, value, value, proof, (root, key, claim, any) => {
      const input = { root, key, value: claim, proof: any }
      return Reflect.apply(verifyStateProof, undefined, [input]) === false
    }),
    { seed: 1, numRuns: 3000 }
  )
  const { root } = treeOf([keyOf(1)])
  const siblings: Uint8Array[] = []
  siblings.length = 1
  t.notOk(verifyStateProof({ root, key: keyOf(1), value: VALUE, proof: { siblings } }))
  t.end()
})

t.test('a flipped bit on the disk never becomes a proof that is handed out', t => {
  const keys = Array.from({ length: 40 }, (_, at) => keyOf(at))
  const { store, root } = treeOf(keys)
  const key = keys[0]!
  const path = sha256(key)
  const wrong: string[] = []
  for (let depth = 0; store.records.has(statePosition(path, depth)); depth += 1) {
    const position = statePosition(path, depth)
    const record = store.records.get(position)!
    for (let bit = 0; bit < 8 * record.length; bit += 1) {
      const damaged = overlayNodes(store, new Map([[position, flip(record, bit)]]))
      try {
        // A flipped top record is another root, which no block has.
        if (toHex(readStateRoot(damaged)) !== toHex(root)) continue
        proveState(damaged, key)
        wrong.push(`${position}, bit ${bit}`)
      } catch (error) {
        t.match(error, { code: 'ERR_STATE_NODE' })
      }
    }
  }
  t.same(wrong, [])
  t.end()
})
