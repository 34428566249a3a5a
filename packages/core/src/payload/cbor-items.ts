import { Token, Tokenizer, Type } from 'cborg'

const DECIMAL_FRACTION_TAG = 4

/** A decimal fraction (RFC 8949 section 3.4.4): mantissa × 10^exponent. Both are integers. */
export class Decimal {
  readonly exponent: number
  readonly mantissa: number

  constructor(exponent: number, mantissa: number) {
    this.exponent = exponent
    this.mantissa = mantissa
  }

  /** The nearest float of this number times 10^shift. Reading decimal text rounds once; multiplying rounds twice. */
  toNumber(shift: number = 0): number {
    return Number(`${this.mantissa}e${this.exponent + shift}`)
  }

  /** Its CBOR. */
  tokens(): Token[] {
    return [
      new Token(Type.tag, DECIMAL_FRACTION_TAG),
      new Token(Type.array, 2),
      ...[this.exponent, this.mantissa].map(
        part => new Token(part < 0 ? Type.negint : Type.uint, part)
      )
    ]
  }
}

/** A CBOR item without parts, a decimal fraction counting as a number. Byte strings and null are not among them. */
export type CborScalar = string | number | boolean | Decimal

/**
 * Reads untrusted CBOR item by item, for formats of other makers that need not be in our deterministic encoding. There is
 * no recursion, so no nesting exhausts the stack, and nothing is allocated for a length that the input only claims.
 *
 * All methods throw an `Error` of whatever class when the input is not what they ask for; callers wrap it.
 */
export class CborItems {
  readonly #tokens: Tokenizer
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #peeked: Token | undefined

  constructor(bytes: Uint8Array) {
    this.#tokens = new Tokenizer(bytes, { retainStringBytes: true, allowUndefined: false })
  }

  /** Whether nothing is left. */
  done(): boolean {
    return this.#peeked === undefined && this.#tokens.done()
  }

  /**
   * Opens an array or a map and yields once per entry, which the caller reads: an item, or a label and an item.
   * Indefinite lengths are accepted: they are how a stream is written.
   *
   * @param max - the most entries
   */
  *entries(type: 'array' | 'map', max: number): Generator<void> {
    const token = this.#next()
    if (token.type !== Type[type]) throw new TypeError(`expected a CBOR ${type}`)
    const length = Number(token.value)
    for (let count = 0; count < length; count++) {
      if (length === Infinity && this.#passBreak()) return
      if (count >= max || (length > max && length !== Infinity))
        throw new RangeError(`${type} of more than ${max}`)
      yield
    }
  }

  /** A map label: an integer or text. */
  label(): number | string {
    const token = this.#next()
    return token.type === Type.string ? this.#text(token) : integerOf(token)
  }

  /** One item without parts. */
  scalar(): CborScalar {
    const token = this.#next()
    if (token.type === Type.string) return this.#text(token)
    if (token.type === Type.true || token.type === Type.false) return token.type === Type.true
    if (token.type === Type.float) return Number(token.value)
    if (token.type !== Type.tag || token.value !== DECIMAL_FRACTION_TAG) return integerOf(token)
    const parts: number[] = []
    for (const _ of this.entries('array', 2)) parts.push(integerOf(this.#next()))
    const [exponent, mantissa] = parts
    if (exponent === undefined || mantissa === undefined)
      throw new TypeError('a decimal fraction has two parts')
    return new Decimal(exponent, mantissa)
  }

  /** Passes over one item of any kind. */
  skip(): void {
    // How many items are still to come in each open container; the innermost is last.
    const open = [1]
    for (let left = open.pop(); left !== undefined; left = open.pop()) {
      if (left === 0) continue
      const token = this.#next()
      const { type } = token
      if (type === Type.break) {
        if (left !== Infinity) throw new TypeError('a break outside of an indefinite length')
        continue
      }
      open.push(left - 1)
      if (type === Type.array) open.push(Number(token.value))
      if (type === Type.map) open.push(2 * Number(token.value))
      if (type === Type.tag) open.push(1)
    }
  }

  #next(): Token {
    const token = this.#peeked ?? this.#tokens.next()
    this.#peeked = undefined
    return token
  }

  #passBreak(): boolean {
    const token = this.#tokens.next()
    if (token.type === Type.break) return true
    this.#peeked = token
    return false
  }

  #text(token: Token): string {
    // cborg's own text replaces what is not UTF-8 and drops a byte order mark; we return what was sent or nothing.
    return token.byteValue === undefined ? '' : this.#utf8.decode(token.byteValue)
  }
}

function integerOf(token: Token): number {
  if (token.type !== Type.uint && token.type !== Type.negint)
    throw new TypeError('expected an integer')
  return Number(token.value)
}
