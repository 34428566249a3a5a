import { compare } from 'uint8arrays/compare'
import { concat } from 'uint8arrays/concat'
import { equals } from 'uint8arrays/equals'
import { VitalchainError } from './errors.ts'

export { compare as compareBytes, concat as concatBytes, equals as equalBytes }

const encoder = new TextEncoder()

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal. By a table: hashes become map keys so often that the general codec shows in profiles. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += HEX[byte] ?? ''
  return hex
}

/**
 * Bytes of a hexadecimal string.
 *
 * @throws VitalchainError `ERR_HEX` when the text is not an even number of hexadecimal digits.
 */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) {
    throw new VitalchainError('ERR_HEX', 'expected an even number of hexadecimal digits', {
      values: { length: hex.length }
    })
  }
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++)
    bytes[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16)
  return bytes
}

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** One byte. */
export function u8(value: number): Uint8Array {
  return Uint8Array.of(value)
}

/** Four bytes, big-endian. `value` is an unsigned 32-bit integer. */
export function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Eight bytes, big-endian. `value` is a safe, non-negative integer. */
export function u64be(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
