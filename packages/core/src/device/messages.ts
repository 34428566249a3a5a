import {
  boolean,
  bytes,
  format,
  hash32,
  list,
  optional,
  text,
  tuple,
  u32,
  uint,
  union,
  type Format
} from '../encoding/schema.ts'
import {
  PAYLOAD_BYTES_MAX,
  RECEIPT_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  VALIDATORS_MAX
} from '../ledger/limits.ts'
import { laneCodec, type Place } from '../ledger/statement.ts'
import { TIME_NONCE_BYTES, timeAnswerCodec, type TimeAnswer } from './time.ts'

/** What a device says to a node, one frame each. `request` numbers are the device's, to match answers. spec S-3. */
export type DeviceRequest =
  /** Opens the session: {@link Session} signed. Everything but `submit` needs one. */
  | { readonly type: 'session'; readonly request: number; readonly session: Uint8Array }
  /** Hands over a transaction and, for readings, the payload that its statement names. */
  | {
      readonly type: 'submit'
      readonly request: number
      readonly transaction: Uint8Array
      readonly payload: Uint8Array | undefined
    }
  /** Asks where a lane of the session's device stands. */
  | { readonly type: 'head'; readonly request: number; readonly lane: 0 | 1 }
  /** Asks for the receipt of a statement of the session's device, as soon as it is committed. */
  | { readonly type: 'receipt'; readonly request: number; readonly id: Uint8Array }
  /** Asks the node for a signed hello, where the transport does not say who the node is. spec S-9. */
  | { readonly type: 'greeting'; readonly request: number; readonly nonce: Uint8Array }
  /** Asks what time it is: the node asks the members and passes on what they signed. spec T-1. */
  | { readonly type: 'time'; readonly request: number; readonly nonce: Uint8Array }

/** Where a lane stands on the ledger. */
export interface LaneHead extends Place {
  /** What the next statement names as its previous. */
  readonly head: Uint8Array
}

/** What a node says to a device. */
export type DeviceAnswer =
  /** The first frame of a connection. */
  | {
      readonly type: 'hello'
      readonly network: Uint8Array
      readonly node: Uint8Array
      readonly challenge: Uint8Array
    }
  /** The request was carried out; for `submit`: accepted, which promises nothing yet. */
  | { readonly type: 'done'; readonly request: number }
  /** The request was refused with a stable code. */
  | {
      readonly type: 'refused'
      readonly request: number
      readonly code: string
      readonly message: string
      readonly retryable: boolean
    }
  /** The answer to `head`; undefined for a lane without statements. */
  | { readonly type: 'head'; readonly request: number; readonly lane: LaneHead | undefined }
  /** The receipt of a statement: the answer to `receipt`, and sent unasked when a statement of the session's device is committed. */
  | { readonly type: 'receipt'; readonly id: Uint8Array; readonly receipt: Uint8Array }
  /** The answer to `greeting`: hello, and that the node has its key: {@link signGreeting}. */
  | {
      readonly type: 'greeting'
      readonly network: Uint8Array
      readonly node: Uint8Array
      readonly challenge: Uint8Array
      readonly proof: Uint8Array
    }
  /** The answer to `time`: what each member signed. The device judges it: {@link agreeOnTime}. */
  | { readonly type: 'time'; readonly request: number; readonly answers: readonly TimeAnswer[] }

const SESSION_COSE_BYTES_MAX = 512
const CODE_CHARACTERS_MAX = 64
const MESSAGE_CHARACTERS_MAX = 256

/** The frames that a device sends. */
export const deviceRequestFormat: Format<DeviceRequest> = format(
  'device request',
  TRANSACTION_BYTES_MAX + PAYLOAD_BYTES_MAX + 64,
  union<DeviceRequest>({
    session: [1, { request: u32, session: bytes(1, SESSION_COSE_BYTES_MAX) }],
    submit: [
      2,
      {
        request: u32,
        transaction: bytes(1, TRANSACTION_BYTES_MAX),
        payload: optional(bytes(1, PAYLOAD_BYTES_MAX))
      }
    ],
    head: [3, { request: u32, lane: laneCodec }],
    receipt: [4, { request: u32, id: hash32 }],
    greeting: [5, { request: u32, nonce: bytes(32) }],
    time: [6, { request: u32, nonce: bytes(TIME_NONCE_BYTES) }]
  })
)

/** The frames that a node sends. */
export const deviceAnswerFormat: Format<DeviceAnswer> = format(
  'device answer',
  RECEIPT_BYTES_MAX + 64,
  union<DeviceAnswer>({
    hello: [1, { network: hash32, node: bytes(32), challenge: bytes(32) }],
    done: [2, { request: u32 }],
    refused: [
      3,
      {
        request: u32,
        code: text(CODE_CHARACTERS_MAX),
        message: text(MESSAGE_CHARACTERS_MAX),
        retryable: boolean
      }
    ],
    head: [4, { request: u32, lane: optional(tuple({ boot: u32, seq: uint(), head: hash32 })) }],
    receipt: [5, { id: hash32, receipt: bytes(1, RECEIPT_BYTES_MAX) }],
    greeting: [6, { network: hash32, node: bytes(32), challenge: bytes(32), proof: bytes(64) }],
    time: [7, { request: u32, answers: list(timeAnswerCodec, VALIDATORS_MAX) }]
  })
)
