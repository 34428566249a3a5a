import {
  contradiction,
  equalBytes,
  hashJustification,
  isClaim,
  toHex,
  verifyCertificate,
  verifyEd25519Vote,
  verifyEvidence,
  VitalchainError,
  voteSignBytes,
  type Certificate,
  type Culprit,
  type Evidence,
  type EvidencePlace,
  type SignedVote,
  type ValidatorSet
} from '@vitalchain/core'
import { certificateVotes, claimVote } from './evidence.ts'
import type { HeightRecord, JustifiedProposal } from './height-record.ts'
import type { Verify } from './types.ts'

/** What the chain says about the height of a fork. */
export interface BlamedHeight {
  readonly network: Uint8Array
  readonly recoveryEpoch: number
  /** The validators of the height. */
  readonly validators: ValidatorSet
  readonly verify?: Verify | undefined
}

/** A validator that is proved faulty, with the proof. */
export interface Conviction {
  /** Its index in the validator set of the height. */
  readonly validator: number
  readonly culprit: Culprit
  readonly evidence: Evidence
}

/**
 * Finds who made a fork: everything that two conflicting commit certificates and the records of replicas prove, one
 * conviction for each validator and kind, by index. Records are not trusted: each conviction passed `verifyEvidence`, so no
 * honest validator is ever among them.
 *
 * Two certificates of one view convict at least f + 1 validators by themselves. For those of two views a justified
 * proposal is needed that dropped the earlier block: every honest replica that prepared the later one accepted it,
 * so the records of the replicas on that side hold it, unless all of them lost it in a restart. spec C-34, C-35.
 *
 * @throws VitalchainError `ERR_NO_FORK` when the two are not commit certificates for different blocks of one height
 * @throws VitalchainError `ERR_CERTIFICATE` when one of them is not a quorum's
 */
export function blame(
  a: Certificate,
  b: Certificate,
  records: readonly HeightRecord[],
  height: BlamedHeight
): readonly Conviction[] {
  if (
    a.phase !== 'commit' ||
    b.phase !== 'commit' ||
    a.height !== b.height ||
    equalBytes(a.blockHash, b.blockHash)
  ) {
    throw new VitalchainError(
      'ERR_NO_FORK',
      'the two are not commit certificates for different blocks of one height',
      { values: { first: a.height, second: b.height } }
    )
  }
  for (const each of [a, b]) verifyCertificate(each, height.validators, height, height.verify)
  const own = records.filter(record => record.height === a.height)
  const found = new Map<string, Conviction>()
  const convict = (evidence: Evidence | undefined): void => {
    if (evidence === undefined) return
    const { validator, kind } = evidence
    const key = `${validator}/${kind}`
    if (found.has(key)) return
    const culprit = convicted(evidence, height)
    if (culprit !== undefined) found.set(key, { validator, culprit, evidence })
  }
  const { network, recoveryEpoch } = height
  const place = { network, recoveryEpoch, height: a.height }
  const placeOf = (validator: number): EvidencePlace => ({ ...place, validator })
  const proposals = own.flatMap(record => record.proposals)
  for (const proposal of proposals) convict(newViewEvidence(placeOf(proposal.sender), proposal))
  for (const [validator, votes] of statements([a, b], own, place, height)) {
    for (const [k, first] of votes.entries())
      for (const second of votes.slice(k + 1))
        convict(contradiction(placeOf(validator), first, second))
  }
  return [...found.values()].toSorted((x, y) => x.validator - y.validator)
}

/**
 * Everything that each validator signed, as certificates and records have it; nothing twice. Signatures are checked first:
 * what was made up must neither stand in the way of what is true nor be compared with everything else.
 */
function statements(
  certificates: readonly Certificate[],
  records: readonly HeightRecord[],
  place: Omit<EvidencePlace, 'validator'>,
  { validators, verify = verifyEd25519Vote }: BlamedHeight
): ReadonlyMap<number, readonly SignedVote[]> {
  const all = new Map<number, Map<string, SignedVote>>()
  const add = (validator: number, vote: SignedVote): void => {
    const signer = validators[validator]
    const { content } = vote
    // The view 2^32 - 1 has the bytes of -1: it would cover up a claim of nothing.
    const isSound = content.type !== 'view-change' || isClaim(content, vote.view)
    if (signer === undefined || !isSound) return
    const signed = voteSignBytes({ ...place, view: vote.view }, content)
    const known = all.get(validator) ?? new Map<string, SignedVote>()
    // One is enough of each content, whatever the signatures.
    const key = toHex(signed)
    if (known.has(key) || !verify(signer.consensusKey, signed, vote.signature)) return
    known.set(key, vote)
    all.set(validator, known)
  }
  const addCertificate = (certificate: Certificate): void => {
    for (const [signer, vote] of certificateVotes(certificate)) add(signer, vote)
  }
  for (const certificate of certificates) addCertificate(certificate)
  for (const { proposals, commits, viewChanges } of records) {
    for (const proposal of proposals) {
      const { view, sender, justification } = proposal
      add(sender, proposalVote(proposal))
      for (const claim of justification.claims) add(claim.sender, claimVote(view, claim))
      if (justification.prepared !== undefined) addCertificate(justification.prepared)
    }
    for (const { view, sender, blockHash, signature } of commits)
      add(sender, { view, content: { type: 'commit', blockHash }, signature })
    for (const change of viewChanges) add(change.sender, claimVote(change.view, change))
  }
  return new Map([...all].map(([validator, votes]) => [validator, [...votes.values()]]))
}

function newViewEvidence(place: EvidencePlace, proposal: JustifiedProposal): Evidence {
  const { content, ...vote } = proposalVote(proposal)
  const { justification } = proposal
  return { ...place, kind: 'invalid-new-view', proposal: { ...vote, content }, justification }
}

function proposalVote({ view, blockHash, justification, signature }: JustifiedProposal): {
  readonly view: number
  readonly content: {
    readonly type: 'proposal'
    readonly blockHash: Uint8Array
    readonly justificationHash: Uint8Array
  }
  readonly signature: Uint8Array
} {
  const justificationHash = hashJustification(justification)
  return { view, content: { type: 'proposal', blockHash, justificationHash }, signature }
}

function convicted(evidence: Evidence, height: BlamedHeight): Culprit | undefined {
  try {
    return verifyEvidence(evidence, height)
  } catch {
    return undefined
  }
}
