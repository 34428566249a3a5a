import { decodeCbor, RECEIPT_BYTES_MAX, VitalchainError } from '@vitalchain/core'

/** What a file may prove, told by its content. */
export type ProofKind =
  | 'receipt'
  | 'receipt-json'
  | 'state-proof'
  | 'completeness'
  | 'tlog-proof'
  | 'cose-receipt'
  | 'checkpoint'

const CBOR_KINDS: ReadonlyMap<unknown, ProofKind> = new Map<unknown, ProofKind>([
  ['vitalchain/receipt', 'receipt'],
  ['vitalchain/state-proof', 'state-proof'],
  ['vitalchain/completeness', 'completeness']
])

/** The first byte of a COSE_Sign1: tag 18. RFC 9052 section 4.2. */
const COSE_SIGN1 = 0xd2

/**
 * The kind of proof that these bytes begin as; whether they are one, its verifier says.
 *
 * @throws VitalchainError `ERR_SCHEMA` for anything else, `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL`
 */
export function proofKind(bytes: Uint8Array): ProofKind {
  if (bytes[0] === COSE_SIGN1) return 'cose-receipt'
  const start = new TextDecoder().decode(bytes.subarray(0, 64))
  if (start.startsWith('c2sp.org/tlog-proof@')) return 'tlog-proof'
  if (start.startsWith('vitalchain/')) return 'checkpoint'
  if (/^\uFEFF?\s*\{/.test(start)) return 'receipt-json'
  const document = decodeCbor(bytes, RECEIPT_BYTES_MAX)
  const kind = CBOR_KINDS.get(Array.isArray(document) ? document[0] : undefined)
  if (kind !== undefined) return kind
  throw new VitalchainError(
    'ERR_SCHEMA',
    'no receipt, state proof, completeness proof, tlog-proof, COSE receipt or checkpoint'
  )
}
