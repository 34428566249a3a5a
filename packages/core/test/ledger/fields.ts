import type { Test } from 'tap'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import type { Format } from '../../src/encoding/schema.ts'

/** A value of another kind for each kind, none of which any field takes by mistake. */
const NEVER: readonly CborValue[] = [new Map(), -1, '', new Uint8Array(0), 'a\nb']

/**
 * Puts values that must be refused into one field of a valid document, given by the way to it, and expects
 * `ERR_SCHEMA`. Values that no field takes are tried without being named.
 */
export function refusesField<T>(
  t: Test,
  format: Format<T>,
  valid: Uint8Array,
  way: readonly number[],
  refused: readonly CborValue[],
  except: readonly CborValue[] = []
): void {
  for (const value of [...refused, ...NEVER.filter(each => !except.includes(each))]) {
    const changed = encodeCbor(replaced(decodeCbor(valid, format.bytesMax), way, value))
    t.throws(
      () => format.decode(changed),
      { name: 'VitalchainError', code: /^ERR_(SCHEMA|TOO_LARGE|ENCODING)$/ },
      `${way.join('.')} = ${shown(value)}`
    )
  }
}

function shown(value: CborValue): string {
  return value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value).slice(0, 40)
}

/** The items of an array; none of anything else. */
export function itemsOf(value: CborValue): readonly CborValue[] {
  return isItems(value) ? value : []
}

/** Whether a value is an array. */
export function isItems(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value)
}

/** The value with what stands at the end of the way replaced. */
export function replaced(value: CborValue, way: readonly number[], by: CborValue): CborValue {
  const [first, ...rest] = way
  if (first === undefined) return by
  const items = itemsOf(value)
  return items.with(first, replaced(items[first]!, rest, by))
}

/** A valid document with what stands at the end of the way replaced. */
export function withField<T>(
  format: Format<T>,
  valid: Uint8Array,
  way: readonly number[],
  by: CborValue
): Uint8Array {
  return encodeCbor(replaced(decodeCbor(valid, format.bytesMax), way, by))
}
