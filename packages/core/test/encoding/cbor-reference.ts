import { decode, encode, rfc8949EncodeOptions, Tagged, Tokenizer, Type } from 'cborg'
import { CBOR_DEPTH_MAX } from '../../src/encoding/cbor.ts'
import { equalBytes } from '../../src/bytes.ts'

/** A verdict of {@link referenceVerdict}: of what is refused, the code; of what it cannot judge, `undefined`. */
export type Verdict = 'valid' | 'ERR_ENCODING' | 'ERR_NOT_CANONICAL' | undefined

/** Counts open arrays, maps and tags. */
class BoundedTokenizer extends Tokenizer {
  readonly #open: number[] = []

  override next(): ReturnType<Tokenizer['next']> {
    const token = super.next()
    if (token.type === Type.float) throw new RangeError('a float')
    const open = this.#open
    if (open.length > 0) open[open.length - 1]! -= 1
    if (token.type === Type.array) open.push(Number(token.value))
    else if (token.type === Type.map) open.push(2 * Number(token.value))
    else if (token.type === Type.tag) open.push(1)
    while (open.at(-1) === 0) open.pop()
    if (open.length > CBOR_DEPTH_MAX) throw new RangeError('nested too deep')
    return token
  }
}

const COMPLEX_KEY = 'complex map keys are compared'
const sortKeys = rfc8949EncodeOptions.mapSorter!

/**
 * The verdict of F-1 by a general CBOR library: decode, encode again, compare. It cannot judge maps with arrays or maps
 * as keys, and its text decoder drops a byte order mark, which F-1 does not forbid.
 */
export function referenceVerdict(bytes: Uint8Array): Verdict {
  const options = {
    allowIndefinite: false,
    allowUndefined: false,
    allowInfinity: false,
    allowNaN: false,
    useMaps: true,
    rejectDuplicateMapKeys: true,
    tags: Tagged.preserve(18)
  }
  const mapSorter: typeof sortKeys = (one, other) => {
    let order: number
    try {
      order = sortKeys(one, other)
    } catch {
      throw new Error(COMPLEX_KEY)
    }
    if (order === 0 && one !== other) throw new RangeError('one map key twice')
    return order
  }
  try {
    const value: unknown = decode(bytes, {
      ...options,
      tokenizer: new BoundedTokenizer(bytes, options)
    })
    const again = encode(value, { ...rfc8949EncodeOptions, mapSorter })
    if (equalBytes(again, bytes)) return 'valid'
    return Buffer.from(bytes).includes('efbbbf', 'hex') ? undefined : 'ERR_NOT_CANONICAL'
  } catch (error) {
    return error instanceof Error && error.message === COMPLEX_KEY ? undefined : 'ERR_ENCODING'
  }
}
