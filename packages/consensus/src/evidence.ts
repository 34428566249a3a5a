import {
  contradiction,
  verifyEvidence,
  type Certificate,
  type Evidence,
  type EvidencePlace,
  type SignedVote
} from '@vitalchain/core'
import type { Justification, ProposalMessage } from './messages.ts'
import { voteOf } from './signing.ts'
import { patchRound, type Round, type Turn } from './state.ts'

/**
 * Compares a validator's statement, whose signature is known to be good, with everything that is kept of it at this
 * height, and reports what two of them prove together. spec C-28.
 */
export function weigh(turn: Turn, validator: number, vote: SignedVote): void {
  const { round } = turn.state
  // What was signed elsewhere with the own key is reported as such: spec C-27.
  if (validator === round.self) return
  for (const kept of keptVotes(round, validator, vote))
    accuse(turn, contradiction(placeOf(turn, validator), kept, vote))
}

/** As {@link weigh} for each claim of a justification that was found good, and for the certificate in it. */
export function weighJustification(turn: Turn, view: number, { claims }: Justification): void {
  for (const claim of claims) weigh(turn, claim.sender, claimVote(view, claim))
}

/** As {@link weigh} for each signature of a certificate that was found good. */
export function weighCertificate(turn: Turn, certificate: Certificate): void {
  for (const [validator, vote] of certificateVotes(certificate)) weigh(turn, validator, vote)
}

/** Reports a leader whose authentic proposal above view 0 was found unjustified. spec C-28. */
export function accuseOfNewView(turn: Turn, message: ProposalMessage): void {
  const { view, signature, content } = voteOf(message)
  if (content.type !== 'proposal') return
  accuse(turn, {
    ...placeOf(turn, message.sender),
    kind: 'invalid-new-view',
    proposal: { view, content, signature },
    justification: message.justification
  })
}

/** A claim as the statement of its sender. */
export function claimVote(
  view: number,
  { preparedView, preparedHash, signature }: Justification['claims'][number]
): SignedVote {
  return { view, content: { type: 'view-change', preparedView, preparedHash }, signature }
}

/** The statements that a certificate gathers, each with its signer. */
export function certificateVotes(
  certificate: Certificate
): readonly (readonly [number, SignedVote])[] {
  const { phase, view, blockHash, signers, signatures } = certificate
  return signers.flatMap((signer, k) => {
    const signature = signatures[k]
    return signature === undefined
      ? []
      : [[signer, { view, content: { type: phase, blockHash }, signature }] as const]
  })
}

/** What is kept of a validator that this statement of it could contradict. */
function keptVotes(
  round: Round,
  validator: number,
  { view, content }: SignedVote
): readonly SignedVote[] {
  const viewChange = round.viewChanges.get(validator)
  const viewChanges = viewChange === undefined ? [] : [voteOf(viewChange)]
  switch (content.type) {
    case 'proposal': {
      const first = round.proposals.get(view)?.message
      return first?.sender === validator ? [voteOf(first)] : []
    }
    case 'prepare': {
      const first = round.prepares.get(view)?.get(validator)
      const certificate = round.certificates.get(view)
      const certified = certificate === undefined ? [] : certificateVotes(certificate)
      return [
        ...(first === undefined ? [] : [voteOf(first)]),
        ...certified.filter(([signer]) => signer === validator).map(([, vote]) => vote)
      ]
    }
    case 'commit': {
      const first = round.commits.get(view)?.get(validator)
      return [...(first === undefined ? [] : [voteOf(first)]), ...viewChanges]
    }
    case 'view-change': {
      const commits = [...round.commits.values()].flatMap(votes => votes.get(validator) ?? [])
      return [...viewChanges, ...commits.map(voteOf)]
    }
  }
}

function placeOf(turn: Turn, validator: number): EvidencePlace {
  const { config, round } = turn.state
  const { network, recoveryEpoch } = config
  return { network, recoveryEpoch, height: round.context.height, validator }
}

/** Gives evidence to the host, once for each validator and kind at a height, and only what anybody can verify. */
function accuse(turn: Turn, evidence: Evidence | undefined): void {
  if (evidence === undefined) return
  const { config, round } = turn.state
  const key = `${evidence.kind}/${evidence.validator}`
  if (round.accused.has(key)) return
  try {
    verifyEvidence(evidence, { ...config, validators: round.context.validators })
  } catch {
    return
  }
  patchRound(turn, { accused: new Set(round.accused).add(key) })
  turn.effects.push({ type: 'evidence', evidence })
}
