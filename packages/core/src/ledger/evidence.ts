import { compareBytes, equalBytes } from '../bytes.ts'
import { VitalchainError } from '../errors.ts'
import { verifyCertificate, verifyEd25519Vote, type VerifyVote } from './certificate.ts'
import { hashJustification, justificationFault, type Justification } from './justification.ts'
import { voteSignBytes, type VoteContent } from './sign-bytes.ts'
import { quorum, type Validator, type ValidatorSet } from './validators.ts'

/** What a consensus key can say that may prove it faulty. */
export type EvidenceContent = Extract<
  VoteContent,
  { readonly type: 'proposal' | 'prepare' | 'commit' | 'view-change' }
>

/** One statement of a consensus key at a height, with its signature. */
export interface SignedVote<C extends EvidenceContent = EvidenceContent> {
  readonly view: number
  readonly content: C
  /** Ed25519, 64 bytes, over `voteSignBytes`. */
  readonly signature: Uint8Array
}

/** A statement of one kind. */
export type VoteOf<T extends EvidenceContent['type']> = SignedVote<
  Extract<EvidenceContent, { readonly type: T }>
>

/** Whose fault evidence shows, and where its signatures are valid. */
export interface EvidencePlace {
  /** The network id, 32 bytes. */
  readonly network: Uint8Array
  readonly recoveryEpoch: number
  readonly height: number
  /** Index of the signer in the validator set of the height. */
  readonly validator: number
}

/**
 * Proof that a validator broke the rules of consensus: signatures of its own key that no honest validator makes
 * together. Anybody who has the validator set of the height can check it. spec F-20, C-32.
 */
export type Evidence = EvidencePlace &
  (
    | {
        /** Two different things of one kind, said in one view. */
        readonly kind: 'duplicate'
        readonly first: SignedVote
        readonly second: SignedVote
      }
    | {
        /** A view change that says nothing of the block that its signer had committed to in an earlier view. */
        readonly kind: 'amnesia'
        readonly commit: VoteOf<'commit'>
        readonly viewChange: VoteOf<'view-change'>
      }
    | {
        /** A proposal above view 0 whose justification, which its signature covers, does not justify it. */
        readonly kind: 'invalid-new-view'
        readonly proposal: VoteOf<'proposal'>
        /** Undefined when there was none. */
        readonly justification: Justification | undefined
      }
  )

/** Who is proved faulty by evidence, and of what: together they tell one accusation from another. */
export interface Culprit {
  /** The member's identifier, 32 bytes. */
  readonly member: Uint8Array
  readonly height: number
  readonly kind: Evidence['kind']
}

/**
 * What two statements of one validator at one height prove against it, or undefined when an honest validator may have
 * signed both. Their signatures are not looked at.
 */
export function contradiction(
  place: EvidencePlace,
  a: SignedVote,
  b: SignedVote
): Evidence | undefined {
  const { network, recoveryEpoch, height, validator } = place
  const at = { network, recoveryEpoch, height, validator }
  if (a.content.type === b.content.type) {
    const order = a.view === b.view ? compareVotes(a, b) : 0
    if (order === 0) return undefined
    const [first, second] = order < 0 ? [a, b] : [b, a]
    return { ...at, kind: 'duplicate', first, second }
  }
  const [commit, viewChange] = a.content.type === 'commit' ? [a, b] : [b, a]
  if (!isVote(commit, 'commit') || !isVote(viewChange, 'view-change')) return undefined
  return isForgotten(commit, viewChange)
    ? { ...at, kind: 'amnesia', commit, viewChange }
    : undefined
}

/**
 * Checks evidence against the validators of its height. Passing means that the key of one validator signed what no
 * honest validator signs, across restarts and whatever others did. spec C-32.
 *
 * @param height - what the chain says about the height of the evidence: network, recovery epoch and validators
 * @param height.verify - replaced only by simulations, and by hosts that check signatures faster
 * @returns the member that the evidence convicts
 * @throws VitalchainError `ERR_NO_EVIDENCE` that says why it proves nothing
 */
