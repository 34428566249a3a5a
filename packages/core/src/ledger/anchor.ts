import { equalBytes } from '../bytes.ts'
import type { BoundedCache } from '../crypto/bounded-cache.ts'
import {
  bytes,
  hash32,
  list,
  mapped,
  optional,
  tagged,
  tuple,
  uint,
  type Codec
} from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { EMPTY_ROOT, verifyConsistency, type TreeHead } from '../merkle/history.ts'
import {
  certificateCodec,
  hashCertificate,
  verifyCertificate,
  type Certificate
} from './certificate.ts'
import { genesisFormat, genesisValidators, networkId, type Genesis } from './genesis.ts'
import { blockHash, decodeHeader, encodeHeader, type Header } from './header.ts'
import {
  CONSISTENCY_PATH_MAX,
  GENESIS_BYTES_MAX,
  HANDOVERS_MAX,
  HEADER_BYTES_MAX
} from './limits.ts'
import { hashValidatorSet, validatorSetCodec, type ValidatorSet } from './validators.ts'

/** A certified header after which another validator set signs, with that set. */
export interface HandOver {
  readonly header: Header
  readonly certificate: Certificate
  /** The validators from the next height on. */
  readonly validators: ValidatorSet
}

/** Shows that a header's history continues an earlier one: that of this size and root, RFC 9162 section 2.1.4. */
export interface Consistency {
  readonly size: number
  readonly root: Uint8Array
  readonly path: readonly Uint8Array[]
}

/** What ties a header to the genesis document: the part that all proofs share. spec F-21. */
export interface Anchor {
  /** The bytes of the genesis document. */
  readonly genesis: Uint8Array
  /** Every change of the validator set from genesis to the header's height. */
  readonly handOvers: readonly HandOver[]
  readonly header: Header
  /** The quorum's signatures over that header. */
  readonly certificate: Certificate
  /** For verifiers that trust a checkpoint of this size. */
  readonly consistency: Consistency | undefined
}

/** A checkpoint that a verifier trusts, however it came by it. */
export interface Pin {
  /** Transactions in the history. */
  readonly size: number
  /** Root of the history tree of that size. */
  readonly root: Uint8Array
  /**
   * Hash of the validator set that certified or cosigned it (F-7), which is that of its last transaction's block or of a
   * later one. With it the pin also keeps out what retired validators would put behind the pinned history; without it only
   * what they would put into it.
   */
  readonly validators?: Uint8Array | undefined
}

/** What a verifier trusts. */
export interface Trust {
  /** The genesis document's bytes, or the network id (its SHA-256, 32 bytes). */
  readonly genesis: Uint8Array
  readonly pin?: Pin | undefined
}

/**
 * What a proof rests on. `genesis-only`: on nobody ever having had the keys of a quorum of any validator set since
 * genesis, retired ones included. `pinned@size`: on the pin, so that no key retired before it matters.
 */
export type TrustLevel = 'genesis-only' | `pinned@${number}`

/** What a verified anchor proves: a certified header. */
export interface ProvenAnchor {
  /** The network id that the proof is anchored in. */
  readonly network: Uint8Array
  readonly genesis: Genesis
  readonly header: Header
  readonly blockHash: Uint8Array
  /** The members that certified the header, with the name they have in the genesis, if they are in it. */
  readonly certifiedBy: readonly {
    readonly member: Uint8Array
    readonly name: string | undefined
  }[]
  /** How many validators there were at that height. */
  readonly validators: number
  /** The validators of that height. */
  readonly validatorSet: ValidatorSet
  /** Changes of the validator set since genesis. */
  readonly handOvers: number
  /** What the header rests on. */
  readonly trust: TrustLevel
}

/** The codec of a header inside another document: as the byte string that was hashed. */
export const headerBytesCodec: Codec<Header> = mapped(
  bytes(1, HEADER_BYTES_MAX),
  decodeHeader,
  encodeHeader
)

