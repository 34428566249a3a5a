import { equalBytes } from '../bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import { decodeCbor, encodeCbor, tagSign1, untagSign1, type CborValue } from '../encoding/cbor.ts'
import { hash32, list, tuple, uint } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { INCLUSION_PATH_MAX } from '../ledger/limits.ts'
import { inclusionRoot, leafHash, type TreeHead } from '../merkle/history.ts'
import type { CheckpointTrust } from './checkpoint-note.ts'
import {
  coseReceiptMessage,
  encodeCoseHead,
  readCoseHead,
  LABEL_INCLUSION,
  LABEL_PROOFS
} from './cose-message.ts'
import type { CheckpointShare } from './share.ts'

/** Bytes of a COSE Receipt: 53 hashes of 34 bytes and 300 bytes around them. */
export const COSE_RECEIPT_BYTES_MAX: number = 4 * 1024

const proofCodec = tuple({
  size: uint(),
  index: uint(),
  path: list(hash32, INCLUSION_PATH_MAX)
})

/** What a COSE Receipt proves: one hospital's word that a transaction is in its tree. */
export interface ProvenCose extends TreeHead {
  readonly network: Uint8Array
  /** The member id of the hospital that signed. */
  readonly member: Uint8Array
  /** The transaction's place in the tree. */
  readonly index: number
  /** When it was signed, by the signer's clock, seconds since 1970. */
  readonly time: number
}

/**
 * One hospital's COSE Receipt (RFC 9942) for a transaction that its checkpoint covers. It checks nothing: a share of
 * another checkpoint or a wrong path gives a receipt that does not verify. spec K-7.
 *
 * @param from.share - the hospital's share of the checkpoint
 * @param from.index - the transaction's place
 * @param from.path - its inclusion path in the tree of the share's size
 * @param from.checkpointKey - the hospital's checkpoint key, 32 bytes
 */
export function coseReceipt(from: {
  readonly share: CheckpointShare
  readonly index: number
  readonly path: readonly Uint8Array[]
  readonly checkpointKey: Uint8Array
}): Uint8Array {
  const { share, index, path, checkpointKey } = from
  const proof = encodeCbor(proofCodec.write({ size: share.size, index, path }))
  return encodeCbor(
    tagSign1([
      encodeCoseHead({ network: share.network, size: share.size, time: share.time, checkpointKey }),
      new Map<CborValue, CborValue>([
        [LABEL_PROOFS, new Map<CborValue, CborValue>([[LABEL_INCLUSION, [proof]]])]
      ]),
      null,
      share.cose
    ])
  )
}

/**
 * Checks a COSE Receipt of this network: exactly the form that {@link coseReceipt} gives. Pure. spec K-7.
 *
 * @param transaction - the transaction's bytes, the leaf
 * @throws VitalchainError `ERR_TOO_LARGE`, `ERR_ENCODING`, `ERR_NOT_CANONICAL` or `ERR_SCHEMA` for bytes of another form,
 * `ERR_OTHER_NETWORK`, `ERR_INCLUSION` for a path that no such tree has, and `ERR_CHECKPOINT` when the signer is no
 * validator, or did not sign the root to which the transaction and the path lead
 */
export function verifyCoseReceipt(
  encoded: Uint8Array,
  transaction: Uint8Array,
  trust: CheckpointTrust
): ProvenCose {
  const { head, index, path, signature } = readCoseReceipt(encoded)
  if (!equalBytes(head.network, trust.network))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the COSE receipt is from another network')
  const signer = trust.validators.find(each => equalBytes(each.checkpointKey, head.checkpointKey))
  if (signer === undefined)
    throw new VitalchainError('ERR_CHECKPOINT', 'the COSE receipt is by no validator', {
      values: { size: head.size }
    })
  const root = inclusionRoot(leafHash(transaction), index, head.size, path)
  if (root === undefined)
    throw new VitalchainError('ERR_INCLUSION', `no tree of ${head.size} has such a path`, {
      values: { index, size: head.size }
    })
  const { network, size, time, checkpointKey } = head
  const message = coseReceiptMessage(head, root)
  if (!verifyEd25519(checkpointKey, message, signature))
    throw new VitalchainError(
      'ERR_CHECKPOINT',
      'the transaction is not in the tree that the COSE receipt signs, or the signature is not valid',
      { values: { index, size } }
    )
  return { network, member: signer.member, size, root, index, time }
}

function readCoseReceipt(encoded: Uint8Array) {
  const parts = untagSign1(decodeCbor(encoded, COSE_RECEIPT_BYTES_MAX))
  if (!Array.isArray(parts) || parts.length !== 4) throw unfit('an array of 4 items in tag 18')
  const [head, unprotectedHeader, payload, signature] = parts as readonly CborValue[]
  if (!(head instanceof Uint8Array)) throw unfit('a protected header')
  if (payload !== null) throw unfit('a detached payload')
  if (!(signature instanceof Uint8Array) || signature.length !== 64)
    throw unfit('a signature of 64 bytes')
  const proofs = onlyEntry(onlyEntry(unprotectedHeader, LABEL_PROOFS), LABEL_INCLUSION)
  const [proof, ...others] = Array.isArray(proofs) ? (proofs as readonly CborValue[]) : []
  if (!(proof instanceof Uint8Array) || others.length > 0) throw unfit('one inclusion proof')
  const { size, index, path } = proofCodec.read(
    decodeCbor(proof, COSE_RECEIPT_BYTES_MAX),
    'COSE receipt'
  )
  const signed = readCoseHead(head)
  if (size !== signed.size) throw unfit('a proof for the tree size that is signed')
  return { head: signed, index, path, signature }
}

/** The value of a map with this one label. */
function onlyEntry(map: CborValue | undefined, label: number): CborValue | undefined {
  const entries = map instanceof Map ? (map as ReadonlyMap<CborValue, CborValue>) : undefined
  if (entries?.size !== 1 || !entries.has(label)) throw unfit(`only label ${label}`)
  return entries.get(label)
}

function unfit(expected: string): VitalchainError {
  return new VitalchainError('ERR_SCHEMA', `COSE receipt: expected ${expected}`)
}
