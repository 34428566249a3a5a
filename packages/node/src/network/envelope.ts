import {
  concatBytes,
  isVitalchainError,
  u8,
  utf8,
  VitalchainError,
  type ErrorValues
} from '@vitalchain/core'

/**
 * What the answering side of a member link or a request sends, one per frame: a kind byte and its
 * content.
 *
 * | kind | content |
 * |---|---|
 * | 0 data | the bytes |
 * | 1 error | JSON, UTF-8: `{ "code": "ERR_…", "message": text, "retryable": boolean }`; the last frame |
 * | 2 end | empty; the last frame. A stream that stops without `end` or `error` was cut off |
 */
export type Envelope =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'error'; readonly error: VitalchainError }
  | { readonly kind: 'end' }

const KIND_DATA = 0
const KIND_ERROR = 1
const KIND_END = 2

/** Longest error message taken from or sent to a peer, in characters: one line for a log. */
const ERROR_MESSAGE_CHARS_MAX: number = 512

/** Longest error envelope, in bytes: its message in UTF-8, escaped, with room for code and braces. */
export const ERROR_ENVELOPE_BYTES_MAX: number = 8 * 1024

const CODE_PATTERN = /^ERR_[A-Z0-9_]{1,60}$/

/** A frame that carries data. */
export function encodeData(bytes: Uint8Array): Uint8Array {
  return concatBytes([u8(KIND_DATA), bytes])
}

/** The frame that ends a complete answer. */
export function encodeEnd(): Uint8Array {
  return u8(KIND_END)
}

/**
 * A frame that carries an error's code, message and whether to retry. An error that is not a
 * {@link VitalchainError} is told as `ERR_INTERNAL` without its text, which could hold anything.
 */
export function encodeError(error: unknown): Uint8Array {
  const told = isVitalchainError(error)
    ? { code: error.code, message: error.message, retryable: error.retryable }
    : { code: 'ERR_INTERNAL', message: 'internal error', retryable: true }
  return concatBytes([
    u8(KIND_ERROR),
    utf8(JSON.stringify({ ...told, message: told.message.slice(0, ERROR_MESSAGE_CHARS_MAX) }))
  ])
}

/**
 * Reads what a peer sent. Never throws on an error frame of a wrong shape: that is an error too, with
 * the code `ERR_ENVELOPE`.
 *
 * @throws VitalchainError `ERR_ENVELOPE` for an empty frame or an unknown kind.
 */
export function decodeEnvelope(frame: Uint8Array): Envelope {
  const kind = frame[0] ?? -1
  switch (kind) {
    case KIND_DATA:
      return { kind: 'data', bytes: frame.subarray(1) }
    case KIND_ERROR:
      return { kind: 'error', error: decodeError(frame.subarray(1)) }
    case KIND_END:
      return { kind: 'end' }
    default:
      throw envelopeError({ kind })
  }
}

function decodeError(bytes: Uint8Array): VitalchainError {
  if (bytes.length > ERROR_ENVELOPE_BYTES_MAX) {
    return envelopeError({ length: bytes.length })
  }
  let told: unknown
  try {
    told = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return envelopeError({ length: bytes.length })
  }
  if (
    typeof told !== 'object' ||
    told === null ||
    !('code' in told) ||
    typeof told.code !== 'string' ||
    !CODE_PATTERN.test(told.code) ||
    !('message' in told) ||
    typeof told.message !== 'string'
  ) {
    return envelopeError({ length: bytes.length })
  }
  return new VitalchainError(told.code, told.message.slice(0, ERROR_MESSAGE_CHARS_MAX), {
    values: { remote: true },
    retryable: 'retryable' in told && told.retryable === true
  })
}

function envelopeError(values: ErrorValues): VitalchainError {
  return new VitalchainError('ERR_ENVELOPE', 'the peer sent a frame of no known kind or shape', {
    values
  })
}
