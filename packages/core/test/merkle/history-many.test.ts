import * as fc from 'fast-check'
import t from 'tap'
import { u32be } from '../../src/bytes.ts'
import { inclusionProofs, verifyInclusions } from '../../src/merkle/history-many.ts'
import { inclusionProof, rootAt } from '../../src/merkle/history-prove.ts'
import { leafHash } from '../../src/merkle/history.ts'
import { memoryTree, sparseTree } from './history-reference.ts'
import { useNodeCrypto } from '../ledger/node-crypto.ts'

useNodeCrypto()

const SIZE_MAX = 70
const leaves = Array.from({ length: SIZE_MAX }, (_, k) => leafHash(u32be(k)))
const { read } = memoryTree(leaves)

/** Some leaves of a tree, in order. */
const some = fc
  .integer({ min: 1, max: SIZE_MAX })
  .chain(size =>
    fc.tuple(fc.constant(size), fc.subarray(Array.from({ length: size }, (_, k) => k)))
  )

function placed(indices: readonly number[], size: number) {
  const paths = inclusionProofs(indices, size, read)
  return indices.map((index, k) => ({ index, leafHash: leaves[index]!, path: paths[k]! }))
}

t.test('any leaves of a tree are proved together, in at most the hashes of their own paths', t => {
  fc.assert(
    fc.property(some, ([size, indices]) => {
      const proofs = placed(indices, size)
      const own = indices.map(index => inclusionProof(index, size, read))
      return (
        verifyInclusions(proofs, size, rootAt(size, read)) &&
        proofs.every(({ path }, k) => path.length <= own[k]!.length) &&
        proofs[0]?.path.length === own[0]?.length
      )
    }),
    { numRuns: 500, seed: 1 }
  )
  t.end()
})

t.test('all leaves together need no hash but their own', t => {
  for (let size = 1; size <= SIZE_MAX; size++) {
    const indices = Array.from({ length: size }, (_, k) => k)
    const hashes = placed(indices, size).reduce((sum, { path }) => sum + path.length, 0)
    // The first path is whole; from then on everything to the right is found as sibling or computed.
    t.ok(hashes < size, `${hashes} hashes for ${size} leaves`)
  }
  t.end()
})

t.test('a change of any leaf, place, hash or length is refused', t => {
  const change = fc.constantFrom('leaf', 'index', 'hash', 'short', 'long', 'drop', 'swap', 'size')
  let tried = 0
  fc.assert(
    fc.property(some, fc.nat(), fc.nat(), change, ([size, indices], pick, bit, what) => {
      if (indices.length === 0) return true
      const proofs = placed(indices, size)
      const at = pick % proofs.length
      const one = proofs[at]!
      const flip = (hash: Uint8Array) => hash.with(bit % 32, hash[bit % 32]! ^ (1 << (bit % 8)))
      let changed = [...proofs]
      let changedSize = size
      if (what === 'leaf') changed[at] = { ...one, leafHash: flip(one.leafHash) }
      else if (what === 'index') changed[at] = { ...one, index: one.index + 1 }
      else if (what === 'hash' && one.path.length > 0) {
        const place = bit % one.path.length
        changed[at] = { ...one, path: one.path.with(place, flip(one.path[place]!)) }
      } else if (what === 'short' && one.path.length > 0)
        changed[at] = { ...one, path: one.path.slice(1) }
      else if (what === 'long') changed[at] = { ...one, path: [...one.path, one.leafHash] }
      else if (what === 'swap' && proofs.length > 1) changed = changed.toReversed()
      else if (what === 'size') changedSize = indices.at(-1)!
      else return true
      tried += 1
      return !verifyInclusions(changed, changedSize, rootAt(size, read))
    }),
    { numRuns: 2_000, seed: 2 }
  )
  t.ok(tried > 1_000, `${tried} changed proofs`)
  t.end()
})

t.test('paths that are not cut, or cut for other neighbours, are refused', t => {
  const size = 21
  const root = rootAt(size, read)
  const proofs = placed([3, 8, 9, 20], size)
  t.ok(verifyInclusions(proofs, size, root))
  const whole = proofs.map(each => ({ ...each, path: inclusionProof(each.index, size, read) }))
  t.notOk(verifyInclusions(whole, size, root))
  for (const left of [0, 1])
    t.notOk(
      verifyInclusions(
        proofs.filter((_, k) => k !== left),
        size,
        root
      )
    )
  t.ok(verifyInclusions(proofs.slice(0, 3), size, root), 'those in front do not need the last')
  t.end()
})

t.test('any input gets an answer', t => {
  const root = rootAt(3, read)
  const [one] = placed([1], 3)
  const bad = [
    { ...one!, index: -1 },
    { ...one!, index: 0.5 },
    { ...one!, index: 3 },
    { ...one!, path: undefined },
    { ...one!, leafHash: undefined },
    { ...one!, path: [undefined, root] }
  ]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what no caller in TypeScript can pass
  for (const each of bad) t.notOk(verifyInclusions([each as never], 3, root))
  t.notOk(verifyInclusions([one!], Number.NaN, root))
  t.notOk(verifyInclusions([one!], 3, new Uint8Array(31)))
  t.notOk(verifyInclusions([one!, one!], 3, root), 'one leaf twice')
  t.ok(verifyInclusions([], 3, root), 'nothing is claimed of no leaves')
  t.end()
})

t.test('trees past 32 bits are proved with exact arithmetic', t => {
  const leaf = leafHash(u32be(7))
  const indices = [5, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 2]
  const size = 2 ** 32 + 3
  const reader = sparseTree(new Map(indices.map(index => [index, leaf])))
  const paths = inclusionProofs(indices, size, reader)
  const proofs = indices.map((index, k) => ({ index, leafHash: leaf, path: paths[k]! }))
  t.ok(verifyInclusions(proofs, size, rootAt(size, reader)))
  t.notOk(
    verifyInclusions(
      proofs.with(1, { ...proofs[1]!, index: 2 ** 31 + 1 }),
      size,
      rootAt(size, reader)
    )
  )
  t.end()
})
