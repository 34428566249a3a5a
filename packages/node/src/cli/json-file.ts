import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { fromHex, genesisFormat, isVitalchainError, VitalchainError } from '@vitalchain/core'
import { pathFault } from './system-fault.ts'

/** Bytes of a file that is read whole: a receipt in JSON may have half of that. What never ends is not read to its end. */
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** How a file of JSON begins. */
const OPENING_BRACE = 0x7b

/** A value of JSON with the way to it, for reading what people and other programs wrote. */
export interface JsonReader {
  /** @throws VitalchainError `ERR_FILE`, as all others, when the value is not of that kind */
  text(): string
  /** A whole number from `min` to `max`. */
  integer(min?: number, max?: number): number
  boolean(): boolean
  /** Bytes as hexadecimal digits. */
  hex(bytes?: number): Uint8Array
  list(): readonly JsonReader[]
  /** A field that must be there. */
  field(name: string): JsonReader
  /** A field that may be absent or null. */
  optional(name: string): JsonReader | undefined
  /** The value as one line of JSON. */
  json(): string
}

/**
 * Reads a file of JSON.
 *
 * @throws VitalchainError `ERR_FILE` when it cannot be read or is no JSON
 */
export async function readJsonFile(file: string): Promise<JsonReader> {
  return parseJson((await readTextFile(file)).replace(/^\uFEFF/, ''), file)
}

/**
 * A file's text in UTF-8, with a byte order mark when it begins with one.
 *
 * @throws VitalchainError `ERR_FILE`
 */
export async function readTextFile(file: string, bytesMax?: number): Promise<string> {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await readBytes(file, bytesMax))
}

/**
 * A file's bytes, all of them.
 *
 * @throws VitalchainError `ERR_FILE` when it cannot be read, or has more than `bytesMax`
 */
export async function readBytes(
  file: string,
  bytesMax: number = FILE_BYTES_MAX
): Promise<Uint8Array> {
  const values = { file }
  const bytes = await buffer(createReadStream(file, { end: bytesMax })).catch((cause: unknown) => {
    const reason = pathFault(cause)
    const why = reason === undefined ? '' : `: ${reason}`
    throw new VitalchainError('ERR_FILE', `${file} cannot be read${why}`, { cause, values })
  })
  if (bytes.length > bytesMax)
    throw new VitalchainError('ERR_FILE', `${file} has more than ${bytesMax} bytes`, { values })
  return bytes
}

/** A genesis document's bytes, checked to be one: all trust begins here. @throws VitalchainError `ERR_FILE` */
export async function readGenesis(file: string): Promise<Uint8Array> {
  const bytes = await readBytes(file)
  try {
    genesisFormat.decode(bytes)
  } catch (cause) {
    // The founders' file is what people have at hand.
    const hint = bytes[0] === OPENING_BRACE ? ': take genesis.cbor of a data directory' : ''
    throw new VitalchainError('ERR_FILE', `${file} is no genesis document${hint}`, { cause })
  }
  return bytes
}

/**
 * Reads JSON.
 *
 * @param name - what errors call it
 * @throws VitalchainError `ERR_FILE`
 */
export function parseJson(text: string, name: string): JsonReader {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Without the cause: its message quotes the text, which may hold a key.
    throw fault(name, 'JSON')
  }
  return reader(value, name)
}

function reader(value: unknown, path: string): JsonReader {
  const optional = (name: string): JsonReader | undefined => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw fault(path, 'an object')
    const found = new Map<string, unknown>(Object.entries(value)).get(name)
    return found === undefined || found === null ? undefined : reader(found, `${path}: ${name}`)
  }
  const text = (): string => {
    if (typeof value !== 'string') throw fault(path, 'a text')
    return value
  }
  return {
    text,
    optional,
    json: () => JSON.stringify(value),
    integer(min = 0, max = Number.MAX_SAFE_INTEGER) {
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
        throw fault(path, `a whole number from ${min} to ${max}`)
      return value
    },
    boolean() {
      if (typeof value !== 'boolean') throw fault(path, 'true or false')
      return value
    },
    hex(bytes) {
      const found = hexOf(text(), path)
      if (bytes !== undefined && found.length !== bytes)
        throw fault(path, `${bytes} bytes in hexadecimal`)
      return found
    },
    list() {
      if (!Array.isArray(value)) throw fault(path, 'a list')
      return value.map((each: unknown, k) => reader(each, `${path}: ${k}`))
    },
    field(name) {
      const found = optional(name)
      if (found === undefined) throw fault(path, `a field ${name}`)
      return found
    }
  }
}

function hexOf(text: string, path: string): Uint8Array {
  try {
    return fromHex(text)
  } catch (error) {
    if (isVitalchainError(error)) throw fault(path, 'hexadecimal digits')
    throw error
  }
}

// The value itself stays out: it may be a secret.
function fault(path: string, expected: string): VitalchainError {
  return new VitalchainError('ERR_FILE', `${path}: expected ${expected}`, { values: { path } })
}
