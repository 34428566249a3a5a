import { VitalchainError } from '../errors.ts'
import { decodeCbor, encodeCbor, type CborValue } from './cbor.ts'

/**
 * How one kind of value is written in CBOR and read back with every check that its type implies.
 * `read` gets whatever was decoded from outside and either returns a whole `T` or throws `ERR_SCHEMA`
 * with the path of the fault.
 */
export interface Codec<T> {
  /** The value as CBOR items. */
  write(value: T): CborValue
  /** The value of CBOR items. @throws VitalchainError `ERR_SCHEMA` */
  read(value: CborValue, path: string): T
}

/** The type a codec reads and writes. */
export type Decoded<C> = C extends Codec<infer T> ? T : never

function fault(path: string, expected: string): VitalchainError {
  return new VitalchainError('ERR_SCHEMA', `${path}: expected ${expected}`, { values: { path } })
}

/** An unsigned integer from `min` (default 0) to `max`, both included. */
export function uint(max: number = Number.MAX_SAFE_INTEGER, min: number = 0): Codec<number> {
  return integer(min, max)
}

/** An integer from `min` to `max`, both included; both safe integers. */
export function integer(min: number, max: number): Codec<number> {
  return {
    write: value => value,
    read(value, path) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
        throw fault(path, `an integer from ${min} to ${max}`)
      }
      return value
    }
  }
}

/** A time in milliseconds since 1970-01-01T00:00:00Z; negative before. Device clocks may say anything. */
export const milliseconds: Codec<number> = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)

/** An unsigned 32-bit integer. */
export const u32: Codec<number> = uint(0xffff_ffff)

/** A byte string of exactly `length` bytes, or of `length` to `max` bytes. */
export function bytes(length: number, max: number = length): Codec<Uint8Array> {
  return {
    write: value => value,
    read(value, path) {
      if (!(value instanceof Uint8Array) || value.length < length || value.length > max) {
        throw fault(path, length === max ? `${length} bytes` : `${length} to ${max} bytes`)
      }
      return value
    }
  }
}

/** A 32-byte hash or identifier. */
export const hash32: Codec<Uint8Array> = bytes(32)

/** Text of 1 to `charactersMax` UTF-16 code units without control characters. */
export function text(charactersMax: number): Codec<string> {
  return {
    write: value => value,
    read(value, path) {
      // Control characters would let a name forge lines in a log or a terminal.
      if (
        typeof value !== 'string' ||
        value === '' ||
        value.length > charactersMax ||
        /\p{Cc}/u.test(value)
      ) {
        throw fault(path, `text of 1 to ${charactersMax} characters without control characters`)
      }
      return value
    }
  }
}

/** True or false. */
export const boolean: Codec<boolean> = {
  write: value => value,
  read(value, path) {
    if (typeof value !== 'boolean') throw fault(path, 'true or false')
    return value
  }
}

/** Exactly this value: a kind name or a version. Anything else fails closed. */
export function literal<const T extends string | number>(expected: T): Codec<T> {
  return {
    write: () => expected,
    read(value, path) {
      if (value !== expected) throw fault(path, JSON.stringify(expected))
      return expected
    }
  }
}

/** Either `null` (read as undefined) or the value. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write: value => (value === undefined ? null : codec.write(value)),
    read: (value, path) => (value === null ? undefined : codec.read(value, path))
  }
}

/** An array of `min` to `max` items. */
export function list<T>(item: Codec<T>, max: number, min: number = 0): Codec<readonly T[]> {
  return {
    write: value => value.map(each => item.write(each)),
    read(value, path) {
      if (!Array.isArray(value) || value.length < min || value.length > max) {
        throw fault(path, `an array of ${min} to ${max} items`)
      }
      return value.map((each: CborValue, index) => item.read(each, `${path}[${index}]`))
    }
  }
}

type Fields = Readonly<Record<string, Codec<never>>>
/** The record that fields make. */
export type Struct<F> = { readonly [K in keyof F]: F[K] extends Codec<infer T> ? T : never }

/** A record, written as a CBOR array of its fields in the order given: no keys, so no order of keys to get wrong. */
export function tuple<F extends Record<string, Codec<unknown>> | Fields>(
  fields: F
): Codec<Struct<F>> {
  const entries = Object.entries(fields)
  return {
    write: value =>
      entries.map(([name, codec]) => codec.write((value as Record<string, unknown>)[name])),
    read(value, path) {
      if (!Array.isArray(value) || value.length !== entries.length) {
        throw fault(path, `an array of ${entries.length} items`)
      }
      const items = value as readonly CborValue[]
      // Own, plain object: field names are ours, never the input's.
      return Object.fromEntries(
        entries.map(([name, codec], index) => [
          name,
          codec.read(items[index] ?? null, `${path}.${name}`)
        ])
      ) as Struct<F>
    }
  }
}

/** A tuple behind fixed items: the kind of document and, where it has one, its version. Anything else fails closed. */
export function tagged<F extends Record<string, Codec<unknown>> | Fields>(
  prefix: readonly (string | number)[],
  fields: F
): Codec<Struct<F>> {
  const rest = tuple(fields)
  return {
    write: value => [...prefix, ...(rest.write(value) as readonly CborValue[])],
    read(value, path) {
      if (!Array.isArray(value) || !prefix.every((item, index) => value[index] === item)) {
        throw fault(
          path,
          `an array that starts with ${prefix.map(item => JSON.stringify(item)).join(', ')}`
        )
      }
      return rest.read(value.slice(prefix.length) as readonly CborValue[], path)
    }
  }
}

/** A codec for `T` made of one for `U` and two total conversions. */
export function mapped<U, T>(
  codec: Codec<U>,
  read: (value: U, path: string) => T,
  write: (value: T) => U
): Codec<T> {
  return {
    write: value => codec.write(write(value)),
    read: (value, path) => read(codec.read(value, path), path)
  }
}

/** The fields of one case of a union, all but its `type`. */
export type CaseFields<T> = { readonly [K in keyof Omit<T, 'type'>]: Codec<Omit<T, 'type'>[K]> }

/** One of several records, told apart by a number in front of their fields. Unknown numbers fail closed. */
export function union<T extends { readonly type: string }>(cases: {
  readonly [K in T['type']]: readonly [id: number, fields: CaseFields<Extract<T, { type: K }>>]
}): Codec<T> {
  const all = (Object.entries(cases) as [T['type'], readonly [number, Fields]][]).map(
    ([type, [id, fields]]) => ({ type, id, codec: tagged([id], fields) as Codec<unknown> })
  )
  return {
    write: value => all.find(each => each.type === value.type)?.codec.write(value) ?? null,
    read(value, path) {
      const found = Array.isArray(value) ? all.find(each => each.id === value[0]) : undefined
      if (found === undefined) throw fault(path, 'one of the known kinds')
      return { type: found.type, ...(found.codec.read(value, path) as object) } as T
    }
  }
}

/** A whole document: bytes in, value out, with a size limit. */
export interface Format<T> {
  /** The name that error paths start with. */
  readonly name: string
  /** The largest encoding that is read, in bytes. */
  readonly bytesMax: number
  /** The deterministic encoding of a value. */
  encode(value: T): Uint8Array
  /** The value of an encoding. @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL` or `ERR_SCHEMA` */
  decode(bytes: Uint8Array): T
}

/** Makes a {@link Format} of a codec. */
export function format<T>(name: string, bytesMax: number, codec: Codec<T>): Format<T> {
  return {
    name,
    bytesMax,
    encode: value => encodeCbor(codec.write(value)),
    decode: encoded => codec.read(decodeCbor(encoded, bytesMax), name)
  }
}
