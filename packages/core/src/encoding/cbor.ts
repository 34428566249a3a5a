import { decode, encode, rfc8949EncodeOptions, Tagged, Tokenizer, Type } from 'cborg'
import { equalBytes } from '../bytes.ts'
import { VitalchainError } from '../errors.ts'

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
  | Tagged
  | readonly CborValue[]
  | ReadonlyMap<CborValue, CborValue>

/** Deepest nesting of arrays, maps and tags that is decoded. The deepest of our formats, a receipt, needs 6. */
export const CBOR_DEPTH_MAX: number = 16

const COSE_SIGN1_TAG = 18

/** Counts open arrays, maps and tags, so that a hostile input cannot exhaust the stack. */
class BoundedTokenizer extends Tokenizer {
  /** Items still to come in each open array, map or tag. */
  readonly #open: number[] = []

  override next(): ReturnType<Tokenizer['next']> {
    const token = super.next()
    if (token.type === Type.float) throw new RangeError('a float')
    const open = this.#open
    if (open.length > 0) {
      const last = open.length - 1
      open[last] = (open[last] ?? 1) - 1
    }
    if (token.type === Type.array) open.push(Number(token.value))
    else if (token.type === Type.map) open.push(2 * Number(token.value))
    else if (token.type === Type.tag) open.push(1)
    while (open.at(-1) === 0) open.pop()
    if (open.length > CBOR_DEPTH_MAX) throw new RangeError('nested too deep')
    return token
  }
}

const sortKeys = rfc8949EncodeOptions.mapSorter

const encodeOptions: typeof rfc8949EncodeOptions = {
  ...rfc8949EncodeOptions,
  // A Map holds two byte strings of the same bytes as two keys. Sorting brings them together.
  mapSorter(one, other) {
    const order = sortKeys?.(one, other) ?? 0
    if (order === 0 && one !== other) throw new RangeError('one map key twice')
    return order
  }
}

/** Deterministic CBOR (RFC 8949 section 4.2.1): shortest integers, definite lengths, keys sorted bytewise. */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(value, encodeOptions)
}

/**
 * Decodes one deterministic CBOR item. Decoders do not check everything that "deterministic" asks for, so
 * the value is encoded again and must give the same bytes: one value has one encoding.
 *
 * @param bytes - exactly one item, nothing behind it
 * @param bytesMax - the largest accepted input, in bytes
 * @throws VitalchainError `ERR_TOO_LARGE` above `bytesMax`, `ERR_ENCODING` when the bytes are not CBOR of
 * the kinds in {@link CborValue}, `ERR_NOT_CANONICAL` when another encoding of the same value is shorter or sorted.
 */
export function decodeCbor(bytes: Uint8Array, bytesMax: number): CborValue {
  if (bytes.length > bytesMax) {
    throw new VitalchainError(
      'ERR_TOO_LARGE',
      `${bytes.length} bytes where at most ${bytesMax} are allowed`,
      {
        values: { bytes: bytes.length, bytesMax }
      }
    )
  }
  const options = {
    allowIndefinite: false,
    allowUndefined: false,
    allowInfinity: false,
    allowNaN: false,
    useMaps: true,
    rejectDuplicateMapKeys: true,
    tags: Tagged.preserve(COSE_SIGN1_TAG)
  }
  // Slices of a Buffer share its memory, so that a value would change with a reused input: read it as plain bytes.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  let value: CborValue
  let again: Uint8Array
  try {
    value = decode(plain, {
      ...options,
      tokenizer: new BoundedTokenizer(plain, options)
    }) as CborValue
    again = encodeCbor(value)
  } catch (cause) {
    throw new VitalchainError('ERR_ENCODING', 'not a CBOR item of the kinds in use here', {
      cause,
      values: { bytes: bytes.length }
    })
  }
  if (!equalBytes(again, bytes)) {
    throw new VitalchainError(
      'ERR_NOT_CANONICAL',
      'the bytes are not the deterministic encoding of their value',
      {
        values: { bytes: bytes.length }
      }
    )
  }
  return value
}

/** Wraps a value as a COSE_Sign1 (RFC 9052, tag 18). */
export function tagSign1(value: CborValue): Tagged {
  return new Tagged(COSE_SIGN1_TAG, value)
}

/** The content of a COSE_Sign1 tag, or undefined when the value is something else. */
export function untagSign1(value: CborValue): CborValue | undefined {
  return value instanceof Tagged && value.tag === COSE_SIGN1_TAG
    ? (value.value as CborValue)
    : undefined
}
