import {
  certificateCodec,
  format,
  list,
  mapped,
  optional,
  tagged,
  tuple,
  u32,
  uint,
  VitalchainError,
  type Certificate,
  type Format
} from '@vitalchain/core'
import { VOTE_STATE_BYTES_MAX } from './limits.ts'
import {
  blockProposalCodec,
  signedMessageCodec,
  type BlockProposal,
  type CommitMessage,
  type PrepareMessage,
  type ProposalMessage,
  type SignedMessage,
  type ViewChangeMessage
} from './messages.ts'

/** The messages that a replica signed in one view: at most one of each kind. */
export interface SentMessages {
  readonly 'view-change'?: ViewChangeMessage
  readonly proposal?: ProposalMessage
  readonly prepare?: PrepareMessage
  readonly commit?: CommitMessage
}

/** A block that a quorum prepared, with the proof. */
export interface PreparedBlock {
  readonly certificate: Certificate
  readonly block: BlockProposal
}

/**
 * What must survive a crash, and is on disk before any message in it leaves: the place of the last signature,
 * the signed messages themselves, and the highest prepared block. spec C-24.
 */
export interface VoteState {
  readonly height: number
  readonly view: number
  readonly sent: SentMessages
  readonly prepared: PreparedBlock | undefined
}

/** The order of the signatures in one view. */
export const VOTE_STEP: Readonly<Record<SignedMessage['type'], number>> = {
  'view-change': 0,
  proposal: 1,
  prepare: 2,
  commit: 3
}

/** Where a signature stands. A signer signs only in ascending order, whatever it is asked. spec C-25. */
export interface Watermark {
  readonly height: number
  readonly view: number
  readonly step: number
}

/** Negative when `a` comes before `b`, 0 for the same place. */
export function compareWatermarks(a: Watermark, b: Watermark): number {
  return a.height - b.height || a.view - b.view || a.step - b.step
}

/** The place of a message among its signer's signatures. */
export function watermarkOf(message: Pick<SignedMessage, 'type' | 'height' | 'view'>): Watermark {
  return { height: message.height, view: message.view, step: VOTE_STEP[message.type] }
}

/** The signed messages of a vote state, in the order in which they were signed. */
export function sentMessages(sent: SentMessages): SignedMessage[] {
  const all = [sent['view-change'], sent.proposal, sent.prepare, sent.commit]
  return all.filter(message => message !== undefined)
}

/** A vote state with newly signed messages in it: what a host writes before it gives them to the replica. */
export function withSigned(record: VoteState, signed: readonly SignedMessage[]): VoteState {
  return { ...record, sent: addSent(record.sent, signed) }
}

/** Signed messages with more of them. */
export function addSent(sent: SentMessages, signed: readonly SignedMessage[]): SentMessages {
  return Object.assign({}, sent, Object.fromEntries(signed.map(message => [message.type, message])))
}

/** The bytes of a vote state and back. */
export const voteStateFormat: Format<VoteState> = format(
  'vote-state',
  VOTE_STATE_BYTES_MAX,
  mapped(
    tagged(['vitalchain/vote-state', 1], {
      height: uint(Number.MAX_SAFE_INTEGER, 1),
      view: u32,
      sent: list(signedMessageCodec, 4),
      prepared: optional(tuple({ certificate: certificateCodec, block: blockProposalCodec }))
    }),
    ({ height, view, sent, prepared }, path): VoteState => {
      const kinds = new Set(sent.map(message => message.type))
      if (
        kinds.size !== sent.length ||
        sent.some(message => message.height !== height || message.view !== view)
      ) {
        throw new VitalchainError(
          'ERR_SCHEMA',
          `${path}: expected one message of each kind, of this height and view`
        )
      }
      return { height, view, sent: addSent({}, sent), prepared }
    },
    ({ height, view, sent, prepared }) => ({
      height,
      view,
      sent: sentMessages(sent),
      prepared
    })
  )
)

/** The bytes of a vote state. */
export function encodeVoteState(state: VoteState): Uint8Array {
  return voteStateFormat.encode(state)
}

/** @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL` or `ERR_SCHEMA` */
export function decodeVoteState(encoded: Uint8Array): VoteState {
  return voteStateFormat.decode(encoded)
}
