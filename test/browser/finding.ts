import { errorCode, fromHex, toHex } from '@vitalchain/core'

/** JSON of a vector file: bytes are in hexadecimal, what is absent is null. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json }

/** A vector file's word for a vector, and what this implementation says of it. */
export interface Finding {
  /** Where in the file it stands, and why it is there. */
  readonly what: string
  readonly expected: Json
  readonly found: Json
}

/** Why a vector is in its file, as far as it says. */
export interface Told {
  readonly kind?: string
  readonly form?: string
  readonly why?: string
}

/** A value as JSON, as the vector files have it. */
export function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toJson(each)]))
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : null
}

/** What a call returns, or `{ code }` of the error that it throws. */
export function outcome(call: () => unknown): Json {
  try {
    return toJson(call())
  } catch (error) {
    return { code: errorCode(error) }
  }
}

/** Findings of one list of a file. */
export function judgeAll<V>(
  section: string,
  vectors: readonly V[],
  judge: (vector: V) => { readonly expected: Json; readonly found: Json }
): Finding[] {
  return vectors.map((vector, at) => {
    const { kind, form, why }: Told = typeof vector === 'object' && vector !== null ? vector : {}
    const told = [form, kind, why].filter(each => each !== undefined).join(': ')
    return { what: `${section}[${at}] ${told}`.trimEnd(), ...judge(vector) }
  })
}

/** Findings of a list of vectors of which every field follows from the others. */
export function judgeFields<V>(
  section: string,
  vectors: readonly V[],
  fields: (vector: V) => Readonly<Record<string, unknown>>
): Finding[] {
  return judgeAll(section, vectors, vector => ({
    expected: toJson(vector),
    found: outcome(() => ({ ...vector, ...fields(vector) }))
  }))
}

/** Findings of a list of vectors that are refused, each with its code. */
export function judgeRefusals<V extends { readonly code: string }>(
  section: string,
  vectors: readonly V[],
  call: (vector: V) => unknown
): Finding[] {
  return judgeAll(section, vectors, vector => ({
    expected: { code: vector.code },
    found: outcome(() => call(vector))
  }))
}

/** Findings of claims that hold or do not. */
export function judgeClaims<V>(
  section: string,
  vectors: readonly V[],
  expected: boolean,
  holds: (vector: V) => boolean
): Finding[] {
  return judgeAll(section, vectors, vector => ({ expected, found: outcome(() => holds(vector)) }))
}

/** The bytes of a list of hexadecimal texts. */
export function hashes(list: readonly string[]): Uint8Array[] {
  return list.map(fromHex)
}

/** A member's keys in a vector file. */
export interface ValidatorJson {
  readonly member: string
  readonly consensusKey?: string
  readonly checkpointKey: string
}

/** The validators of a vector file; a key that a file leaves out is never asked for. */
export function validatorsFrom(list: readonly ValidatorJson[]): {
  readonly member: Uint8Array
  readonly consensusKey: Uint8Array
  readonly checkpointKey: Uint8Array
}[] {
  return list.map(({ member, consensusKey = '', checkpointKey }) => ({
    member: fromHex(member),
    consensusKey: fromHex(consensusKey),
    checkpointKey: fromHex(checkpointKey)
  }))
}
