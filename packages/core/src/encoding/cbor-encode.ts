import { compareBytes, equalBytes, utf8 } from '../bytes.ts'

/**
 * The CBOR values that the ledger uses; a number is a safe integer. Floats are not among them: two machines may print
 * one float two ways.
 */
export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | Sign1
  | readonly CborValue[]
  | ReadonlyMap<CborValue, CborValue>

/** What tag 18 marks. */
export class Sign1 {
  readonly content: CborValue

  constructor(content: CborValue) {
    this.content = content
  }
}

// Major types (RFC 8949 section 3.1): the upper three bits of an item's first byte.
export const UINT = 0
export const NEGATIVE = 1
export const BYTES = 2
export const TEXT = 3
export const ARRAY = 4
export const MAP = 5
export const TAG = 6

export const SIGN1_TAG = 18
export const FALSE = 0xf4
export const TRUE = 0xf5
export const NULL = 0xf6

/**
 * Deterministic CBOR (RFC 8949 section 4.2.1): shortest integers, definite lengths, keys sorted bytewise. spec F-1.
 *
 * @throws RangeError or TypeError for what is no {@link CborValue}: a number that is no safe integer, one map key twice
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = idle ?? new Writer()
  idle = undefined
  try {
    return writer.encode(value)
  } finally {
    idle = writer
  }
}

/** Memory that a writer starts with and keeps, in bytes: most documents that are hashed or signed fit. */
const WRITER_BYTES = 4_096

// Kept between calls: fresh memory would cost as much as writing a small document. The keys of a map are encoded while
// a writer is at work, by one of their own.
let idle: Writer | undefined

class Writer {
  #bytes = new Uint8Array(WRITER_BYTES)
  #length = 0

  encode(value: CborValue): Uint8Array {
    this.#length = 0
    this.#write(value)
    const encoded = this.#bytes.slice(0, this.#length)
    if (this.#bytes.length > WRITER_BYTES) this.#bytes = new Uint8Array(WRITER_BYTES)
    return encoded
  }

  #write(value: CborValue): void {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) throw new RangeError('not a safe integer')
      if (value < 0) this.#head(NEGATIVE, -1 - value)
      else this.#head(UINT, value)
    } else if (value instanceof Uint8Array) {
      this.#head(BYTES, value.length)
      this.#raw(value)
    } else if (Array.isArray(value)) {
      this.#head(ARRAY, value.length)
      for (const each of value as readonly CborValue[]) this.#write(each)
    } else if (typeof value === 'string') {
      const encoded = utf8(value)
      this.#head(TEXT, encoded.length)
      this.#raw(encoded)
    } else if (value instanceof Map) {
      this.#map(value as ReadonlyMap<CborValue, CborValue>)
    } else if (value instanceof Sign1) {
      this.#head(TAG, SIGN1_TAG)
      this.#write(value.content)
    } else if (value === null || typeof value === 'boolean') {
      this.#byte(value === null ? NULL : value ? TRUE : FALSE)
    } else {
      throw new TypeError('no value of our CBOR')
    }
  }

  #map(map: ReadonlyMap<CborValue, CborValue>): void {
    const entries = [...map].map(([key, value]) => ({ key: encodeCbor(key), value }))
    entries.sort((one, other) => compareBytes(one.key, other.key))
    this.#head(MAP, entries.length)
    for (const [at, { key, value }] of entries.entries()) {
      const before = entries[at - 1]
      // A Map holds two byte strings of the same bytes as two keys.
      if (before !== undefined && equalBytes(before.key, key))
        throw new RangeError('one map key twice')
      this.#raw(key)
      this.#write(value)
    }
  }

  /** A major type with its argument, in the fewest bytes. */
  #head(major: number, argument: number): void {
    const width = shortestWidth(argument)
    this.#byte((major << 5) | (width === 0 ? argument : 24 + Math.log2(width)))
    for (let byte = width - 1; byte >= 0; byte--)
      this.#byte(Math.floor(argument / 256 ** byte) % 256)
  }

  #byte(byte: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1)
    this.#bytes[this.#length] = byte
    this.#length += 1
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** Bytes of an argument behind its first byte: 0, 1, 2, 4 or 8. */
export function shortestWidth(argument: number): number {
  if (argument < 24) return 0
  if (argument < 0x100) return 1
  if (argument < 0x1_0000) return 2
  return argument < 0x1_0000_0000 ? 4 : 8
}
