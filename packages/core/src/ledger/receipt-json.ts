import { fromHex, toHex } from '../bytes.ts'
import { CBOR_ITEMS_MAX } from '../encoding/cbor.ts'
import { isVitalchainError, VitalchainError } from '../errors.ts'
import { encodeCertificate, decodeCertificate, type Certificate } from './certificate.ts'
import { genesisFormat, networkId } from './genesis.ts'
import { blockHash, decodeHeader, encodeHeader, type Header } from './header.ts'
import { HANDOVERS_MAX, RECEIPT_BYTES_MAX, VALIDATORS_MAX } from './limits.ts'
import { receiptFormat } from './receipt.ts'
import { decodeTransaction } from './transaction.ts'
import type { Validator } from './validators.ts'

/** A value of JSON. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json }

/** A record of JSON. */
export type JsonRecord = { readonly [name: string]: Json }

/** Characters of a receipt in JSON: bytes in hexadecimal twice, once as they are and once taken apart, and the names. */
export const RECEIPT_JSON_CHARACTERS_MAX: number = 8 * RECEIPT_BYTES_MAX

/** Values in a receipt in JSON: twice what its bytes can hold. Each takes memory, however few characters it has. */
const RECEIPT_JSON_VALUES_MAX = 2 * CBOR_ITEMS_MAX

/** Fields that are times in ms since 1970. */
const TIMES: ReadonlySet<string> = new Set(['time', 'created', 'from', 'to'])

/** The last time that has an ISO form, ms since 1970 (ECMA-262, time values). Device clocks may say anything. */
const ISO_MS_MAX = 8.64e15

/**
 * A receipt for people: readable names, bytes in hexadecimal, times as ISO 8601. What was hashed or signed stands as
 * `bytes` beside what it says, so nothing is lost. It proves nothing by itself: {@link receiptFromJson} gives the receipt
 * back, and that is verified. spec F-24.
 *
 * @throws VitalchainError as `receiptFormat.decode` does, and for a genesis or transaction that cannot be read
 */
export function receiptToJson(encoded: Uint8Array): JsonRecord {
  const receipt = receiptFormat.decode(encoded)
  return {
    type: 'vitalchain/receipt',
    version: 1,
    network: toHex(networkId(receipt.genesis)),
    genesis: {
      bytes: toHex(receipt.genesis),
      ...readableFields(genesisFormat.decode(receipt.genesis))
    },
    handOvers: receipt.handOvers.map(({ header, certificate, validators }) => ({
      header: headerJson(header),
      certificate: certificateJson(certificate),
      validators: readable(validators)
    })),
    header: headerJson(receipt.header),
    certificate: certificateJson(receipt.certificate),
    consistency: readable(receipt.consistency),
    index: receipt.index,
    path: readable(receipt.path),
    transaction: {
      bytes: toHex(receipt.transaction),
      ...readableFields(decodeTransaction(receipt.transaction))
    }
  }
}

/**
 * The bytes of a receipt from its JSON text. Every field must say what the bytes say, and none stands twice: what a
 * person reads in an accepted text is what a verifier sees. White space and the order of fields are free. spec F-24.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`; `ERR_SCHEMA` for a text that is not the JSON of a receipt; as `receiptToJson`
 */
export function receiptFromJson(text: string): Uint8Array {
  if (text.length > RECEIPT_JSON_CHARACTERS_MAX) {
    throw new VitalchainError('ERR_TOO_LARGE', 'the JSON is longer than that of any receipt', {
      values: { characters: text.length, charactersMax: RECEIPT_JSON_CHARACTERS_MAX }
    })
  }
  const { names, values, isWhole } = measure(text)
  if (values > RECEIPT_JSON_VALUES_MAX) {
    throw new VitalchainError(
      'ERR_TOO_LARGE',
      'the JSON has more values than that of any receipt',
      {
        values: { values, valuesMax: RECEIPT_JSON_VALUES_MAX }
      }
    )
  }
  const json = parse(text)
  const consistency = field(json, 'consistency')
  const encoded = receiptFormat.encode({
    genesis: bytesField(json, 'genesis'),
    handOvers: items(json, 'handOvers', HANDOVERS_MAX).map(each => ({
      header: decodeHeader(bytesField(each, 'header')),
      certificate: decodeCertificate(bytesField(each, 'certificate')),
      validators: items(each, 'validators', VALIDATORS_MAX).map(readValidator)
    })),
    header: decodeHeader(bytesField(json, 'header')),
    certificate: decodeCertificate(bytesField(json, 'certificate')),
    consistency:
      consistency === null
        ? undefined
        : {
            size: numberField(consistency, 'size'),
            root: hexField(consistency, 'root'),
            path: hexItems(consistency, 'path')
          },
    index: numberField(json, 'index'),
    path: hexItems(json, 'path'),
    transaction: bytesField(json, 'transaction')
  })
  const expected = receiptToJson(encoded)
  if (!isWhole || !isSame(json, expected) || names !== countFields(expected))
    throw fault('every field to say once what the bytes say')
  return encoded
}

