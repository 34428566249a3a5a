import { compareBytes, equalBytes, toHex, utf8 } from '../bytes.ts'
import { VitalchainError } from '../errors.ts'
import {
  ARRAY,
  BYTES,
  encodeCbor,
  FALSE,
  MAP,
  NEGATIVE,
  NULL,
  shortestWidth,
  Sign1,
  SIGN1_TAG,
  TAG,
  TEXT,
  TRUE,
  UINT,
  type CborValue
} from './cbor-encode.ts'

export { encodeCbor, type CborValue, type Sign1 } from './cbor-encode.ts'

/** Deepest nesting of arrays, maps and tags that is decoded. The deepest of our formats, a receipt, needs 6. */
export const CBOR_DEPTH_MAX: number = 16

/**
 * Items in one document: each takes memory however few bytes it has, up to 300 for one. The largest receipt, of hand-overs
 * to 50 validators, has 160 000.
 */
export const CBOR_ITEMS_MAX: number = 262_144

/** Replaces what is not UTF-8 instead of throwing: {@link Reader} compares. A byte order mark is text like any other. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Decodes one deterministic CBOR item: one value has one encoding. spec F-1.
 *
 * @param bytes - exactly one item, nothing behind it
 * @param bytesMax - the largest accepted input, in bytes
 * @throws VitalchainError `ERR_TOO_LARGE` above `bytesMax`, `ERR_ENCODING` when the bytes are not CBOR of
 * the kinds in {@link CborValue}, `ERR_NOT_CANONICAL` when another encoding of the same value is shorter or sorted.
 */
export function decodeCbor(bytes: Uint8Array, bytesMax: number): CborValue {
  const values = { bytes: bytes.length }
  if (bytes.length > bytesMax) {
    throw new VitalchainError(
      'ERR_TOO_LARGE',
      `${bytes.length} bytes where at most ${bytesMax} are allowed`,
      { values: { ...values, bytesMax } }
    )
  }
  // Slices of a Buffer share its memory, so that a value would change with a reused input: read it as plain bytes.
  const reader = new Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  let value: CborValue
  try {
    value = reader.whole()
  } catch (cause) {
    throw new VitalchainError('ERR_ENCODING', 'not a CBOR item of the kinds in use here', {
      cause,
      values
    })
  }
  if (!reader.canonical) {
    throw new VitalchainError(
      'ERR_NOT_CANONICAL',
      'the bytes are not the deterministic encoding of their value',
      { values }
    )
  }
  return value
}

/** Wraps a value as a COSE_Sign1 (RFC 9052, tag 18). */
export function tagSign1(value: CborValue): CborValue {
  return new Sign1(value)
}

/** The content of a COSE_Sign1 tag, or undefined when the value is something else. */
export function untagSign1(value: CborValue): CborValue | undefined {
  return value instanceof Sign1 ? value.content : undefined
}

/**
 * Reads one item. What is no item at all throws; what is an item in another than its one encoding only clears
 * `canonical`, because the first fault of a document is that it is no CBOR, wherever in it that stands (spec F-1).
 */
class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  #items = 0
  canonical = true

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The one item that the bytes are. @throws RangeError for anything else */
  whole(): CborValue {
    const value = this.#item(0)
    if (this.#at !== this.#bytes.length) throw new RangeError('bytes behind the item')
    return value
  }

  /** @param depth - how many arrays, maps and tags are open around the item */
  #item(depth: number): CborValue {
    this.#items += 1
    if (this.#items > CBOR_ITEMS_MAX) throw new RangeError('too many items')
    const first = this.#byte()
    if (first === FALSE || first === TRUE) return first === TRUE
    if (first === NULL) return null
    const major = first >> 5
    const argument = this.#argument(first & 0x1f)
    switch (major) {
      case UINT:
        return argument
      case NEGATIVE:
        if (argument === Number.MAX_SAFE_INTEGER) throw new RangeError('not a safe integer')
        return -1 - argument
      case BYTES:
        return this.#take(argument).slice()
      case TEXT:
        return this.#text(argument)
      case ARRAY: {
        const inside = this.#open(depth, argument)
        const items: CborValue[] = []
        for (let k = 0; k < argument; k++) items.push(this.#item(inside))
        return items
      }
      case MAP:
        return this.#map(this.#open(depth, argument), argument)
      case TAG:
        if (argument !== SIGN1_TAG) throw new RangeError('an unknown tag')
        return new Sign1(this.#item(this.#open(depth, 1)))
      default:
        throw new RangeError('a float or a simple value')
    }
  }

  #open(depth: number, items: number): number {
    // Each item takes a byte: a length that is only claimed ends here, before anything is read for it.
    if (items > this.#bytes.length - this.#at) throw new RangeError('the input ends early')
    // What is empty opens nothing.
    if (items > 0 && depth === CBOR_DEPTH_MAX) throw new RangeError('nested too deep')
    return depth + 1
  }

  #argument(info: number): number {
    if (info < 24) return info
    if (info > 27) throw new RangeError('an indefinite or reserved length')
    const width = 2 ** (info - 24)
    let value = 0
    for (let k = 0; k < width; k++) value = value * 256 + this.#byte()
    if (!Number.isSafeInteger(value)) throw new RangeError('not a safe integer')
    if (shortestWidth(value) !== width) this.canonical = false
    return value
  }

  #text(length: number): string {
    const encoded = this.#take(length)
    const text = decoder.decode(encoded)
    if (!equalBytes(utf8(text), encoded)) this.canonical = false
    return text
  }

  #map(depth: number, entries: number): ReadonlyMap<CborValue, CborValue> {
    const map = new Map<CborValue, CborValue>()
    let before: Uint8Array | undefined
    for (let k = 0; k < entries; k++) {
      const start = this.#at
      const key = this.#item(depth)
      const encoded = this.#bytes.subarray(start, this.#at)
      if (before !== undefined && compareBytes(before, encoded) >= 0) this.canonical = false
      before = encoded
      map.set(key, this.#item(depth))
    }
    // Keys in ascending order are different ones.
    if (!this.canonical) {
      const names = new Set([...map.keys()].map(key => toHex(encodeCbor(key))))
      if (names.size !== entries) throw new RangeError('one map key twice')
    }
    return map
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new RangeError('the input ends early')
    this.#at += 1
    return byte
  }

  #take(count: number): Uint8Array {
    const end = this.#at + count
    if (end > this.#bytes.length) throw new RangeError('the input ends early')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