export function verifyEvidence(
  evidence: Evidence,
  height: {
    readonly network: Uint8Array
    readonly recoveryEpoch: number
    readonly validators: ValidatorSet
    readonly verify?: VerifyVote | undefined
  }
): Culprit {
  const { validators, verify = verifyEd25519Vote } = height
  const validator = validators[evidence.validator]
  if (validator === undefined) throw proofless(evidence, 'the height has no such validator')
  if (
    !equalBytes(evidence.network, height.network) ||
    evidence.recoveryEpoch !== height.recoveryEpoch
  )
    throw proofless(evidence, 'it is of another network or recovery epoch')
  const votes = contradictingVotes(evidence)
  if (!votes.every(vote => isSigned(evidence, vote, validator, verify)))
    throw proofless(evidence, 'a signature is not valid')
  if (evidence.kind === 'invalid-new-view' && isJustified(evidence, validators, verify))
    throw proofless(evidence, 'the proposal is justified')
  return { member: validator.member, height: evidence.height, kind: evidence.kind }
}

/** The accused validator's own statements, once their contents prove what the evidence says. */
function contradictingVotes(evidence: Evidence): readonly SignedVote[] {
  switch (evidence.kind) {
    case 'duplicate': {
      const { first, second } = evidence
      if (contradiction(evidence, first, second)?.kind !== 'duplicate')
        throw proofless(evidence, 'the two statements do not contradict each other')
      return [first, second]
    }
    case 'amnesia': {
      const { commit, viewChange } = evidence
      if (!isForgotten(commit, viewChange))
        throw proofless(evidence, 'the view change admits what was committed to')
      return [commit, viewChange]
    }
    case 'invalid-new-view': {
      const { proposal, justification } = evidence
      if (
        proposal.view === 0 ||
        !equalBytes(proposal.content.justificationHash, hashJustification(justification))
      )
        throw proofless(evidence, 'the signature does not cover the justification')
      return [proposal]
    }
  }
}

/** Whether a view change after a COMMIT claims less than the signer held then. spec C-9, C-12. */
function isForgotten(commit: VoteOf<'commit'>, viewChange: VoteOf<'view-change'>): boolean {
  const { preparedView, preparedHash } = viewChange.content
  return (
    viewChange.view > commit.view &&
    (preparedView < commit.view ||
      (preparedView === commit.view && !equalBytes(preparedHash, commit.content.blockHash)))
  )
}

function isSigned(
  place: EvidencePlace,
  { view, content: said, signature: signed }: SignedVote,
  { consensusKey }: Validator,
  verify: VerifyVote
): boolean {
  return verify(consensusKey, voteSignBytes({ ...place, view }, said), signed)
}

function isJustified(
  evidence: Extract<Evidence, { readonly kind: 'invalid-new-view' }>,
  validators: ValidatorSet,
  verify: VerifyVote
): boolean {
  const { justification, proposal } = evidence
  if (justification === undefined) return false
  const { view } = proposal
  const { blockHash } = proposal.content
  const fault = justificationFault(
    justification,
    { quorum: quorum(validators.length), view, blockHash },
    {
      isSigned({ sender, preparedView, preparedHash, signature: signed }) {
        const signer = validators[sender]
        const claim = { type: 'view-change', preparedView, preparedHash } as const
        return (
          signer !== undefined &&
          isSigned(evidence, { view, content: claim, signature: signed }, signer, verify)
        )
      },
      isProven(certificate) {
        if (certificate.height !== evidence.height) return false
        try {
          verifyCertificate(certificate, validators, evidence, verify)
          return true
        } catch {
          return false
        }
      }
    }
  )
  return fault === undefined
}

function isVote<T extends EvidenceContent['type']>(vote: SignedVote, type: T): vote is VoteOf<T> {
  return vote.content.type === type
}

/** Orders statements of one kind and view by what is signed; 0 for the same content, whatever the signatures. */
export function compareVotes(a: SignedVote, b: SignedVote): number {
  const place = { network: new Uint8Array(32), recoveryEpoch: 0, height: 0 }
  return compareBytes(
    voteSignBytes({ ...place, view: a.view }, a.content),
    voteSignBytes({ ...place, view: b.view }, b.content)
  )
}

function proofless({ kind, height, validator }: Evidence, why: string): VitalchainError {
  return new VitalchainError('ERR_NO_EVIDENCE', `evidence of ${kind}: ${why}`, {
    values: { kind, height, validator }
  })
}
