import { equalBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import {
  bytes,
  hash32,
  integer,
  list,
  optional,
  tuple,
  uint,
  type Codec
} from '../encoding/schema.ts'
import { certificateCodec, type Certificate } from './certificate.ts'
import { VALIDATORS_MAX, PREPARED_VIEW_MAX } from './limits.ts'
import { quorum } from './validators.ts'

/** What a view change said, without the certificate behind it. */
export interface ViewChangeClaim {
  /** Index of the signer in the validator set of the height. */
  readonly sender: number
  /** The view of the signer's highest prepared certificate, or -1. */
  readonly preparedView: number
  /** The block of that certificate, or 32 zero bytes. */
  readonly preparedHash: Uint8Array
  readonly signature: Uint8Array
}

/** Why a proposal above view 0 is the right one: a quorum's view changes to exactly its view. spec C-15. */
export interface Justification {
  /** Exactly quorum-many, by ascending sender. */
  readonly claims: readonly ViewChangeClaim[]
  /** The certificate behind the highest claim; undefined when no claim names one. */
  readonly prepared: Certificate | undefined
}

/** The codec of a justification, for formats that carry one. */
export const justificationCodec: Codec<Justification> = tuple({
  claims: list(
    tuple({
      sender: uint(VALIDATORS_MAX - 1),
      preparedView: integer(-1, PREPARED_VIEW_MAX),
      preparedHash: hash32,
      signature: bytes(64)
    }),
    quorum(VALIDATORS_MAX),
    1
  ),
  prepared: optional(certificateCodec)
})

/** What a proposal's signature covers of its justification: SHA-256 of its CBOR, or 32 zero bytes in view 0. */
export function hashJustification(justification: Justification | undefined): Uint8Array {
  return justification === undefined
    ? new Uint8Array(32)
    : sha256(encodeCbor(justificationCodec.write(justification)))
}

/** The proposal that a justification has to justify. */
export interface JustifiedPlace {
  /** The quorum of the height's validators. */
  readonly quorum: number
  readonly view: number
  readonly blockHash: Uint8Array
}

/** The costly parts of the check, so that whoever saw a signature before need not check it again. */
export interface JustificationChecks {
  /** Whether a claim is signed by its sender, as a view change to the view of the proposal. */
  isSigned(claim: ViewChangeClaim): boolean
  /** Whether a certificate of the height, whose phase, view and block fit, holds a quorum's valid signatures. */
  isProven(certificate: Certificate): boolean
}

/**
 * What is wrong with the justification of a proposal above view 0, or undefined when it is a good one: a quorum went
 * to exactly this view, and it proposes the block of the highest prepared certificate among them, or a fresh one
 * when there is none. The one implementation of spec C-15: for replicas that vote, and for evidence.
 */
export function justificationFault(
  { claims, prepared }: Justification,
  place: JustifiedPlace,
  checks: JustificationChecks
): string | undefined {
  const { view, blockHash, quorum: needed } = place
  if (claims.length !== needed) return `${claims.length} claims where exactly ${needed} are needed`
  if (claims.some((claim, k) => claim.sender <= (claims[k - 1]?.sender ?? -1)))
    return 'claims not of distinct validators by ascending index'
  const highest = Math.max(...claims.map(claim => claim.preparedView))
  if (highest < 0) {
    if (prepared !== undefined) return 'a certificate that no claim names'
  } else {
    const top = claims.filter(claim => claim.preparedView === highest)
    if (!top.every(claim => equalBytes(claim.preparedHash, blockHash)))
      return 'another block than that of the highest claim'
    if (
      prepared?.phase !== 'prepare' ||
      prepared.view !== highest ||
      !equalBytes(prepared.blockHash, blockHash)
    )
      return 'no prepared certificate of the highest claim'
  }
  if (!claims.every(claim => isClaim(claim, view))) return 'a claim that contradicts itself'
  if (!claims.every(claim => checks.isSigned(claim))) return 'a claim that its sender did not sign'
  if (prepared !== undefined && !checks.isProven(prepared))
    return 'a prepared certificate that proves nothing'
  return undefined
}

/** Whether the parts of a claim in a view change to `view` agree with each other. spec C-13. */
export function isClaim(
  claim: Pick<ViewChangeClaim, 'preparedView' | 'preparedHash'>,
  view: number
): boolean {
  return claim.preparedView < 0
    ? claim.preparedHash.every(byte => byte === 0)
    : claim.preparedView < view
}