/** The codec of a hand-over. The 0 leaves room for recovery headers, signed by recovery keys, as another kind. */
export const handOverCodec: Codec<HandOver> = tagged([0], {
  header: headerBytesCodec,
  certificate: certificateCodec,
  validators: validatorSetCodec
})

/** The fields with which a document that holds an anchor begins. spec F-21. */
export const anchorFields: {
  readonly [K in keyof Anchor]: Codec<Anchor[K]>
} = {
  genesis: bytes(1, GENESIS_BYTES_MAX),
  handOvers: list(handOverCodec, HANDOVERS_MAX),
  header: headerBytesCodec,
  certificate: certificateCodec,
  consistency: optional(
    tuple({
      size: uint(Number.MAX_SAFE_INTEGER, 1),
      root: hash32,
      path: list(hash32, CONSISTENCY_PATH_MAX)
    })
  )
}

/**
 * Verifies that a header is certified by the validators that the genesis leads to, and that its history continues the
 * pinned one. Pure. spec F-21.
 *
 * @param good - certificates found good before, by their hash; new ones are added
 * @throws VitalchainError `ERR_OTHER_NETWORK`, `ERR_HANDOVER`, `ERR_CERTIFICATE`, `ERR_CONSISTENCY`; `ERR_PIN` when it
 * contradicts the pin, `ERR_PIN_UNPROVEN` when nothing ties it to the pin: a node renews the proof
 */
export function verifyAnchor(
  anchor: Anchor,
  trust: Trust,
  good?: BoundedCache<true>
): ProvenAnchor {
  const network = networkId(anchor.genesis)
  const trusted = trust.genesis.length === 32 ? trust.genesis : networkId(trust.genesis)
  if (!equalBytes(network, trusted))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the proof is from another network')
  const genesis = genesisFormat.decode(anchor.genesis)

  const founders = genesisValidators(genesis)
  let validators = founders
  let height = 0
  let from = 0
  let validatorsPinned = false
  for (const { header: at, certificate, validators: next } of anchor.handOvers) {
    verifyCertified(at, certificate, { validators, network, after: height }, good)
    if (
      !equalBytes(at.nextValidatorsHash, hashValidatorSet(next)) ||
      equalBytes(at.nextValidatorsHash, at.validatorsHash)
    ) {
      throw new VitalchainError(
        'ERR_HANDOVER',
        `header ${at.height} does not hand over to the validators given`,
        { values: { height: at.height } }
      )
    }
    validatorsPinned ||= isPinned(validators, { from, to: at.history.size }, trust.pin)
    validators = next
    height = at.height
    from = at.history.size
  }
  verifyCertified(anchor.header, anchor.certificate, { validators, network, after: height }, good)
  validatorsPinned ||= isPinned(validators, { from, to: anchor.header.history.size }, trust.pin)
  verifyPin(anchor, trust.pin, validatorsPinned)

  const names = new Map(founders.map((each, k) => [each.member.join(), genesis.members[k]?.name]))
  return {
    network,
    genesis,
    header: anchor.header,
    blockHash: anchor.certificate.blockHash,
    certifiedBy: anchor.certificate.signers.flatMap(signer => {
      const member = validators[signer]?.member
      return member === undefined ? [] : [{ member, name: names.get(member.join()) }]
    }),
    validators: validators.length,
    validatorSet: validators,
    handOvers: anchor.handOvers.length,
    trust: trust.pin !== undefined && validatorsPinned ? `pinned@${trust.pin.size}` : 'genesis-only'
  }
}

/**
 * What a transaction rests on that stands at `index` of a verified anchor's history: before the pin's end it is in the
 * pinned history itself, whoever signed the header.
 */
export function trustOfLeaf(index: number, anchor: ProvenAnchor, pin: Pin | undefined): TrustLevel {
  return pin !== undefined && index < pin.size ? `pinned@${pin.size}` : anchor.trust
}

