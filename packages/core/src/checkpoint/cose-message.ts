import { equalBytes, fromHex } from '../bytes.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../encoding/cbor.ts'
import { VitalchainError } from '../errors.ts'
import { checkpointOrigin, type Checkpoint } from './checkpoint.ts'

// Labels of RFC 9052 section 3.1, RFC 9597 (15), RFC 9942 (395, 396) and RFC 8392 (the claims).
/** The signature algorithm. */
const LABEL_ALGORITHM = 1
/** The key id: the checkpoint key itself. */
const LABEL_KEY_ID = 4
/** Claims about the receipt. */
const LABEL_CLAIMS = 15
/** The kind of tree. */
const LABEL_TREE = 395
/** The proofs. */
export const LABEL_PROOFS = 396
/** Inclusion proofs, among the proofs. */
export const LABEL_INCLUSION = -1
/** The issuer: the checkpoint's origin. */
const CLAIM_ISSUER = 1
/** When it was signed, seconds since 1970. */
const CLAIM_ISSUED_AT = 6
/** The tree's size. Private use: RFC 9942 signs the root alone, and a path fixes neither size nor index. */
const CLAIM_TREE_SIZE = -65_537

/** Bytes of a protected header: about 160 are used. */
const HEAD_BYTES_MAX = 256

const EDDSA = -8
const RFC9162_SHA256 = 1
const EMPTY = new Uint8Array(0)

/** What the protected header of a COSE Receipt says. */
export interface CoseReceiptHead extends Omit<Checkpoint, 'root'> {
  /** When it was signed, seconds since 1970. */
  readonly time: number
  /** The signer's checkpoint key, 32 bytes. */
  readonly checkpointKey: Uint8Array
}

/** The protected header of a COSE Receipt (RFC 9942, "Receipt of Inclusion"). spec K-7. */
export function encodeCoseHead({
  network,
  size,
  time,
  checkpointKey
}: CoseReceiptHead): Uint8Array {
  return encodeCbor(
    new Map<CborValue, CborValue>([
      [LABEL_ALGORITHM, EDDSA],
      [LABEL_KEY_ID, checkpointKey],
      [
        LABEL_CLAIMS,
        new Map<CborValue, CborValue>([
          [CLAIM_ISSUER, checkpointOrigin(network)],
          [CLAIM_ISSUED_AT, time],
          [CLAIM_TREE_SIZE, size]
        ])
      ],
      [LABEL_TREE, RFC9162_SHA256]
    ])
  )
}

/**
 * Reads such a header: exactly that form and no other.
 *
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL` or `ERR_SCHEMA`
 */
export function readCoseHead(encoded: Uint8Array): CoseReceiptHead {
  const head = decodeCbor(encoded, HEAD_BYTES_MAX)
  const claims = entry(head, LABEL_CLAIMS)
  const issuer = entry(claims, CLAIM_ISSUER)
  const [, network = ''] =
    /^vitalchain\/([0-9a-f]{64})$/.exec(typeof issuer === 'string' ? issuer : '') ?? []
  const size = entry(claims, CLAIM_TREE_SIZE)
  const time = entry(claims, CLAIM_ISSUED_AT)
  const checkpointKey = entry(head, LABEL_KEY_ID)
  if (
    network !== '' &&
    isCount(size) &&
    isCount(time) &&
    checkpointKey instanceof Uint8Array &&
    checkpointKey.length === 32
  ) {
    const read: CoseReceiptHead = { network: fromHex(network), size, time, checkpointKey }
    // What else the header must and must not hold: the one header of these values has it.
    if (equalBytes(encodeCoseHead(read), encoded)) return read
  }
  throw new VitalchainError(
    'ERR_SCHEMA',
    'COSE receipt: expected a protected header with EdDSA, key, issuer, time, tree size and RFC9162_SHA256'
  )
}

function entry(map: CborValue | undefined, label: number): CborValue | undefined {
  return map instanceof Map ? (map as ReadonlyMap<CborValue, CborValue>).get(label) : undefined
}

function isCount(value: CborValue | undefined): value is number {
  return typeof value === 'number' && value >= 0
}

/**
 * The bytes under the signature of a COSE Receipt: the Sig_structure of RFC 9052 section 4.4 with the root as payload.
 * spec K-7.
 */
export function coseReceiptMessage(head: CoseReceiptHead, root: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', encodeCoseHead(head), EMPTY, root])
}
