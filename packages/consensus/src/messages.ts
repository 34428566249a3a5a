import {
  BLOCK_TRANSACTIONS_MAX,
  HEADER_BYTES_MAX,
  VALIDATORS_MAX,
  PREPARED_VIEW_MAX,
  VIEW_MAX,
  boolean,
  bytes,
  certificateCodec,
  concatBytes,
  decodeHeader,
  encodeHeader,
  format,
  hash32,
  integer,
  justificationCodec,
  mapped,
  optional,
  tuple,
  u32,
  uint,
  union,
  type Certificate,
  type Codec,
  type EvidenceContent,
  type Format,
  type Header,
  type Justification,
  type SignedVote
} from '@vitalchain/core'
import { MESSAGE_BYTES_MAX } from './limits.ts'

export type { Justification, ViewChangeClaim } from '@vitalchain/core'

/** A block as it is proposed: the bodies of its transactions travel separately, by hash. spec C-5. */
export interface BlockProposal {
  readonly header: Header
  /** The certificate of the block before; undefined at height 1. */
  readonly previousCertificate?: Certificate | undefined
  /** The hashes of the transactions, 32 bytes each, in their order. */
  readonly transactions: readonly Uint8Array[]
}

interface Signed {
  readonly height: number
  readonly view: number
  /** Index of the signer in the validator set of the height. */
  readonly sender: number
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array
}

/** A leader's proposal. */
export interface ProposalMessage extends Signed {
  readonly type: 'proposal'
  readonly block: BlockProposal
  /** Undefined in view 0, present above. */
  readonly justification: Justification | undefined
}

/** "I hold and executed this block, and will prepare no other in this view." */
export interface PrepareMessage extends Signed {
  readonly type: 'prepare'
  readonly blockHash: Uint8Array
}

/** "A quorum prepared this block in this view, and I keep the proof." */
export interface CommitMessage extends Signed {
  readonly type: 'commit'
  readonly blockHash: Uint8Array
}

/** "I left every view below this one; this is the highest prepared certificate I hold." */
export interface ViewChangeMessage extends Signed {
  readonly type: 'view-change'
  readonly preparedView: number
  readonly preparedHash: Uint8Array
  readonly prepared: Certificate | undefined
}

/** The messages that a consensus key signs and a vote state keeps. */
export type SignedMessage = ProposalMessage | PrepareMessage | CommitMessage | ViewChangeMessage

/** A certificate for somebody who missed the end of a height. It proves itself; nobody signs it again. */
export interface DecidedMessage {
  readonly type: 'decided'
  readonly certificate: Certificate
}

/**
 * Where a node stands. It is not signed: it travels on an authenticated member stream, is believed only as a hint
 * of whom to ask, and nothing is proved by it.
 */
export interface StatusMessage {
  readonly type: 'status'
  /** Height of the newest durable block, 0 for none. */
  readonly height: number
  readonly headHash: Uint8Array
  /** The view of the height above. */
  readonly view: number
  /** The node's clock, ms since 1970. */
  readonly clock: number
  /** The highest protocol version that the node knows. */
  readonly version: number
}

/**
 * Asked by a validator that just started: what did you last hear from me? Not signed; on the authenticated stream of a
 * member only. spec C-36.
 */
export interface InquiryMessage {
  readonly type: 'inquiry'
  /** Random, 32 bytes, made at this start: an answer that names it was given after it. */
  readonly nonce: Uint8Array
}

/** Something that a validator signed, as far as its signature covers it. */
export interface PastVote extends SignedVote {
  readonly height: number
}

/** The answer to an inquiry. Not signed either: only the vote in it proves itself. spec C-36. */
export interface AnswerMessage {
  readonly type: 'answer'
  /** The nonce of the inquiry. */
  readonly nonce: Uint8Array
  /** Height of the newest block that is durable at the answering validator, 0 for none. */
  readonly height: number
  /** Whether the answering validator has its own vote state. */
  readonly complete: boolean
  /** The newest vote of the asking validator, of the height above or the next, if one was heard. */
  readonly vote: PastVote | undefined
}

