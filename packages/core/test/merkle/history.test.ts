import * as fc from 'fast-check'
import t from 'tap'
import { fromHex, toHex, utf8 } from '../../src/bytes.ts'
import { sha256 } from '../../src/crypto/hash.ts'
import {
  consistencyProof,
  frontierAt,
  inclusionProof,
  rootAt
} from '../../src/merkle/history-prove.ts'
import {
  appendLeaves,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  frontierHead,
  frontierRoot,
  leafHash,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
  type TreeHead
} from '../../src/merkle/history.ts'
import { memoryTree, mth, path, sparseTree, subproof } from './history-reference.ts'
import { useNodeCrypto } from '../ledger/node-crypto.ts'

useNodeCrypto()

// The reference tree of the Certificate Transparency projects: its leaves, the root at each size,
// and proofs from their hand-made vectors (github.com/transparency-dev/merkle, testonly).
const CT_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f'
].map(hex => leafHash(fromHex(hex)))
const CT_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
]
const CT_PATHS: readonly [index: number, size: number, path: string[]][] = [
  [0, 1, []],
  [0, 2, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7']],
  [1, 2, ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d']],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b'
    ]
  ],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4'
    ]
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'
    ]
  ]
]
const CT_CONSISTENCY: readonly [first: number, second: number, proof: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4'
    ]
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b'
    ]
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'
    ]
  ]
]

/** Sizes up to which every pair is tried: past 64, so that all shapes of three levels occur twice. */
const SIZE_MAX = 40
const LEAVES = Array.from({ length: SIZE_MAX }, (_, index) => leafHash(utf8(`leaf ${index}`)))
const TREE = memoryTree(LEAVES)
const HEADS: readonly TreeHead[] = Array.from({ length: SIZE_MAX + 1 }, (_, size) => ({
  size,
  root: mth(LEAVES.slice(0, size))
}))

/** Every proof that differs from the given one by one bit, a place, or a missing or added hash. */
function mutations(proof: readonly Uint8Array[], size: number): Uint8Array[][] {
  const changed: Uint8Array[][] = [[...proof, sha256(utf8('more'))]]
  changed.push([sha256(utf8('more')), ...proof])
  for (const [at, hash] of proof.entries()) {
    const flipped = Uint8Array.from(hash)
    const bit = (at * 37 + size) % 256
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    changed.push(proof.with(at, flipped))
    changed.push(proof.toSpliced(at, 1))
    changed.push(proof.toSpliced(at, 0, hash))
    changed.push(proof.with(at, hash.slice(1)))
    if (at > 0) changed.push(proof.with(at, proof[at - 1]!).with(at - 1, hash))
  }
  // Swapping two equal hashes changes nothing.
  const same = proof.map(toHex).join()
  return changed.filter(mutation => mutation.map(toHex).join() !== same)
}

t.test('the reference tree of Certificate Transparency has its published roots', t => {
  const { read } = memoryTree(CT_LEAVES)
  for (const [size, root] of CT_ROOTS.entries()) {
    t.equal(toHex(frontierRoot(appendLeaves(EMPTY_FRONTIER, CT_LEAVES.slice(0, size)))), root)
    t.equal(toHex(rootAt(size, read)), root)
  }
  t.equal(toHex(EMPTY_ROOT), CT_ROOTS[0])
  t.end()
})

function ctHead(size: number): TreeHead {
  return { size, root: fromHex(CT_ROOTS[size]!) }
}

t.test('the reference tree of Certificate Transparency has its published proofs', t => {
  const { read } = memoryTree(CT_LEAVES)
  for (const [index, size, expected] of CT_PATHS) {
    const proof = inclusionProof(index, size, read)
    t.same(proof.map(toHex), expected, `leaf ${index} of ${size}`)
    t.ok(verifyInclusion(CT_LEAVES[index]!, index, size, proof, ctHead(size).root))
  }
  for (const [first, second, expected] of CT_CONSISTENCY) {
    const proof = consistencyProof(first, second, read)
    t.same(proof.map(toHex), expected, `${first} to ${second}`)
    t.ok(verifyConsistency(ctHead(first), ctHead(second), proof))
  }
  t.end()
})

