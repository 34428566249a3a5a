import { toHex } from '../../src/bytes.ts'
import { errorCode } from '../../src/errors.ts'

/** A value as JSON: bytes in hexadecimal, what is absent as null. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json }

/** Bytes as hexadecimal and `undefined` as null, at any depth. */
export function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toJson(each)]))
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : null
}

/** The code with which a call refuses; an error when it does not. */
export function codeOf(call: () => unknown, why: string): string {
  try {
    call()
  } catch (error) {
    return errorCode(error)
  }
  throw new Error(`not refused: ${why}`)
}
