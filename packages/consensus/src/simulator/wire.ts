import { decodeMessage, encodeMessage, type Message } from './replica.ts'

/** What became of a message on the wire. */
export interface Decoded {
  /** Undefined for bytes that are no message. */
  readonly message: Message | undefined
  readonly size: number
}

/** What was made of messages that are sent again and again. */
const decodings = new WeakMap<Message, Decoded>()

/** A message as it comes out of its bytes, and how many those are. */
export function decoded(sent: Message | Uint8Array): Decoded {
  if (sent instanceof Uint8Array) return fromBytes(sent)
  const known = decodings.get(sent) ?? encodedAndDecoded(sent)
  decodings.set(sent, known)
  return known
}

function encodedAndDecoded(message: Message): Decoded {
  try {
    return fromBytes(encodeMessage(message))
  } catch {
    return { message: undefined, size: 0 }
  }
}

function fromBytes(bytes: Uint8Array): Decoded {
  try {
    return { message: decodeMessage(bytes), size: bytes.length }
  } catch {
    return { message: undefined, size: bytes.length }
  }
}
