import { toHex, utf8 } from '../../src/bytes.ts'
import { consistencyProof, inclusionProof, rootAt } from '../../src/merkle/history-prove.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../../src/merkle/history.ts'
import { proveState, verifyStateProof, type StateProof } from '../../src/merkle/state-proof.ts'
import { seed, type SmallLedger } from './small-ledger.ts'
import { type Json, toJson } from './vector-json.ts'

export function historyVectors(ledger: SmallLedger): Json {
  const { readNode } = ledger
  const size = ledger.transactions.length
  const sizes = Array.from({ length: size + 1 }, (_, k) => k)
  const head = (at: number) => ({ size: at, root: rootAt(at, readNode) })
  const inclusion = [
    [0, 1],
    [0, size],
    [5, size],
    [size - 1, size],
    [6, 7],
    [3, 8]
  ] as const
  const consistency = [
    [1, size],
    [4, size],
    [7, size],
    [8, 16],
    [size, size],
    [0, size]
  ] as const
  const paths = inclusion.map(([index, at]) => ({
    index,
    size: at,
    root: rootAt(at, readNode),
    leafHash: leafHash(ledger.transactions[index]!),
    path: inclusionProof(index, at, readNode)
  }))
  const proofs = consistency.map(([first, second]) => ({
    first: head(first),
    second: head(second),
    proof: consistencyProof(first, second, readNode)
  }))
  const path = paths[2]!
  const proof = proofs[2]!
  const invalidPaths = [
    { ...path, index: 6 },
    { ...path, size: 16 },
    { ...path, path: path.path.slice(1) },
    { ...path, path: [...path.path, seed('more')] },
    { ...path, path: path.path.toReversed() },
    { ...path, leafHash: seed('leaf') },
    { ...path, root: seed('root') },
    { ...path, index: size }
  ]
  const invalidProofs = [
    { ...proof, first: head(6) },
    { ...proof, second: head(size - 1) },
    { ...proof, proof: proof.proof.slice(1) },
    { ...proof, proof: [...proof.proof, seed('more')] },
    { ...proof, proof: proof.proof.toReversed() },
    { first: head(size), second: head(size), proof: [seed('more')] },
    { first: head(8), second: head(7), proof: [] }
  ]
  const included = (each: (typeof paths)[0]): boolean =>
    verifyInclusion(each.leafHash, each.index, each.size, each.path, each.root)
  const consistent = (each: (typeof proofs)[0]): boolean =>
    verifyConsistency(each.first, each.second, each.proof)
  const right =
    [...paths.map(included), ...proofs.map(consistent)].every(Boolean) &&
    ![...invalidPaths.map(included), ...invalidProofs.map(consistent)].some(Boolean)
  if (!right) throw new Error('a history proof has another verdict than its vector')
  return {
    purpose:
      'The history tree, F-18: its leaves, its root at every size, and proofs of inclusion and consistency.',
    transactions: ledger.transactions.map(toHex),
    leafHashes: ledger.transactions.map(each => toHex(leafHash(each))),
    roots: sizes.map(at => toJson(head(at))),
    inclusion: { valid: toJson(paths), invalid: toJson(invalidPaths) },
    consistency: { valid: toJson(proofs), invalid: toJson(invalidProofs) }
  }
}

export function stateVectors(ledger: SmallLedger): Json {
  const root = ledger.header(ledger.blocks.length).stateRoot
  const entries = [...ledger.state.values()]
  const claim = (
    key: Uint8Array,
    value: Uint8Array | undefined,
    proof: StateProof = proveState(ledger.stateStore, key)
  ) => ({ key, value, proof: { siblings: proof.siblings, leaf: proof.leaf } })
  const present = entries.slice(0, 4).map(({ key, value }) => claim(key, value))
  const absent = Array.from({ length: 6 }, (_, k) => claim(utf8(`test/absent/${k}`), undefined))
  const [one, other] = [present[0]!, present[1]!]
  const hidden = absent.find(each => each.proof.leaf !== undefined)!
  const open = absent.find(each => each.proof.leaf === undefined)
  const invalid = [
    { ...one, value: seed('value') },
    { ...one, value: undefined },
    { ...one, key: other.key },
    { ...one, proof: other.proof },
    { ...one, proof: { ...one.proof, siblings: one.proof.siblings.slice(1) } },
    { ...one, proof: { ...one.proof, siblings: [new Uint8Array(32), ...one.proof.siblings] } },
    { ...one, proof: { ...one.proof, siblings: one.proof.siblings.toReversed() } },
    { ...one, proof: { ...one.proof, leaf: hidden.proof.leaf } },
    { ...hidden, value: seed('value') },
    { ...hidden, proof: { siblings: hidden.proof.siblings, leaf: undefined } },
    { ...hidden, key: one.key },
    { ...(open ?? hidden), value: new Uint8Array(0) }
  ]
  const holds = ({ key, value, proof }: ReturnType<typeof claim>): boolean =>
    verifyStateProof({
      root,
      key,
      value,
      proof:
        proof.leaf === undefined
          ? { siblings: proof.siblings }
          : { siblings: proof.siblings, leaf: proof.leaf }
    })
  if (![...present, ...absent].every(holds) || invalid.some(holds))
    throw new Error('a state proof has another verdict than its vector')
  return {
    purpose:
      'The state tree, F-19: entries, the root over them, and proofs of presence and absence (value null). A proof holds under the root, for the key and the value, or it does not.',
    root: toHex(root),
    entries: toJson(entries),
    valid: toJson([...present, ...absent]),
    invalid: toJson(invalid)
  }
}