/** Everything that replicas tell each other. */
export type Message =
  | SignedMessage
  | DecidedMessage
  | StatusMessage
  | InquiryMessage
  | AnswerMessage

/** Whether a message carries a signature of its sender. The others travel on links between validators only. */
export function isSigned(message: Message): message is SignedMessage {
  return 'signature' in message
}

const HASH_BYTES = 32
const height = uint(Number.MAX_SAFE_INTEGER, 1)
const sender = uint(VALIDATORS_MAX - 1)
const signature = bytes(64)

/** The codec of a proposed block. The hashes are one byte string: 2 000 items would be 2 000 allocations. */
export const blockProposalCodec: Codec<BlockProposal> = mapped(
  tuple({
    header: bytes(1, HEADER_BYTES_MAX),
    previousCertificate: optional(certificateCodec),
    transactions: mapped(
      bytes(0, BLOCK_TRANSACTIONS_MAX * HASH_BYTES),
      (joined, path): readonly Uint8Array[] => {
        const count = Math.ceil(joined.length / HASH_BYTES)
        // hash32 refuses a last piece that is short.
        return Array.from({ length: count }, (_, k) =>
          hash32.read(joined.subarray(k * HASH_BYTES, (k + 1) * HASH_BYTES), `${path}[${k}]`)
        )
      },
      hashes => concatBytes([...hashes])
    )
  }),
  ({ header, previousCertificate, transactions }): BlockProposal => ({
    header: decodeHeader(header),
    previousCertificate,
    transactions
  }),
  ({ header, previousCertificate, transactions }) => ({
    header: encodeHeader(header),
    previousCertificate,
    transactions
  })
)

const signedCases = {
  proposal: [
    1,
    {
      height,
      view: u32,
      sender,
      block: blockProposalCodec,
      justification: optional(justificationCodec),
      signature
    }
  ],
  prepare: [2, { height, view: u32, sender, blockHash: hash32, signature }],
  commit: [3, { height, view: u32, sender, blockHash: hash32, signature }],
  'view-change': [
    4,
    {
      height,
      view: uint(VIEW_MAX, 1),
      sender,
      preparedView: integer(-1, PREPARED_VIEW_MAX),
      preparedHash: hash32,
      prepared: optional(certificateCodec),
      signature
    }
  ]
} as const

const pastVoteCodec: Codec<PastVote> = tuple({
  height,
  view: u32,
  content: union<EvidenceContent>({
    proposal: [1, { blockHash: hash32, justificationHash: hash32 }],
    prepare: [2, { blockHash: hash32 }],
    commit: [3, { blockHash: hash32 }],
    'view-change': [4, { preparedView: integer(-1, PREPARED_VIEW_MAX), preparedHash: hash32 }]
  }),
  signature
})

/** The codec of the signed messages, for the vote state. */
export const signedMessageCodec: Codec<SignedMessage> = union<SignedMessage>(signedCases)

/** The bytes of a message and back. Reading checks the form only; what a message means is the replica's affair. */
export const messageFormat: Format<Message> = format(
  'message',
  MESSAGE_BYTES_MAX,
  union<Message>({
    ...signedCases,
    status: [5, { height: uint(), headHash: hash32, view: u32, clock: uint(), version: u32 }],
    decided: [6, { certificate: certificateCodec }],
    inquiry: [7, { nonce: bytes(32) }],
    answer: [
      8,
      { nonce: bytes(32), height: uint(), complete: boolean, vote: optional(pastVoteCodec) }
    ]
  })
)

/** The bytes of a message. */
export function encodeMessage(message: Message): Uint8Array {
  return messageFormat.encode(message)
}

/** @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL` or `ERR_SCHEMA` */
export function decodeMessage(encoded: Uint8Array): Message {
  return messageFormat.decode(encoded)
}