t.test('the example of RFC 9162 section 2.1.5 gives the proofs it lists', t => {
  const leaves = LEAVES.slice(0, 7)
  const [a, b, c, d, e, f, j] = [0, 1, 2, 3, 4, 5, 6].map(at => LEAVES[at]!)
  const g = nodeHash(a!, b!)
  const h = nodeHash(c!, d!)
  const i = nodeHash(e!, f!)
  const k = nodeHash(g, h)
  const l = nodeHash(i, j!)
  const { frontier, read } = memoryTree(leaves)
  t.same(frontierRoot(frontier), nodeHash(k, l))
  t.same(inclusionProof(0, 7, read), [b, h, l])
  t.same(inclusionProof(3, 7, read), [c, g, l])
  t.same(inclusionProof(4, 7, read), [f, j, k])
  t.same(inclusionProof(6, 7, read), [i, k])
  t.same(consistencyProof(3, 7, read), [c, d, g, l])
  t.same(consistencyProof(4, 7, read), [l])
  t.same(consistencyProof(6, 7, read), [i, j, k])
  t.end()
})

t.test('roots and frontiers agree with the definition however the leaves were batched', t => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 8 }), batches => {
      let frontier = EMPTY_FRONTIER
      for (const count of batches) {
        const before = structuredClone(frontier)
        const after = appendLeaves(
          frontier,
          LEAVES.slice(frontier.size, Math.min(SIZE_MAX, frontier.size + count))
        )
        if (toHex(frontierRoot(frontier)) !== toHex(frontierRoot(before))) return false
        frontier = after
      }
      const head = frontierHead(frontier)
      const again = frontierAt(head.size, TREE.read)
      return (
        toHex(head.root) === toHex(HEADS[head.size]!.root) &&
        again.peaks.map(toHex).join() === frontier.peaks.map(toHex).join()
      )
    }),
    { seed: 1, numRuns: 200 }
  )
  t.end()
})

t.test('each leaf of each size has exactly the path of the definition, and no changed one', t => {
  const wrong: string[] = []
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    const { root } = HEADS[size]!
    for (let index = 0; index < size; index += 1) {
      const name = `leaf ${index} of ${size}`
      const leaf = LEAVES[index]!
      const proof = inclusionProof(index, size, TREE.read)
      const expected = path(index, LEAVES.slice(0, size))
      if (proof.map(toHex).join() !== expected.map(toHex).join()) wrong.push(name)
      if (!verifyInclusion(leaf, index, size, proof, root)) wrong.push(`${name} is refused`)
      for (const [at, changed] of mutations(proof, size).entries()) {
        if (verifyInclusion(leaf, index, size, changed, root)) wrong.push(`${name}, change ${at}`)
      }
      const other = (index + 1) % size
      if (other !== index && verifyInclusion(leaf, other, size, proof, root)) wrong.push(name)
      if (verifyInclusion(root, index, size, proof, leaf) && size > 1) wrong.push(name)
      if (verifyInclusion(leaf, size, size, proof, root)) wrong.push(`${name} past the end`)
    }
  }
  t.same(wrong, [])
  t.end()
})

