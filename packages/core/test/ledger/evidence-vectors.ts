import { toHex } from '../../src/bytes.ts'
import { signEd25519 } from '../../src/crypto/ed25519.ts'
import type { Certificate } from '../../src/ledger/certificate.ts'
import {
  contradiction,
  verifyEvidence,
  type Evidence,
  type EvidenceContent,
  type EvidencePlace,
  type SignedVote,
  type VoteOf
} from '../../src/ledger/evidence.ts'
import {
  hashJustification,
  type Justification,
  type ViewChangeClaim
} from '../../src/ledger/justification.ts'
import { voteSignBytes } from '../../src/ledger/sign-bytes.ts'
import { decodeTransaction, evidenceTransaction } from '../../src/ledger/transaction.ts'
import type { ValidatorSet } from '../../src/ledger/validators.ts'
import { FOUNDERS, seed, validatorsOf } from './small-ledger.ts'
import { codeOf, toJson, type Json } from './vector-json.ts'

export const PLACE = { network: seed('network'), recoveryEpoch: 2, height: 7 }
export const VALIDATORS: ValidatorSet = validatorsOf(FOUNDERS)
export const [X, Y] = [seed('block x'), seed('block y')]
export const NONE = new Uint8Array(32)

/** Where evidence against a validator stands. */
export function placeOf(validator: number): EvidencePlace {
  return { ...PLACE, validator }
}

/** A statement with the signature of a founder's consensus key. */
export function signedBy<C extends EvidenceContent>(
  validator: number,
  view: number,
  content: C
): SignedVote<C> {
  const message = voteSignBytes({ ...PLACE, view }, content)
  return { view, content, signature: signEd25519(FOUNDERS[validator]!.consensusSecret, message) }
}

export function commitBy(validator: number, view: number, blockHash: Uint8Array): VoteOf<'commit'> {
  return signedBy(validator, view, { type: 'commit', blockHash })
}

export function viewChangeBy(
  validator: number,
  view: number,
  preparedView: number = -1,
  preparedHash: Uint8Array = NONE
): VoteOf<'view-change'> {
  return signedBy(validator, view, { type: 'view-change', preparedView, preparedHash })
}

/** The PREPAREs of founders for a block. */
export function preparedBy(
  signers: readonly number[],
  view: number,
  blockHash: Uint8Array
): Certificate {
  const signatures = signers.map(
    signer => signedBy(signer, view, { type: 'prepare', blockHash }).signature
  )
  return { phase: 'prepare', height: PLACE.height, view, blockHash, signers, signatures }
}

/** The view changes of founders to a view, all with the certificate or without one. */
export function justify(
  senders: readonly number[],
  view: number,
  prepared?: Certificate
): Justification {
  const claims = senders.map((sender): ViewChangeClaim => {
    const vote = viewChangeBy(sender, view, prepared?.view, prepared?.blockHash)
    const { preparedView, preparedHash } = vote.content
    return { sender, preparedView, preparedHash, signature: vote.signature }
  })
  return { claims, prepared }
}

/** Evidence that a founder proposed this with this justification. */
export function newViewBy(
  validator: number,
  view: number,
  blockHash: Uint8Array,
  justification: Justification | undefined
): Evidence {
  const justificationHash = hashJustification(justification)
  const proposal = signedBy(validator, view, { type: 'proposal', blockHash, justificationHash })
  return { ...placeOf(validator), kind: 'invalid-new-view', proposal, justification }
}

/** Evidence of two statements that contradict each other. */
export function pairOf(validator: number, a: SignedVote, b: SignedVote): Evidence {
  const evidence = contradiction(placeOf(validator), a, b)
  if (evidence === undefined) throw new Error('the two do not contradict each other')
  return evidence
}

