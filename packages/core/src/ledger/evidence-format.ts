import {
  bytes,
  format,
  hash32,
  integer,
  mapped,
  optional,
  tagged,
  tuple,
  u32,
  uint,
  union,
  type Codec,
  type Format
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import {
  compareVotes,
  type Evidence,
  type EvidenceContent,
  type EvidencePlace,
  type SignedVote,
  type VoteOf
} from './evidence.ts'
import { hashJustification, justificationCodec, type Justification } from './justification.ts'
import { TRANSACTION_BYTES_MAX, VALIDATORS_MAX, PREPARED_VIEW_MAX } from './limits.ts'

const signature = bytes(64)

const content: Codec<EvidenceContent> = union<EvidenceContent>({
  proposal: [1, { blockHash: hash32, justificationHash: hash32 }],
  prepare: [2, { blockHash: hash32 }],
  commit: [3, { blockHash: hash32 }],
  'view-change': [4, { preparedView: integer(-1, PREPARED_VIEW_MAX), preparedHash: hash32 }]
})

const signedVote: Codec<SignedVote> = tuple({ view: u32, content, signature })

const commitVote: Codec<VoteOf<'commit'>> = mapped(
  tuple({ view: u32, blockHash: hash32, signature }),
  ({ view, blockHash, signature: signed }) => ({
    view,
    content: { type: 'commit', blockHash },
    signature: signed
  }),
  ({ view, content: { blockHash }, signature: signed }) => ({ view, blockHash, signature: signed })
)

const viewChangeVote: Codec<VoteOf<'view-change'>> = mapped(
  tuple({
    view: u32,
    preparedView: integer(-1, PREPARED_VIEW_MAX),
    preparedHash: hash32,
    signature
  }),
  ({ view, preparedView, preparedHash, signature: signed }) => ({
    view,
    content: { type: 'view-change', preparedView, preparedHash },
    signature: signed
  }),
  ({ view, content: { preparedView, preparedHash }, signature: signed }) => ({
    view,
    preparedView,
    preparedHash,
    signature: signed
  })
)

type Fault = Evidence extends infer E
  ? E extends Evidence
    ? Omit<E, keyof EvidencePlace>
    : never
  : never
type CodedFault =
  | { readonly type: 'duplicate'; readonly first: SignedVote; readonly second: SignedVote }
  | {
      readonly type: 'amnesia'
      readonly commit: VoteOf<'commit'>
      readonly viewChange: VoteOf<'view-change'>
    }
  | {
      readonly type: 'invalid-new-view'
      readonly view: number
      readonly blockHash: Uint8Array
      readonly justification: Justification | undefined
      readonly signature: Uint8Array
    }

const fault: Codec<CodedFault> = union<CodedFault>({
  duplicate: [1, { first: signedVote, second: signedVote }],
  amnesia: [2, { commit: commitVote, viewChange: viewChangeVote }],
  'invalid-new-view': [
    3,
    {
      view: u32,
      blockHash: hash32,
      justification: optional(justificationCodec),
      signature
    }
  ]
})

/** The bytes of evidence and back. Reading checks the form only: see {@link verifyEvidence}. spec F-20. */
export const evidenceFormat: Format<Evidence> = format(
  'evidence',
  TRANSACTION_BYTES_MAX,
  mapped(
    tagged(['vitalchain/evidence'], {
      network: hash32,
      recoveryEpoch: u32,
      height: uint(Number.MAX_SAFE_INTEGER, 1),
      validator: uint(VALIDATORS_MAX - 1),
      fault
    }),
    ({ fault: coded, ...place }, path): Evidence => {
      const evidence: Evidence = { ...place, ...decodedFault(coded) }
      // One pair has one encoding: whoever sends it, it is the same transaction.
      if (evidence.kind === 'duplicate' && compareVotes(evidence.first, evidence.second) >= 0) {
        throw new VitalchainError(
          'ERR_SCHEMA',
          `${path}: expected two different statements in the order of their signed bytes`
        )
      }
      return evidence
    },
    evidence => {
      const { network, recoveryEpoch, height, validator } = evidence
      return { network, recoveryEpoch, height, validator, fault: codedFault(evidence) }
    }
  )
)

function decodedFault(coded: CodedFault): Fault {
  switch (coded.type) {
    case 'duplicate':
      return { kind: 'duplicate', first: coded.first, second: coded.second }
    case 'amnesia':
      return { kind: 'amnesia', commit: coded.commit, viewChange: coded.viewChange }
    case 'invalid-new-view': {
      const { view, blockHash, justification, signature: signed } = coded
      const justificationHash = hashJustification(justification)
      return {
        kind: 'invalid-new-view',
        proposal: {
          view,
          content: { type: 'proposal', blockHash, justificationHash },
          signature: signed
        },
        justification
      }
    }
  }
}

function codedFault(evidence: Evidence): CodedFault {
  switch (evidence.kind) {
    case 'duplicate':
      return { type: 'duplicate', first: evidence.first, second: evidence.second }
    case 'amnesia':
      return { type: 'amnesia', commit: evidence.commit, viewChange: evidence.viewChange }
    case 'invalid-new-view': {
      const { proposal, justification } = evidence
      const { view, content: said, signature: signed } = proposal
      return {
        type: 'invalid-new-view',
        view,
        blockHash: said.blockHash,
        justification,
        signature: signed
      }
    }
  }
}