t.test('each pair of sizes has exactly the proof of the definition, and no changed one', t => {
  const wrong: string[] = []
  const forged = sha256(utf8('forged'))
  for (let second = 0; second <= SIZE_MAX; second += 1) {
    for (let first = 0; first <= second; first += 1) {
      const name = `${first} to ${second}`
      const proof = consistencyProof(first, second, TREE.read)
      const expected = first === 0 ? [] : subproof(first, LEAVES.slice(0, second), true)
      const [from, to] = [HEADS[first]!, HEADS[second]!]
      if (proof.map(toHex).join() !== expected.map(toHex).join()) wrong.push(name)
      if (!verifyConsistency(from, to, proof)) wrong.push(`${name} is refused`)
      for (const [at, changed] of mutations(proof, second).entries()) {
        if (verifyConsistency(from, to, changed)) wrong.push(`${name}, change ${at}`)
      }
      if (verifyConsistency({ ...from, root: forged }, to, proof)) wrong.push(`${name}, first root`)
      if (first > 0 && verifyConsistency(from, { ...to, root: forged }, proof)) {
        wrong.push(`${name}, second root`)
      }
      if (first < second && verifyConsistency(to, from, proof)) wrong.push(`${name} backwards`)
    }
  }
  t.same(wrong, [])
  t.end()
})

/** Where a path leads in a tree that is perfect as far as the path goes. */
function climb(leaf: Uint8Array, index: number, path: readonly Uint8Array[]): Uint8Array {
  return path.reduce(
    (hash, sibling, level) =>
      Math.floor(index / 2 ** level) % 2 === 0 ? nodeHash(hash, sibling) : nodeHash(sibling, hash),
    leaf
  )
}

t.test('a proof must be as long as the tree is deep, even under a root that it leads to', t => {
  const more = sha256(utf8('more'))
  for (const size of [1, 2, 5, 8]) {
    const root = HEADS[size]!.root
    for (let index = 0; index < size; index += 1) {
      const proof = inclusionProof(index, size, TREE.read)
      const under = [nodeHash(more, root), nodeHash(root, more)]
      t.notOk(
        under.some(top => verifyInclusion(LEAVES[index]!, index, size, [...proof, more], top))
      )
      // One step short: the root that the shorter proof leads to.
      const rest = proof.slice(0, -1)
      const shorter = climb(LEAVES[index]!, index, rest)
      t.notOk(proof.length > 0 && verifyInclusion(LEAVES[index]!, index, size, rest, shorter))
    }
  }
  const [first, second] = [HEADS[2]!, HEADS[5]!]
  const [near, far] = consistencyProof(2, 5, TREE.read)
  t.ok(verifyConsistency(first, second, [near!, far!]))
  const short = { size: 5, root: nodeHash(first.root, near!) }
  t.notOk(verifyConsistency(first, short, [near!]))
  const long = { size: 5, root: nodeHash(more, second.root) }
  t.notOk(
    verifyConsistency({ size: 2, root: nodeHash(more, first.root) }, long, [near!, far!, more])
  )
  t.notOk(verifyConsistency(first, long, [near!, far!, more]))
  t.notOk(
    verifyConsistency(first, { size: 5, root: nodeHash(second.root, more) }, [near!, far!, more])
  )
  // From 3 the first root is computed too, so that both roots can be those the long proof leads to.
  const both = consistencyProof(3, 5, TREE.read)
  const raised = [HEADS[3]!, HEADS[5]!].map(({ size, root }) => ({
    size,
    root: nodeHash(more, root)
  }))
  t.notOk(verifyConsistency(raised[0]!, raised[1]!, [...both, more]))
  t.end()
})

t.test('a rewritten leaf is never consistent with the tree before', t => {
  const rewritten = memoryTree(LEAVES.with(5, leafHash(utf8('rewritten'))))
  for (let first = 6; first < SIZE_MAX; first += 1) {
    const proof = consistencyProof(first, SIZE_MAX, rewritten.read)
    t.notOk(verifyConsistency(HEADS[first]!, frontierHead(rewritten.frontier), proof))
  }
  t.end()
})