/** Evidence that holds, by what it shows. */
export function validEvidence(): Readonly<Record<string, Evidence>> {
  const prepared = preparedBy([0, 1, 2], 3, X)
  const mixed = justify([0, 1, 2], 5, prepared)
  return {
    'two proposals': pairOf(
      1,
      signedBy(1, 0, { type: 'proposal', blockHash: X, justificationHash: NONE }),
      signedBy(1, 0, { type: 'proposal', blockHash: Y, justificationHash: NONE })
    ),
    'one block proposed with two justifications': pairOf(
      1,
      signedBy(1, 4, { type: 'proposal', blockHash: X, justificationHash: seed('one') }),
      signedBy(1, 4, { type: 'proposal', blockHash: X, justificationHash: seed('other') })
    ),
    'two PREPAREs': pairOf(
      3,
      signedBy(3, 2, { type: 'prepare', blockHash: X }),
      signedBy(3, 2, { type: 'prepare', blockHash: Y })
    ),
    'two COMMITs': pairOf(0, commitBy(0, 2, X), commitBy(0, 2, Y)),
    'two view changes': pairOf(0, viewChangeBy(0, 3), viewChangeBy(0, 3, 2, X)),
    'a view change that forgets a COMMIT': pairOf(2, commitBy(2, 1, X), viewChangeBy(2, 2)),
    'a view change that names an older certificate': pairOf(
      2,
      commitBy(2, 3, X),
      viewChangeBy(2, 9, 2, X)
    ),
    'a view change that names another block of the view of the COMMIT': pairOf(
      2,
      commitBy(2, 3, X),
      viewChangeBy(2, 4, 3, Y)
    ),
    'a new view without a justification': newViewBy(1, 1, X, undefined),
    'a new view with a claim too few': newViewBy(1, 5, X, justify([0, 1], 5)),
    'a new view with a claim too many': newViewBy(1, 5, X, justify([0, 1, 2, 3], 5)),
    'a new view with one claim twice': newViewBy(1, 5, X, justify([0, 1, 1], 5)),
    'a new view that proposes another block': newViewBy(1, 5, Y, mixed),
    'a new view that leaves out the certificate': newViewBy(1, 5, X, {
      ...mixed,
      prepared: undefined
    }),
    'a new view with a certificate that nobody claims': newViewBy(1, 5, X, {
      ...justify([0, 1, 2], 5),
      prepared
    }),
    'a new view with claims of another view': newViewBy(1, 5, X, justify([0, 1, 2], 6)),
    'a new view with a claim of a later view': newViewBy(
      1,
      5,
      X,
      justify([0, 1, 2], 5, preparedBy([0, 1, 2], 5, X))
    ),
    'a new view with a certificate of too few': newViewBy(
      1,
      5,
      X,
      justify([0, 1, 2], 5, preparedBy([0, 1], 3, X))
    )
  }
}

/** What proves nothing, by why. */
export function worthlessEvidence(): Readonly<Record<string, Evidence>> {
  const place = placeOf(2)
  const [x, y] = [commitBy(2, 3, X), commitBy(2, 3, Y)]
  const valid = pairOf(2, x, y)
  const good = justify([0, 1, 2], 5, preparedBy([0, 1, 2], 3, X))
  return {
    'two COMMITs of two views': {
      ...place,
      kind: 'duplicate',
      first: commitBy(2, 2, X),
      second: commitBy(2, 3, Y)
    },
    'a PREPARE and a COMMIT': {
      ...place,
      kind: 'duplicate',
      first: signedBy(2, 3, { type: 'prepare', blockHash: X }),
      second: y
    },
    'the COMMITs of two validators': pairOf(2, x, commitBy(1, 3, Y)),
    'of another validator': { ...valid, validator: 1 },
    'of a validator that the height does not have': { ...valid, validator: 4 },
    'of another height': { ...valid, height: 8 },
    'of another network': { ...valid, network: seed('other network') },
    'of another recovery epoch': { ...valid, recoveryEpoch: 0 },
    'a view change before the COMMIT': {
      ...place,
      kind: 'amnesia',
      commit: x,
      viewChange: viewChangeBy(2, 3)
    },
    'a view change that admits the COMMIT': {
      ...place,
      kind: 'amnesia',
      commit: x,
      viewChange: viewChangeBy(2, 4, 3, X)
    },
    'a view change that names a later certificate': {
      ...place,
      kind: 'amnesia',
      commit: x,
      viewChange: viewChangeBy(2, 9, 4, Y)
    },
    'a COMMIT that somebody else signed': {
      ...place,
      kind: 'amnesia',
      commit: commitBy(1, 3, X),
      viewChange: viewChangeBy(2, 4)
    },
    'a new view that is justified': newViewBy(2, 5, X, good),
    'a new view that is justified and fresh': newViewBy(2, 5, Y, justify([1, 2, 3], 5)),
    'a proposal of view 0': newViewBy(2, 0, X, undefined),
    'a new view whose leader did not sign it': {
      ...newViewBy(1, 5, Y, good),
      validator: 2
    }
  }
}

export function evidenceVectors(): Json {
  const { network, recoveryEpoch } = PLACE
  const check = (evidence: Evidence): unknown =>
    verifyEvidence(evidence, { network, recoveryEpoch, validators: VALIDATORS })
  return {
    purpose:
      'Evidence against validators and the transactions that carry it, F-20. It is verified with the network, the recovery epoch and the validators given, which are those of its height.',
    network: toHex(network),
    recoveryEpoch,
    validators: toJson(VALIDATORS),
    valid: Object.entries(validEvidence()).map(([why, evidence]) => {
      const transaction = evidenceTransaction(evidence)
      const { id } = decodeTransaction(transaction)
      return { why, ...jsonOf({ evidence, culprit: check(evidence), transaction, id }) }
    }),
    invalid: Object.entries(worthlessEvidence()).map(([why, evidence]) => ({
      why,
      transaction: toHex(evidenceTransaction(evidence)),
      code: codeOf(() => check(evidence), why)
    }))
  }
}

function jsonOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, toJson(value)]))
}
