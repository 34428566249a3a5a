import {
  appendLeaves,
  checkpointBody,
  checkpointShareFormat,
  EMPTY_FRONTIER,
  frontierHead,
  fromHex,
  leafHash,
  noteVerifierKeys,
  parseCheckpointBody,
  receiptFromJson,
  toHex,
  updateStateTree,
  verifyCheckpointNote,
  verifyCheckpointShare,
  verifyCompleteness,
  verifyConsistency,
  verifyCoseReceipt,
  verifyInclusion,
  verifyReceipt,
  verifyStateProof,
  verifyStateProofDocument,
  verifyTlogProof,
  type Pin,
  type ProvenAnchor,
  type StateProof
} from '@vitalchain/core'
import {
  hashes,
  judgeAll,
  judgeClaims,
  judgeFields,
  judgeRefusals,
  outcome,
  toJson,
  validatorsFrom,
  type Finding,
  type ValidatorJson
} from './finding.ts'

interface HeadJson {
  readonly size: number
  readonly root: string
}

function headFrom({ size, root }: HeadJson): { readonly size: number; readonly root: Uint8Array } {
  return { size, root: fromHex(root) }
}

interface InclusionJson extends HeadJson {
  readonly index: number
  readonly leafHash: string
  readonly path: readonly string[]
}

interface ConsistencyJson {
  readonly first: HeadJson
  readonly second: HeadJson
  readonly proof: readonly string[]
}

interface Claims<V> {
  readonly valid: readonly V[]
  readonly invalid: readonly V[]
}

export function judgeHistory(file: {
  readonly transactions: readonly string[]
  readonly leafHashes: readonly string[]
  readonly roots: readonly HeadJson[]
  readonly inclusion: Claims<InclusionJson>
  readonly consistency: Claims<ConsistencyJson>
}): Finding[] {
  const leaves = hashes(file.transactions).map(leafHash)
  const included = ({ index, size, root, leafHash, path }: InclusionJson): boolean =>
    verifyInclusion(fromHex(leafHash), index, size, hashes(path), fromHex(root))
  const consistent = ({ first, second, proof }: ConsistencyJson): boolean =>
    verifyConsistency(headFrom(first), headFrom(second), hashes(proof))
  return [
    ...judgeAll('leafHashes', file.leafHashes, hash => ({
      expected: hash,
      found: toJson(leaves[file.leafHashes.indexOf(hash)])
    })),
    ...judgeAll('roots', file.roots, head => ({
      expected: toJson(head),
      found: outcome(() => frontierHead(appendLeaves(EMPTY_FRONTIER, leaves.slice(0, head.size))))
    })),
    ...judgeClaims('inclusion.valid', file.inclusion.valid, true, included),
    ...judgeClaims('inclusion.invalid', file.inclusion.invalid, false, included),
    ...judgeClaims('consistency.valid', file.consistency.valid, true, consistent),
    ...judgeClaims('consistency.invalid', file.consistency.invalid, false, consistent)
  ]
}

interface StateClaimJson {
  readonly key: string
  readonly value: string | null
  readonly proof: {
    readonly siblings: readonly string[]
    readonly leaf: { readonly path: string; readonly valueHash: string } | null
  }
}

function stateProofFrom({ siblings, leaf }: StateClaimJson['proof']): StateProof {
  if (leaf === null) return { siblings: hashes(siblings) }
  const { path, valueHash } = leaf
  return {
    siblings: hashes(siblings),
    leaf: { path: fromHex(path), valueHash: fromHex(valueHash) }
  }
}

export function judgeState(
  file: Claims<StateClaimJson> & {
    readonly root: string
    readonly entries: readonly { readonly key: string; readonly value: string }[]
  }
): Finding[] {
  const holds = ({ key, value, proof }: StateClaimJson): boolean =>
    verifyStateProof({
      root: fromHex(file.root),
      key: fromHex(key),
      value: value === null ? undefined : fromHex(value),
      proof: stateProofFrom(proof)
    })
  const changes = file.entries.map(({ key, value }) => [fromHex(key), fromHex(value)] as const)
  return [
    ...judgeAll('root', [file.root], root => ({
      expected: root,
      found: outcome(() => updateStateTree({ get: () => undefined }, changes).root)
    })),
    ...judgeClaims('valid', file.valid, true, holds),
    ...judgeClaims('invalid', file.invalid, false, holds)
  ]
}

interface PinJson extends HeadJson {
  readonly validators?: string
}

/** A pin of a vector, if it has one. */
export function pinFrom(pin: PinJson | undefined): Pin | undefined {
  if (pin === undefined) return undefined
  const { validators } = pin
  return {
    ...headFrom(pin),
    validators: validators === undefined ? undefined : fromHex(validators)
  }
}

/** What a vector that rests on an anchor has in common with the others. */
export interface TrustJson {
  readonly network: string
  readonly pin?: PinJson
}