t.test('trees past 32 bits are proved with exact arithmetic', t => {
  const leaf = leafHash(utf8('the one that counts'))
  const sizes = [2 ** 32 + 3, 2 ** 40, 2 ** 40 + 2 ** 31 + 1, Number.MAX_SAFE_INTEGER]
  for (const size of sizes) {
    for (const index of [0, 5, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 2, size - 1]) {
      let reads = 0
      const tree = sparseTree(new Map([[index, leaf]]))
      const read = (level: number, node: number): Uint8Array => {
        reads += 1
        return tree(level, node)
      }
      const root = rootAt(size, read)
      reads = 0
      const proof = inclusionProof(index, size, read)
      t.ok(reads <= 2 * 53, `${reads} reads for leaf ${index} of ${size}`)
      t.ok(verifyInclusion(leaf, index, size, proof, root))
      t.notOk(verifyInclusion(leaf, index === 0 ? 1 : index - 1, size, proof, root))
      t.notOk(mutations(proof, index % 256).some(p => verifyInclusion(leaf, index, size, p, root)))
      const first = { size: index + 1, root: rootAt(index + 1, read) }
      const second = { size, root }
      reads = 0
      const consistency = consistencyProof(first.size, size, read)
      t.ok(reads <= 2 * 53, `${reads} reads from ${first.size} to ${size}`)
      t.ok(verifyConsistency(first, second, consistency))
      const changed = mutations(consistency, index % 256)
      t.notOk(changed.some(p => verifyConsistency(first, second, p)))
    }
  }
  t.end()
})

t.test('appending goes on from a frontier past 32 bits', t => {
  const size = 2 ** 32 + 3
  const leaf = leafHash(utf8('next'))
  const nodes: string[] = []
  const next = appendLeaves(frontierAt(size, sparseTree(new Map())), [leaf], (level, index) => {
    nodes.push(`${level}/${index}`)
  })
  t.same(frontierRoot(next), rootAt(size + 1, sparseTree(new Map([[size, leaf]]))))
  t.same(nodes, [`0/${size}`, `1/${(size - 1) / 2}`, `2/${(size - 3) / 4}`])
  t.end()
})

t.test('verification answers any input without throwing', t => {
  const value = fc.oneof(fc.anything(), fc.integer(), fc.uint8Array({ maxLength: 40 }))
  const proof = fc.oneof(value, fc.array(fc.uint8Array({ minLength: 31, maxLength: 33 })))
  const head = fc.oneof(value, fc.record({ size: value, root: value }))
  fc.assert(
    fc.property(value, value, value, proof, value, (leaf, index, size, path, root) => {
      return Reflect.apply(verifyInclusion, undefined, [leaf, index, size, path, root]) === false
    }),
    { seed: 2, numRuns: 1000 }
  )
  fc.assert(
    fc.property(head, head, proof, (first, second, path) => {
      return typeof Reflect.apply(verifyConsistency, undefined, [first, second, path]) === 'boolean'
    }),
    { seed: 3, numRuns: 1000 }
  )
  const holes: Uint8Array[] = []
  holes.length = 1
  t.notOk(verifyInclusion(LEAVES[0]!, 0, 2, holes, HEADS[2]!.root))
  t.end()
})

t.test('a tree refuses what it cannot hold or prove', t => {
  const range = { code: 'ERR_TREE_RANGE' }
  t.throws(() => inclusionProof(7, 7, TREE.read), range)
  t.throws(() => inclusionProof(0, 0, TREE.read), range)
  t.throws(() => inclusionProof(-1, 7, TREE.read), range)
  t.throws(() => inclusionProof(0.5, 7, TREE.read), range)
  t.throws(() => consistencyProof(8, 7, TREE.read), range)
  t.throws(() => rootAt(2 ** 53, TREE.read), range)
  t.throws(() => appendLeaves(EMPTY_FRONTIER, [new Uint8Array(31)]), { code: 'ERR_TREE_LEAF' })
  const full = frontierAt(Number.MAX_SAFE_INTEGER, sparseTree(new Map()))
  t.throws(() => appendLeaves(full, LEAVES.slice(0, 1)), { code: 'ERR_TREE_SIZE' })
  t.throws(() => appendLeaves({ size: 1, peaks: [] }, LEAVES.slice(0, 1)), {
    code: 'ERR_TREE_FRONTIER'
  })
  t.end()
})