function headerJson(header: Header): Json {
  const bytes = toHex(encodeHeader(header))
  return { bytes, hash: toHex(blockHash(header)), ...readableFields(header) }
}

function certificateJson(certificate: Certificate): Json {
  return { bytes: toHex(encodeCertificate(certificate)), ...readableFields(certificate) }
}

function readableFields(record: object): JsonRecord {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => [
      name,
      TIMES.has(name) && typeof value === 'number' ? timeText(value) : readable(value)
    ])
  )
}

function readable(value: unknown): Json {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value === 'object' && value !== null) return readableFields(value)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : null
}

function timeText(ms: number): string {
  return Math.abs(ms) <= ISO_MS_MAX ? new Date(ms).toISOString() : `${ms} ms`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not as the cause: its message quotes the text.
    throw fault('JSON')
  }
}

function field(record: unknown, name: string): unknown {
  if (typeof record !== 'object' || record === null || !Object.hasOwn(record, name))
    throw fault(`a field ${name}`)
  const found: unknown = Reflect.get(record, name)
  return found
}

function items(record: unknown, name: string, max: number): readonly unknown[] {
  const found = field(record, name)
  if (!Array.isArray(found) || found.length > max) throw fault(`${name} of at most ${max} items`)
  return found
}

function numberField(record: unknown, name: string): number {
  const found = field(record, name)
  if (typeof found !== 'number' || !Number.isSafeInteger(found)) throw fault(`a number ${name}`)
  return found
}

function hexField(record: unknown, name: string): Uint8Array {
  return hex(field(record, name), name)
}

/** More hashes than any path has are refused when the receipt is read back. */
function hexItems(record: unknown, name: string): Uint8Array[] {
  return items(record, name, HANDOVERS_MAX).map(each => hex(each, name))
}

function bytesField(record: unknown, name: string): Uint8Array {
  return hexField(field(record, name), 'bytes')
}

function hex(value: unknown, name: string): Uint8Array {
  if (typeof value !== 'string') throw fault(`hexadecimal digits in ${name}`)
  try {
    return fromHex(value)
  } catch (error) {
    throw isVitalchainError(error) ? fault(`hexadecimal digits in ${name}`) : error
  }
}

function readValidator(value: unknown): Validator {
  return {
    member: hexField(value, 'member'),
    consensusKey: hexField(value, 'consensusKey'),
    checkpointKey: hexField(value, 'checkpointKey')
  }
}

/** Goes along what is expected, so a hostile depth of the other does not matter. */
function isSame(found: unknown, expected: Json): boolean {
  if (typeof expected !== 'object' || expected === null) return found === expected
  if (typeof found !== 'object' || found === null) return false
  if (Array.isArray(expected) !== Array.isArray(found)) return false
  const fields = Object.entries(expected)
  return (
    Object.keys(found).length === fields.length &&
    fields.every(([name, each]) => Object.hasOwn(found, name) && isSame(field(found, name), each))
  )
}

/**
 * How many names of fields and how many values a text has, if it is JSON, and whether its numbers are written as whole ones.
 * Of a name that stands twice a parser keeps one, and a person reads the other; 2.99999999999999999 is 3 to a parser.
 */
function measure(text: string): {
  readonly names: number
  readonly values: number
  readonly isWhole: boolean
} {
  let names = 0
  let values = 1
  let isWhole = true
  let inString = false
  // Not by a pattern: one that repeats over a string of millions of characters exhausts the stack.
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') inString = !inString
    else if (inString) at += character === '\\' ? 1 : 0
    else if (character === ':') names++
    else if (character === ',' || character === '[' || character === '{') values++
    else if (/^(?:\d[.eE]|-0)/.test(text.slice(at, at + 2))) isWhole = false
  }
  return { names, values, isWhole }
}

function countFields(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce<number>((sum, each) => sum + countFields(each), own)
}

function fault(expected: string): VitalchainError {
  return new VitalchainError('ERR_SCHEMA', `receipt: expected ${expected}`)
}
