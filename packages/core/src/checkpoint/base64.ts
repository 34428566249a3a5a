import { fromString } from 'uint8arrays/from-string'
import { toString } from 'uint8arrays/to-string'

/** Standard base64 with padding (RFC 4648 section 4), as all C2SP formats use it. */
export function toBase64(bytes: Uint8Array): string {
  return toString(bytes, 'base64pad')
}

/**
 * The bytes of standard base64 with padding, or undefined when the text is not the one encoding of any bytes: other
 * letters, missing padding, and bits behind the last byte are refused.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  let bytes: Uint8Array
  try {
    bytes = fromString(text, 'base64pad')
  } catch {
    return undefined
  }
  return toBase64(bytes) === text ? bytes : undefined
}
