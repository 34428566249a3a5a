import {
  bytes,
  format,
  list,
  optional,
  PAYLOAD_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  tuple,
  hash32,
  type Codec,
  type Format,
  type Transaction
} from '@vitalchain/core'

/** A transaction with the payload that its statement names: they travel as one, so that nobody counts one without the other. */
export interface Unit {
  readonly transaction: Uint8Array
  /** Present exactly for statements of readings. */
  readonly payload: Uint8Array | undefined
}

/** Units in one message. */
export const UNITS_MAX: number = 512

/** Bytes after which a bundle is closed: large enough that a signature check costs more than the framing. */
export const BUNDLE_BYTES: number = 256 * 1024

const unit: Codec<Unit> = tuple({
  transaction: bytes(1, TRANSACTION_BYTES_MAX),
  payload: optional(bytes(1, PAYLOAD_BYTES_MAX))
})

/** One unit by itself: what a client hands over by HTTP. The largest transaction and payload, and 16 bytes around them. */
export const unitFormat: Format<Unit> = format(
  'unit',
  TRANSACTION_BYTES_MAX + PAYLOAD_BYTES_MAX + 16,
  unit
)

/** Several units in one message, on the gossip topic and as the answer to a request. */
export const unitsFormat: Format<readonly Unit[]> = format(
  'units',
  BUNDLE_BYTES + TRANSACTION_BYTES_MAX + PAYLOAD_BYTES_MAX + 64 * 1024,
  list(unit, UNITS_MAX)
)

/** Hashes that somebody asks for: of transactions, or of payloads. */
export const hashesFormat: Format<readonly Uint8Array[]> = format(
  'hashes',
  2_048 * 35,
  list(hash32, 2_048)
)

/** About how many bytes a unit takes in a bundle. */
export function unitBytes({ transaction, payload }: Unit): number {
  return transaction.length + (payload?.length ?? 0) + 8
}

/** Cuts units into bundles of about {@link BUNDLE_BYTES}. */
export function* bundles(units: Iterable<Unit>): IterableIterator<readonly Unit[]> {
  let bundle: Unit[] = []
  let size = 0
  for (const each of units) {
    if (
      bundle.length > 0 &&
      (size + unitBytes(each) > BUNDLE_BYTES || bundle.length === UNITS_MAX)
    ) {
      yield bundle
      bundle = []
      size = 0
    }
    bundle.push(each)
    size += unitBytes(each)
  }
  if (bundle.length > 0) yield bundle
}

/** The digest of the payload that a transaction names, if it is a statement of readings. */
export function payloadDigest(transaction: Transaction): Uint8Array | undefined {
  return transaction.type === 'statement' && transaction.statement.type === 'readings'
    ? transaction.statement.payloadDigest
    : undefined
}