/**
 * A header of this network, above `after`, certified by a quorum of these validators.
 *
 * @throws VitalchainError `ERR_OTHER_NETWORK`, `ERR_HANDOVER`, `ERR_CERTIFICATE`
 */
export function verifyCertified(
  at: Header,
  certificate: Certificate,
  by: {
    readonly validators: ValidatorSet
    readonly network: Uint8Array
    /** The height of the last hand-over, or another one that the header must be above. */
    readonly after: number
  },
  good?: BoundedCache<true>
): void {
  const values = { height: at.height }
  if (!equalBytes(at.network, by.network))
    throw new VitalchainError('ERR_OTHER_NETWORK', `header ${at.height} is from another network`, {
      values
    })
  if (at.height <= by.after || at.recoveryEpoch !== 0) {
    throw new VitalchainError(
      'ERR_HANDOVER',
      `header ${at.height} does not follow the hand-over at ${by.after}`,
      { values }
    )
  }
  if (!equalBytes(at.validatorsHash, hashValidatorSet(by.validators))) {
    throw new VitalchainError(
      'ERR_HANDOVER',
      `header ${at.height} is for other validators than the hand-overs lead to`,
      { values }
    )
  }
  if (
    certificate.phase !== 'commit' ||
    certificate.height !== at.height ||
    !equalBytes(certificate.blockHash, blockHash(at))
  ) {
    throw new VitalchainError('ERR_CERTIFICATE', `the certificate is not for header ${at.height}`, {
      values
    })
  }
  // The certificate names the header, and the header its validators: the same bytes have the same verdict.
  const name = hashCertificate(certificate)
  if (good?.get(name) === true) return
  verifyCertificate(certificate, by.validators, {
    network: by.network,
    recoveryEpoch: at.recoveryEpoch
  })
  good?.set(name, true)
}

/** Whether this set certified histories of the pin's size: one that comes back after others is not taken for the earlier. */
function isPinned(
  validators: ValidatorSet,
  { from, to }: { readonly from: number; readonly to: number },
  pin: Pin | undefined
): boolean {
  return (
    pin?.validators !== undefined &&
    from <= pin.size &&
    pin.size <= to &&
    equalBytes(hashValidatorSet(validators), pin.validators)
  )
}

/** spec F-21: the history continues the pinned one, and the pinned validators lead to the header. */
function verifyPin(
  { header: { history }, consistency }: Anchor,
  pin: Pin | undefined,
  validatorsPinned: boolean
): void {
  // Checked without a pin as well: every byte of a proof counts, for everybody.
  if (consistency !== undefined && !verifyConsistency(consistency, history, consistency.path)) {
    throw new VitalchainError(
      'ERR_CONSISTENCY',
      `the history of ${history.size} does not continue that of ${consistency.size}`,
      { values: { size: history.size, from: consistency.size } }
    )
  }
  if (pin === undefined) return
  const values = { size: history.size, pin: pin.size }
  // Every history continues itself and the empty one; everything else shows the way from exactly the pin.
  let from: TreeHead | undefined = consistency
  if (pin.size === history.size) from = history
  else if (pin.size === 0) from = { size: 0, root: EMPTY_ROOT }
  if (from?.size !== pin.size) {
    throw new VitalchainError(
      'ERR_PIN_UNPROVEN',
      `nothing shows that the history of ${history.size} continues the pinned one of ${pin.size}: have the proof renewed`,
      { values }
    )
  }
  if (!equalBytes(from.root, pin.root)) {
    throw new VitalchainError('ERR_PIN', 'the proof is of another history than the pinned one', {
      values
    })
  }
  if (pin.validators !== undefined && !validatorsPinned) {
    throw new VitalchainError(
      'ERR_PIN',
      'the validators that certify the header do not descend from the pinned ones',
      { values }
    )
  }
}