/** A receipt of a vector. */
export interface ReceiptJson extends TrustJson {
  readonly receipt: string
}

export function judgeReceipts(file: {
  readonly valid: readonly (ReceiptJson & { readonly proves: object })[]
  readonly invalid: readonly (ReceiptJson & { readonly code: string })[]
}): Finding[] {
  const proven = ({ receipt, network, pin }: ReceiptJson): unknown => {
    const trust = { genesis: fromHex(network), pin: pinFrom(pin) }
    const {
      index,
      header,
      blockHash,
      transaction,
      validators,
      handOvers,
      certifiedBy,
      trust: by
    } = verifyReceipt(fromHex(receipt), trust)
    return {
      index,
      height: header.height,
      time: header.time,
      blockHash,
      transactionType: transaction.type,
      transactionId: transaction.id,
      validators,
      handOvers,
      certifiedBy,
      trust: by
    }
  }
  return [
    ...judgeAll('valid', file.valid, vector => ({
      expected: toJson(vector.proves),
      found: outcome(() => proven(vector))
    })),
    ...judgeRefusals('invalid', file.invalid, proven)
  ]
}

interface ProofJson extends TrustJson {
  readonly form: 'state-proof' | 'completeness' | 'receipt-json'
  readonly input: string
}

export function judgeProofs(file: {
  readonly valid: readonly (ProofJson & { readonly proves: object })[]
  readonly invalid: readonly (ProofJson & { readonly code: string })[]
}): Finding[] {
  return [
    ...judgeAll('valid', file.valid, vector => ({
      expected: toJson(vector.proves),
      found: outcome(() => provenBy(vector))
    })),
    ...judgeRefusals('invalid', file.invalid, provenBy)
  ]
}

function provenBy({ form, input, network, pin }: ProofJson): unknown {
  const trust = { genesis: fromHex(network), pin: pinFrom(pin) }
  switch (form) {
    case 'state-proof': {
      const proven = verifyStateProofDocument(fromHex(input), trust)
      return { key: proven.key, value: proven.value, ...anchored(proven) }
    }
    case 'completeness': {
      const proven = verifyCompleteness(fromHex(input), trust)
      const { device, lane, from, to, previous, next, historyLost, fromStart, toHead } = proven
      const { statements, gaps, quarantinedHeight } = proven
      return {
        device,
        lane,
        from,
        to,
        previous,
        next,
        historyLost,
        fromStart,
        toHead,
        statements: statements.map(({ index, id }) => ({ index, id })),
        gaps: gaps.map(({ boot, seq, last, count, reason }) => ({
          boot,
          seq,
          last,
          count,
          reason
        })),
        quarantinedHeight,
        ...anchored(proven)
      }
    }
    case 'receipt-json':
      return { receipt: receiptFromJson(input) }
  }
}

function anchored({ header, blockHash, handOvers, trust }: ProvenAnchor): object {
  return { height: header.height, blockHash, handOvers, trust }
}

interface CheckpointJson {
  readonly form: 'share' | 'note' | 'tlog-proof' | 'cose-receipt'
  readonly input: string
  readonly transaction?: string
}

export function judgeCheckpoints(file: {
  readonly network: string
  readonly validators: readonly ValidatorJson[]
  readonly body: string
  readonly verifierKeys: readonly string[]
  readonly valid: readonly (CheckpointJson & { readonly proves: object })[]
  readonly invalid: readonly (CheckpointJson & { readonly code: string })[]
}): Finding[] {
  const validators = validatorsFrom(file.validators)
  const trust = { network: fromHex(file.network), validators }
  const keys = new Map(validators.map(each => [toHex(each.member), each.checkpointKey]))
  const proven = ({ form, input, transaction = '' }: CheckpointJson): unknown => {
    switch (form) {
      case 'share': {
        const share = checkpointShareFormat.decode(fromHex(input))
        verifyCheckpointShare(share, keys.get(toHex(share.member)) ?? new Uint8Array(32))
        const { size, root, member, time } = share
        return { size, root, member, time }
      }
      case 'note':
        return verifyCheckpointNote(input, trust)
      case 'tlog-proof':
        return verifyTlogProof(input, fromHex(transaction), trust)
      case 'cose-receipt':
        return verifyCoseReceipt(fromHex(input), fromHex(transaction), trust)
    }
  }
  return [
    ...judgeFields('body', [{ body: file.body }], ({ body }) => ({
      body: checkpointBody(parseCheckpointBody(body))
    })),
    ...judgeAll('verifierKeys', [file.verifierKeys], expected => ({
      expected,
      found: outcome(() => noteVerifierKeys(trust.network, validators))
    })),
    ...judgeAll('valid', file.valid, vector => ({
      expected: toJson(vector.proves),
      found: outcome(() => proven(vector))
    })),
    ...judgeRefusals('invalid', file.invalid, proven)
  ]
}
