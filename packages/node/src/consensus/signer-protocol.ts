import type { Socket } from 'node:net'
import {
  bytes,
  format,
  list,
  mapped,
  optional,
  text,
  u32,
  uint,
  union,
  type Codec,
  type Format
} from '@vitalchain/core'
import {
  signedMessageCodec,
  voteStateFormat,
  type Unsigned,
  type VoteState
} from '@vitalchain/consensus'
import { encodeFrame } from '../network/framing.ts'
import { RETIREMENT_BYTES_MAX } from './key-retirement.ts'

// How a node talks to a signer in another process: frames of CBOR over a stream socket, one request at a time. The first
// frame is the signer's `hello`; then each request has exactly one answer.

/** Bytes of a frame: a proof of retirement. What is asked for at each vote takes a tenth of that at most. */
export const SIGNER_FRAME_BYTES_MAX: number = RETIREMENT_BYTES_MAX + 64

/** How long an answer may take, ms: a synced write on a busy disk. After it the connection counts as dead. */
export const SIGNER_ANSWER_MS: number = 10_000

/** Bytes of an encoded vote state in a frame. */
const RECORD_BYTES_MAX = 256 * 1024

/** Most votes in one request: a proposal and its PREPARE. */
const VOTES_MAX = 4

/** What a node asks. */
export type SignerRequest =
  | {
      readonly type: 'sign'
      readonly votes: readonly Unsigned[]
      readonly record: VoteState
    }
  | { readonly type: 'begin'; readonly height: number }
  | { readonly type: 'distrust' }
  | {
      /** The key is out of force, as the proof shows: it is to be destroyed. */
      readonly type: 'retire'
      readonly proof: Uint8Array
    }

/** What a signer says. */
export type SignerAnswer =
  | {
      /** The first frame: which key this is, where it is valid, and what it signed last. */
      readonly type: 'hello'
      readonly publicKey: Uint8Array
      readonly network: Uint8Array
      readonly recoveryEpoch: number
      /** From where on it has its votes; undefined while it must not sign. */
      readonly first: number | undefined
      readonly last: VoteState | undefined
    }
  | { readonly type: 'signed'; readonly signatures: readonly Uint8Array[] }
  | { readonly type: 'done' }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }

const NO_SIGNATURE = new Uint8Array(64)

const unsigned: Codec<Unsigned> = mapped(
  signedMessageCodec,
  // The place of the signature is empty; sealing puts the real one there.
  (message): Unsigned => message,
  message => ({ ...message, signature: NO_SIGNATURE })
)

const voteState: Codec<VoteState> = mapped(
  bytes(1, RECORD_BYTES_MAX),
  encoded => voteStateFormat.decode(encoded),
  state => voteStateFormat.encode(state)
)

/** The bytes of a request and back. */
export const signerRequestFormat: Format<SignerRequest> = format(
  'signer request',
  SIGNER_FRAME_BYTES_MAX,
  union<SignerRequest>({
    sign: [1, { votes: list(unsigned, VOTES_MAX, 1), record: voteState }],
    begin: [2, { height: uint(Number.MAX_SAFE_INTEGER, 1) }],
    distrust: [3, {}],
    retire: [4, { proof: bytes(1, RETIREMENT_BYTES_MAX) }]
  })
)

/** The bytes of an answer and back. */
export const signerAnswerFormat: Format<SignerAnswer> = format(
  'signer answer',
  SIGNER_FRAME_BYTES_MAX,
  union<SignerAnswer>({
    hello: [
      1,
      {
        publicKey: bytes(32),
        network: bytes(32),
        recoveryEpoch: u32,
        first: optional(uint(Number.MAX_SAFE_INTEGER, 1)),
        last: optional(voteState)
      }
    ],
    signed: [2, { signatures: list(bytes(64), VOTES_MAX, 1) }],
    done: [3, {}],
    refused: [4, { code: text(64), message: text(512) }]
  })
)

/** Sends one frame. */
export function sendFrame(socket: Socket, encoded: Uint8Array): void {
  socket.write(encodeFrame(encoded))
}
